"""Messages of reasons in the reader's language and formats, and messages of ERPNext's validation errors."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NoReturn

import frappe
from frappe import _
from frappe.utils import comma_or, fmt_money, formatdate
from pypika import Table
from pypika.queries import QueryBuilder
from pypika.terms import Criterion

from ar_writeoff.core import reasons, texts
from ar_writeoff.core.reasons import Reason

# Columns of a stored reason. `message` is its English text, for SQL and other programs.
COLUMNS = ("reason_code", "reason_facts", "message")


def message(reason: Reason) -> str:
	"""Return the translated message of this reason."""
	return texts.message(reason, _, format_fact)


def label(code: str) -> str:
	"""Return the translated label for a group of items with this reason."""
	return _(texts.label(code))


def format_fact(fact: str, value: str) -> str:
	"""Format a fact for the reader: amounts and dates in the formats of the site, terms translated."""
	if fact in texts.AMOUNT_FACTS:
		return format_amount(value)
	if fact in texts.ACCOUNT_FACTS:
		return texts.on_accounts(value, format_amount, _)
	if fact in texts.VOUCHER_FACTS:
		return texts.of_vouchers(value, format_amount, _)
	if fact in texts.DATE_FACTS:
		return formatdate(value)
	if fact in texts.TRANSLATED_FACTS:
		if fact == "holder" and value.startswith(texts.SCHEDULE_PREFIX):
			return _("Schedule {0}").format(value.removeprefix(texts.SCHEDULE_PREFIX))
		words = [_(word) for word in value.split("\n")]
		return comma_or(words, add_quotes=False) if fact == "enough" else ", ".join(words)
	return value


def format_amount(value: str) -> str:
	"""Format an amount, with or without its currency, in the formats of the site."""
	number, _space, currency = value.partition(" ")
	decimals = len(number.partition(".")[2])
	return f"{fmt_money(number, precision=decimals)} {currency}".strip()


def columns(reason: Reason | None) -> dict[str, str]:
	"""Return the values of COLUMNS for a reason; empty for None."""
	if reason is None:
		return dict.fromkeys(COLUMNS, "")
	return dict(zip(COLUMNS, (reason.code, reason.stored_facts, texts.message(reason)), strict=True))


def set_reason(query: QueryBuilder, table: Table, reason: Reason | None) -> QueryBuilder:
	"""Add the columns of the reason to an update query of this table."""
	for column, value in columns(reason).items():
		query = query.set(table[column], value)
	return query


def row_message(row: Any) -> str:
	"""Return the translated message of a row with the columns of a reason."""
	return stored_message(row["reason_code"] or "", row["reason_facts"] or "")


def stored_message(code: str, facts: str) -> str:
	"""Return the translated message of a stored reason; empty if there is none."""
	reason = Reason.from_row(code, facts)
	return message(reason) if reason else ""


def localize_messages(rows: Iterable[Any]) -> None:
	"""Set the translated message of these rows. Cached, since most rows share a few reasons."""
	cached_message = cache(stored_message)
	for row in rows:
		row["message"] = cached_message(row.get("reason_code") or "", row.pop("reason_facts", None) or "")


def message_filter(row: Table, text: str) -> Criterion:
	"""Return the condition for rows whose translated message contains all these words: in its text, label or facts."""
	words = [word.casefold() for word in text.split()]
	conditions = []
	for code, sentence in texts.MESSAGES.items():
		known = f"{_(sentence)} {label(code)}".casefold()
		conditions.append(
			Criterion.all(
				[row.reason_code == code, *(_in_facts(row, word) for word in words if word not in known)]
			)
		)
	return Criterion.any([*conditions, Criterion.all([_in_facts(row, word) for word in words])])


def _in_facts(row: Table, word: str) -> Criterion:
	"""Return the condition for rows with this word in the facts, where a number may have other separators."""
	pattern = like_pattern(word)
	if any(letter.isdigit() for letter in word):
		pattern = pattern.replace(".", "%").replace(",", "%")
	return row.reason_facts.like(pattern)


def like_pattern(text: str) -> str:
	"""Return the LIKE pattern that matches this text anywhere."""
	return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


class ReasonError(frappe.ValidationError):
	"""A validation error of the app. The text is in the current user's language, the reason can be translated."""

	def __init__(self, text: str, reason: Reason):
		super().__init__(text)
		self.reason = reason


def throw_reason(reason: Reason) -> NoReturn:
	"""
	Raises:
	    ReasonError: always.
	"""
	text = message(reason)
	frappe.throw(text, ReasonError(text, reason), title=label(reason.code))


def error_reason(error: Exception) -> Reason:
	"""Return the reason of an error: its own, or the message of ERPNext or another app, with the type of the error unless
	Frappe throws it on purpose."""
	if isinstance(error, ReasonError):
		return error.reason
	text = frappe.utils.strip_html(str(error)).strip()
	if isinstance(error, frappe.MandatoryError) and (found := re.match(r"\[([^,\]]+), .*\]: (.+)", text)):
		return values_missing(found[1], found[2].split(", "))
	if isinstance(error, frappe.ValidationError | frappe.PermissionError):
		return Reason.verbatim(text or type(error).__name__)
	return Reason.verbatim(f"{type(error).__name__}: {text}")


def validation_message(check: Callable[..., object], *args: Any) -> str | None:
	"""Return the message of the validation error that `check` throws, or None.

	The message that ERPNext queued for the desk is removed.
	"""
	try:
		check(*args)
	except frappe.ValidationError as error:
		frappe.clear_last_message()
		return error_text(error)
	return None


def error_text(error: Exception) -> str:
	"""Return the plain text of an error, in the current user's language where the app has it."""
	return message(error_reason(error))


def values_missing(doctype: str, fieldnames: list[str]) -> Reason:
	"""Return the reason for mandatory fields of a document or its rows that have no value: with their labels, instead of
	the fieldnames and the document name as in Frappe."""
	meta = frappe.get_meta(doctype)
	metas = [meta, *(frappe.get_meta(field.options) for field in meta.get_table_fields())]
	labels = []
	for fieldname in dict.fromkeys(fieldnames):
		field = next((one.get_field(fieldname) for one in metas if one.has_field(fieldname)), None)
		labels.append(field.label if field else fieldname)
	return Reason.of(reasons.VALUES_MISSING, doctype=doctype, fields="\n".join(labels))
