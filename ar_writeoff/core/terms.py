"""The posting terms of a run: one set of values that is previewed, sealed on submit, posted and verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from ar_writeoff.core.criteria import SETTINGS_CRITERIA, Criteria, Filters, Threshold


@dataclass(frozen=True, kw_only=True)
class Terms(Criteria, Filters):
	"""Values that determine the entries of a run besides its items. Amounts are in company currency.

	`dimension_defaults`: the company's default Accounting Dimensions for the offset side, by fieldname.
	`entry_values`: (Journal Entry or Journal Entry Account, fieldname, value) for fields the site has made mandatory; None
	if the run was approved before they were part of the terms. `tax_rule`: the Write-Off Tax Rule of the claims, if any.
	`tax_method`: its method, if the entries take the tax, with the accounts that do, by tax account, in `tax_accounts`; Age Only if
	losses claim nothing and release what was claimed by age.
	"""

	name: str
	company: str
	posting_date: date
	reason: str = ""
	offset_account: str | None = None
	offset_cost_center: str | None = None
	force_cost_center: bool = False
	dimension_defaults: tuple[tuple[str, str], ...] = ()
	entry_values: tuple[tuple[str, str, str], ...] | None = None
	tax_rule: str | None = None
	tax_method: str = ""
	tax_accounts: tuple[tuple[str, str], ...] = ()
	entries_per: str = "Batch"
	rows_per_entry: int = 100
	remark: str = ""

	def values(self) -> dict[str, Any]:
		"""Return the terms by fieldname, as they are sealed."""
		return {field.name: getattr(self, field.name) for field in fields(self)}


# Terms from Write-Off Settings, Write-Off Reason and Company. Approvals by version 0.1.0 recorded only the offset account.
SETTINGS_FIELDS = (
	*SETTINGS_CRITERIA,
	"offset_account",
	"offset_cost_center",
	"force_cost_center",
	"dimension_defaults",
	"entry_values",
	"entries_per",
	"rows_per_entry",
	"remark",
	"tax_rule",
	"tax_method",
	"tax_accounts",
)


def _flag(text: str) -> bool:
	return bool(int(text))


# Conversions of sealed values that are not strings.
_PARSERS: dict[str, Callable[[Any], Any]] = {
	"posting_date": date.fromisoformat,
	"cutoff_date": date.fromisoformat,
	"max_invoice_amount": Decimal,
	"min_invoice_amount": Decimal,
	"max_customer_amount": Decimal,
	"minimum_age_days": int,
	"max_original_share": Decimal,
	"only_remainders": _flag,
	"customers": tuple,
	"thresholds": lambda rows: tuple(
		Threshold(currency, Decimal(minimum), Decimal(maximum)) for currency, minimum, maximum in rows
	),
	"credit_threshold": Decimal,
	"include_disabled_customers": _flag,
	"include_internal_customers": _flag,
	"cancel_payment_requests": _flag,
	"force_cost_center": _flag,
	"dimension_defaults": lambda pairs: tuple((field, value) for field, value in pairs),
	"tax_accounts": lambda pairs: tuple((tax, account) for tax, account in pairs),
	"entry_values": lambda rows: tuple(tuple(row) for row in rows),
	"rows_per_entry": int,
}


def from_record(record: Mapping[str, Any]) -> Terms:
	"""Return the terms of an approval record; missing values take their defaults."""
	values = {
		field.name: _PARSERS.get(field.name, str)(record[field.name])
		for field in fields(Terms)
		if field.name in record
	}
	# 0 in the document: no limit.
	no_limit = {name: None for name in ("max_customer_amount", "max_original_share") if not values.get(name)}
	return Terms(**{**values, **no_limit})


def is_complete(record: Mapping[str, Any]) -> bool:
	"""Whether the record has all terms. Records of version 0.1.0 lack those from the Settings."""
	return "entries_per" in record
