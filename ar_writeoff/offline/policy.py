"""Criteria and accounts from the command's options and a TOML policy file.

company = "Harbour Lights Ltd"

[criteria]
balance_type = "Debit"
cutoff_date = 2026-06-30
max_invoice_amount = 25

[accounts]
offset = "Bad Debt Expense - HL"

An option takes precedence over the file. Unknown names are errors: a typing mistake must not widen what is written off.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ar_writeoff.core import criteria as rules
from ar_writeoff.core import reasons, texts
from ar_writeoff.core.criteria import (
	CREDIT,
	CREDIT_NOTE,
	DEBIT,
	DEDUCT,
	DUE_DATE,
	DUNNING,
	FEES,
	IGNORE,
	JOURNAL_ENTRY,
	LEAVE_OUT,
	NET_FIRST,
	PAYMENT_ENTRY,
	SALES_INVOICE,
	Criteria,
	Threshold,
)
from ar_writeoff.core.money import ZERO, AmountError, parse_amount
from ar_writeoff.core.reasons import Reason
from ar_writeoff.offline import words
from ar_writeoff.offline.labels import FIELDS
from ar_writeoff.offline.problems import InvalidFile, Problem
from ar_writeoff.offline.words import Text, t
from ar_writeoff.posting.rules import BATCH, CUSTOMER, INVOICE, MAX_ROWS_PER_ENTRY
from ar_writeoff.search.rules import NO_VOUCHER_FACTS, CustomerFacts, VoucherFacts

if sys.version_info >= (3, 11):
	import tomllib
else:
	import tomli as tomllib

POSTING_DATE = "Posting Date"

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
	"""Criteria and accounts. `rates`: company currency per unit of another currency of the export."""

	criteria: Criteria
	posting_date: date
	company: str = ""
	company_currency: str = ""
	offset_account: str = ""
	cost_center: str = ""
	entries_per: str = BATCH
	rows_per_entry: int = MAX_ROWS_PER_ENTRY
	only: Mapping[str, frozenset[str]] = field(default_factory=dict)
	leave_out_accounts: frozenset[str] = frozenset()
	opted_out: frozenset[str] = frozenset()
	disabled: frozenset[str] = frozenset()
	frozen: frozenset[str] = frozenset()
	internal: frozenset[str] = frozenset()
	discounted: frozenset[str] = frozenset()
	on_hold: frozenset[str] = frozenset()
	advance_accounts: frozenset[str] = frozenset()
	cutoff_is_a_guess: bool = False
	rates: Mapping[str, Decimal] = field(default_factory=dict)

	@property
	def named_customers(self) -> frozenset[str]:
		"""Customers with data in the policy."""
		return self.opted_out | self.disabled | self.frozen | self.internal

	@property
	def has_voucher_facts(self) -> bool:
		"""Whether the policy has data on any voucher."""
		return bool(self.discounted or self.advance_accounts or self.on_hold)

	def customer_facts(self, customer: str) -> CustomerFacts:
		return CustomerFacts(
			opted_out=customer in self.opted_out,
			disabled=customer in self.disabled,
			frozen=customer in self.frozen,
			internal=customer in self.internal,
		)

	def voucher_facts(self, voucher_no: str, account: str = "", customer: str = "") -> VoucherFacts:
		held = next((name for name in (voucher_no, customer) if name in self.on_hold), None)
		if held:
			return VoucherFacts(hold=Reason.of(reasons.HELD_BY_POLICY, name=held))
		if account in self.advance_accounts:
			return VoucherFacts(
				blocker=Reason.of(reasons.SEPARATE_ADVANCE, account=account).with_link("Account", account)
			)
		return VoucherFacts(discounted=True) if voucher_no in self.discounted else NO_VOUCHER_FACTS


class InvalidPolicy(Exception):
	"""Invalid options or policy; the message says why."""


class InvalidSetting(ValueError):
	"""Invalid value of a setting; the message says why."""

	def __init__(self, text: Text):
		super().__init__(text)
		self.text = text


# sections of the file with their keys and types
TEXT, AMOUNT, DATE, COUNT, NAMES, FLAG, RANGE = ("text", "amount", "date", "count", "names", "flag", "range")
SECTIONS: Mapping[str, Mapping[str, str]] = {
	"": {"company": TEXT, "company_currency": TEXT},
	"criteria": {
		"balance_type": TEXT,
		"cutoff_date": DATE,
		"posting_date": DATE,
		"max_invoice_amount": AMOUNT,
		"min_invoice_amount": AMOUNT,
		"max_customer_amount": AMOUNT,
		"max_original_share": AMOUNT,
		"only_remainders": FLAG,
		"voucher_kind": TEXT,
		"minimum_age_days": COUNT,
		"ageing_based_on": TEXT,
		"customer_credits": TEXT,
		"credit_threshold": AMOUNT,
		"include_disabled_customers": FLAG,
		"include_internal_customers": FLAG,
	},
	"only": {
		"customers": NAMES,
		"customer_groups": NAMES,
		"territories": NAMES,
		"receivable_accounts": NAMES,
		"currencies": NAMES,
		"cost_centers": NAMES,
		"sales_persons": NAMES,
		"payment_terms_templates": NAMES,
	},
	"thresholds": {"*": RANGE},
	"leave_out": {
		"opted_out": NAMES,
		"disabled": NAMES,
		"frozen": NAMES,
		"internal": NAMES,
		"discounted": NAMES,
		"on_hold": NAMES,
		"receivable_accounts": NAMES,
		"advance_accounts": NAMES,
	},
	"accounts": {"offset": TEXT, "cost_center": TEXT},
	"entries": {"entries_per": TEXT, "rows_per_entry": COUNT},
	"rates": {"*": AMOUNT},
	"columns": dict.fromkeys(FIELDS, TEXT),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
	"balance_type": (DEBIT, CREDIT),
	"ageing_based_on": (DUE_DATE, POSTING_DATE),
	"customer_credits": (LEAVE_OUT, DEDUCT, IGNORE, NET_FIRST),
	"entries_per": (BATCH, CUSTOMER, INVOICE),
	# The report does not distinguish debit notes and opening invoices from other invoices.
	"voucher_kind": (SALES_INVOICE, CREDIT_NOTE, PAYMENT_ENTRY, JOURNAL_ENTRY, DUNNING, FEES),
}


def read_file(path: Path) -> Settings:
	"""The settings of a policy file: "section.key" to value.

	Raises:
	    InvalidFile: not TOML, or an unknown name.
	"""
	try:
		with path.open("rb") as file:
			document = tomllib.load(file, parse_float=Decimal)
	except OSError as error:
		raise InvalidFile(
			str(path), Problem(t("The file cannot be read: {error}.", error=error.strerror))
		) from error
	except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
		raise InvalidFile(
			path.name, *_decimal_commas(path), Problem(t("The file is not valid TOML: {error}", error=error))
		) from error

	settings: Settings = {}
	problems: list[Problem] = []
	top = {key: value for key, value in document.items() if not isinstance(value, dict)}
	sections = {key: value for key, value in document.items() if isinstance(value, dict)}
	for section, content in {"": top, **sections}.items():
		known = SECTIONS.get(section)
		if known is None:
			problems.append(
				Problem(
					t(
						"The policy has an unknown section [{section}]. Known sections: {known}.",
						section=section,
						known=", ".join(list(SECTIONS)[1:]),
					)
				)
			)
			continue
		for key, value in content.items():
			name = f"{section}.{key}" if section else key
			kind = known.get(key, known.get("*"))
			if kind is None:
				problems.append(
					Problem(
						t(
							"{name}: unknown setting. Known settings: {known}.",
							name=name,
							known=", ".join(known),
						)
					)
				)
				continue
			try:
				settings[name] = _value(kind, key, value)
			except InvalidSetting as error:
				problems.append(Problem(t("{name}: {problem}", name=name, problem=error.text)))
	if problems:
		raise InvalidFile(path.name, *problems)
	return settings


DECIMAL_COMMA = re.compile(r"^\s*[\w.]+\s*=\s*(-?\d+(?:,\d+)+)\s*(?:#.*)?$")


def _decimal_commas(path: Path) -> Iterator[Problem]:
	"""Problems for amounts with a decimal comma, which TOML does not allow."""
	for row, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
		if found := DECIMAL_COMMA.match(line):
			try:
				amount(found[1])
			except InvalidSetting as error:
				yield Problem(error.text, row)


def _value(kind: str, key: str, value: object) -> object:
	if kind == NAMES and isinstance(value, list) and all(isinstance(name, str) for name in value):
		return frozenset(value)
	if kind == TEXT and isinstance(value, str):
		return choice(key, value)
	if kind == DATE and isinstance(value, date) and not isinstance(value, datetime):
		return value
	if kind == FLAG and isinstance(value, bool):
		return value
	if kind == COUNT and isinstance(value, int) and not isinstance(value, bool):
		return value
	if kind == AMOUNT and isinstance(value, Decimal | int) and not isinstance(value, bool):
		return Decimal(value)
	if kind == RANGE:
		if isinstance(value, str):
			return amount_range(value)
		found = value if isinstance(value, list) and len(value) == 2 else [0, value]
		minimum, maximum = (_value(AMOUNT, key, one) for one in found)
		return minimum, maximum
	if kind == AMOUNT and isinstance(value, str):
		amount(value)  # raises with a message on what is ambiguous
	example = {
		NAMES: '["a", "b"]',
		TEXT: '"text"',
		DATE: "2026-06-30",
		COUNT: "30",
		AMOUNT: "25.00",
		FLAG: "true",
		RANGE: "[5.00, 25.00]",
	}[kind]
	raise InvalidSetting(t("enter a value like {example}.", example=example))


def choice(key: str, value: str) -> str:
	"""The option with this value, in any letter case.

	Raises:
	    InvalidSetting: there is no such option.
	"""
	if key not in CHOICES:
		return value
	for known in CHOICES[key]:
		if value.strip().casefold() == known.casefold():
			return known
	raise InvalidSetting(
		t("{value!r} is not one of {choices}.", value=value, choices=", ".join(CHOICES[key]))
	)


def amount(value: str, decimal: str = "") -> Decimal | None:
	"""Parse an amount; `decimal` is the decimal sign if known.

	Raises:
	    InvalidSetting: not an amount, or ambiguous.
	"""
	try:
		return parse_amount(value, decimal)
	except AmountError as error:
		raise InvalidSetting(t(texts.MESSAGES[error.code], **error.facts)) from None


def amount_range(value: str, decimal: str = "") -> tuple[Decimal, Decimal]:
	"""Parse `25` (a maximum) or `5..25`.

	Raises:
	    InvalidSetting: an amount is missing, no amount, or ambiguous.
	"""
	minimum, dots, maximum = value.rpartition("..")
	found = amount(maximum, decimal)
	if found is None:
		raise InvalidSetting(t("enter a value like {example}.", example="5..25"))
	return (amount(minimum, decimal) or ZERO) if dots else ZERO, found


def day(text: str, form: str = "%Y-%m-%d") -> date:
	"""Parse a date in this format.

	Raises:
	    ValueError: not a date.
	"""
	return datetime.strptime(text, form).date()


def make(settings: Settings, *, today: date, report_date: date | None = None) -> Policy:
	"""Create the policy from settings. Default dates: the export's date, else today.

	Raises:
	    InvalidPolicy: criteria that a run on a site would not accept either.
	"""
	cutoff = settings.get("criteria.cutoff_date") or report_date or today
	posting_date = settings.get("criteria.posting_date") or max(today, cutoff)
	maximum = settings.get("criteria.max_invoice_amount")
	max_customer_amount = settings.get("criteria.max_customer_amount")
	minimum_age_days = settings.get("criteria.minimum_age_days", 0)
	min_invoice_amount = settings.get("criteria.min_invoice_amount") or ZERO
	max_original_share = settings.get("criteria.max_original_share")
	thresholds = tuple(
		Threshold(currency, *amounts) for currency, amounts in sorted(section(settings, "thresholds").items())
	)
	problems = rules.problems(
		max_invoice_amount=maximum,
		min_invoice_amount=min_invoice_amount,
		max_original_share=max_original_share,
		thresholds=thresholds,
		max_customer_amount=max_customer_amount,
		minimum_age_days=minimum_age_days,
		cutoff_date=cutoff,
		posting_date=posting_date,
	)
	if problems or maximum is None:
		found = [reason for _field, reason in problems] or [Reason.of(reasons.MAXIMUM_REQUIRED)]
		raise InvalidPolicy(" ".join(words.message(reason) for reason in found))
	balance_type = settings.get("criteria.balance_type", DEBIT)
	only_remainders = settings.get("criteria.only_remainders", False)
	if balance_type == CREDIT and (max_original_share or only_remainders):
		raise InvalidPolicy(
			t(
				"The report does not show the original amounts of credit balances. Remove the share of the original"
				" amount, and what is left after a payment, from the criteria."
			)
		)
	return Policy(
		criteria=Criteria(
			balance_type=balance_type,
			cutoff_date=cutoff,
			max_invoice_amount=maximum,
			min_invoice_amount=min_invoice_amount,
			max_customer_amount=max_customer_amount or None,
			max_original_share=max_original_share or None,
			only_remainders=only_remainders,
			voucher_kind=settings.get("criteria.voucher_kind") or None,
			thresholds=thresholds,
			minimum_age_days=minimum_age_days,
			ageing_based_on=settings.get("criteria.ageing_based_on", DUE_DATE),
			customer_credits=settings.get("criteria.customer_credits", LEAVE_OUT),
			credit_threshold=settings.get("criteria.credit_threshold") or ZERO,
			include_disabled_customers=settings.get("criteria.include_disabled_customers", False),
			include_internal_customers=settings.get("criteria.include_internal_customers", False),
		),
		posting_date=posting_date,
		company=settings.get("company", ""),
		company_currency=settings.get("company_currency", ""),
		offset_account=settings.get("accounts.offset", ""),
		cost_center=settings.get("accounts.cost_center", ""),
		entries_per=settings.get("entries.entries_per", BATCH),
		rows_per_entry=settings.get("entries.rows_per_entry", MAX_ROWS_PER_ENTRY),
		only={key: settings[f"only.{key}"] for key in SECTIONS["only"] if settings.get(f"only.{key}")},
		leave_out_accounts=settings.get("leave_out.receivable_accounts", frozenset()),
		opted_out=settings.get("leave_out.opted_out", frozenset()),
		disabled=settings.get("leave_out.disabled", frozenset()),
		frozen=settings.get("leave_out.frozen", frozenset()),
		internal=settings.get("leave_out.internal", frozenset()),
		discounted=settings.get("leave_out.discounted", frozenset()),
		on_hold=settings.get("leave_out.on_hold", frozenset()),
		advance_accounts=settings.get("leave_out.advance_accounts", frozenset()),
		cutoff_is_a_guess=not (settings.get("criteria.cutoff_date") or report_date),
		rates=section(settings, "rates"),
	)


def section(settings: Settings, name: str) -> dict[str, Any]:
	"""Settings of one section, without its name."""
	start = f"{name}."
	return {key.removeprefix(start): value for key, value in settings.items() if key.startswith(start)}
