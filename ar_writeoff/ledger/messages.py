"""What a person reads: reasons in the reader's language and formats, and what ERPNext answers when it refuses."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NoReturn

import frappe
from frappe import _
from frappe.utils import fmt_money, formatdate
from pypika import Table
from pypika.queries import QueryBuilder
from pypika.terms import Criterion

from ar_writeoff.core import texts
from ar_writeoff.core.reasons import Reason

# Where a row keeps its reason. `message` is the same in English, for SQL and for other programs.
COLUMNS = ("reason_code", "reason_facts", "message")


def message(reason: Reason) -> str:
	"""The sentence that a person reads for this reason."""
	return texts.message(reason, _, format_fact)


def label(code: str) -> str:
	"""A few words for a group of items left out for the same reason."""
	return _(texts.label(code))


def format_fact(fact: str, value: str) -> str:
	"""A fact as the reader sees it: amounts and dates in the formats of the site, words in the reader's language."""
	if fact in texts.AMOUNT_FACTS:
		number, _space, currency = value.partition(" ")
		decimals = len(number.partition(".")[2])
		return f"{fmt_money(number, precision=decimals)} {currency}".strip()
	if fact in texts.DATE_FACTS:
		return formatdate(value)
	if fact in texts.TRANSLATED_FACTS:
		if fact == "holder" and value.startswith(texts.SCHEDULE_PREFIX):
			return _("Schedule {0}").format(value.removeprefix(texts.SCHEDULE_PREFIX))
		return (_(" or ") if fact == "enough" else ", ").join(_(word) for word in value.split("\n"))
	return value


def columns(reason: Reason | None) -> dict[str, str]:
	"""What is stored of a reason, by column; empty for none."""
	if reason is None:
		return dict.fromkeys(COLUMNS, "")
	return dict(zip(COLUMNS, (reason.code, reason.stored_facts, texts.message(reason)), strict=True))


def set_reason(query: QueryBuilder, table: Table, reason: Reason | None) -> QueryBuilder:
	"""The update of this table, which sets the columns of the reason too."""
	for column, value in columns(reason).items():
		query = query.set(table[column], value)
	return query


def row_message(row: Any) -> str:
	"""The message of a row that has the columns of a reason, in the reader's language."""
	return stored_message(row["reason_code"] or "", row["reason_facts"] or "")


def stored_message(code: str, facts: str) -> str:
	"""The message of a stored reason, in the reader's language; empty where there is none."""
	reason = Reason.from_row(code, facts)
	return message(reason) if reason else ""


def localize_messages(rows: Iterable[Any]) -> None:
	"""Replace what is stored of the reasons of these rows by their messages. Most of them have the same few."""
	cached_message = cache(stored_message)
	for row in rows:
		row["message"] = cached_message(row.get("reason_code") or "", row.pop("reason_facts", None) or "")


def message_filter(row: Table, text: str) -> Criterion:
	"""The condition for rows whose message has all these words, as the reader sees it: in the text of the message, in
	its label, or in its facts."""
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
	"""The condition for rows with this word among the facts. A number may have other separators there."""
	pattern = like_pattern(word)
	if any(letter.isdigit() for letter in word):
		pattern = pattern.replace(".", "%").replace(",", "%")
	return row.reason_facts.like(pattern)


def like_pattern(text: str) -> str:
	"""The pattern that finds this text anywhere."""
	return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


class ReasonError(frappe.ValidationError):
	"""A refusal of our own: its message is in the language of whoever is at work, its reason for all others."""

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
	"""Why a document was refused: the reason, or the words of ERPNext or of another app."""
	if isinstance(error, ReasonError):
		return error.reason
	return Reason.verbatim(error_text(error))


def validation_message(check: Callable[..., object], *args: Any) -> str | None:
	"""What ERPNext answers when it refuses, or None when `check` passes: asked before posting, not tripped over.

	ERPNext's checks throw; the message they leave for the desk is taken back.
	"""
	try:
		check(*args)
	except frappe.ValidationError as error:
		frappe.clear_last_message()
		return error_text(error)
	return None


def error_text(error: Exception) -> str:
	"""What an error says, as plain text; of one that Frappe does not throw on purpose, with its kind.

	Frappe names a mandatory field by its fieldname and adds the number of the document: here it is its label, once.
	"""
	text = frappe.utils.strip_html(str(error)).strip()
	if isinstance(error, frappe.MandatoryError) and (found := re.match(r"\[([^,\]]+), .*\]: (.+)", text)):
		return missing_fields(found[1], found[2].split(", "))
	if isinstance(error, frappe.ValidationError | frappe.PermissionError):
		return text or type(error).__name__
	return f"{type(error).__name__}: {text}"


def missing_fields(doctype: str, fieldnames: list[str]) -> str:
	"""Which mandatory fields of a document, or of its rows, have no value."""
	meta = frappe.get_meta(doctype)
	metas = [meta, *(frappe.get_meta(field.options) for field in meta.get_table_fields())]
	labels = []
	for fieldname in dict.fromkeys(fieldnames):
		field = next(filter(None, (one.get_field(fieldname) for one in metas)), None)
		labels.append(_(field.label, context=field.parent) if field else fieldname)
	return _("{0} needs a value in {1}.").format(_(doctype), ", ".join(labels))
