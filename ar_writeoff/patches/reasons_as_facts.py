"""Convert stored messages of the app, in English or German, to reason codes and facts.

Other texts are kept as verbatim reasons.
"""

import re
from collections.abc import Iterator
from functools import cache

import frappe
from frappe.gettext.translate import get_catalog

from ar_writeoff.core import texts
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages

PREFIXES = {
	"Write-Off Run Item": "",
	"Write-Off Run Event": "",
	"Write-Off Schedule Log": "",
	"Write-Off Schedule": "last_",
}
ROWS = 5000
PLACE = re.compile(r"\\{(\w+)\\}")
AMOUNT = re.compile(r"-?\d+(\.\d+)?( [A-Z]{3})?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def execute() -> None:
	for doctype, prefix in PREFIXES.items():
		# Events had no code.
		coded = doctype == "Write-Off Run Item"
		for rows in pages(doctype, prefix, coded):
			frappe.db.bulk_update(
				doctype,
				{
					name: {
						f"{prefix}{column}": value
						for column, value in messages.columns(reason_of(code or "", text)).items()
					}
					for name, code, text in rows
				},
				chunk_size=500,
				update_modified=False,
			)


def pages(doctype: str, prefix: str, coded: bool) -> Iterator[list[tuple[str, str | None, str]]]:
	"""Yield (name, code, message) of the rows with a message, in pages."""
	row = frappe.qb.DocType(doctype)
	text = row[f"{prefix}message"]
	last = ""
	while True:
		query = frappe.qb.from_(row).select(row.name, row[f"{prefix}reason_code"], text)
		query = query.where((row.name > last) & text.isnotnull() & (text != "")).orderby(row.name)
		if not coded:
			query = query.where(row[f"{prefix}reason_code"].isnull() | (row[f"{prefix}reason_code"] == ""))
		rows = query.limit(ROWS).run()
		if not rows:
			return
		yield rows
		last = rows[-1][0]


@cache
def reason_of(code: str, text: str) -> Reason:
	"""Return the reason for this text; `code`: of the row, if it has one."""
	for candidate in [code] if code else texts.MESSAGES:
		for pattern in patterns(candidate):
			found = pattern.fullmatch(text)
			if found and all(has_stored_format(fact, value) for fact, value in found.groupdict().items()):
				return Reason.of(candidate, **found.groupdict())
	return Reason(code, ((texts.VERBATIM, text),))


@cache
def patterns(code: str) -> list[re.Pattern]:
	"""Return patterns for the English and German message of this code."""
	if code not in texts.MESSAGES:
		return []
	sentences = [texts.MESSAGES[code]]
	# From the source catalog: the compiled one may be older.
	translated = get_catalog("ar_writeoff", "de").get(sentences[0])
	if translated and translated.string:
		sentences.append(str(translated.string))
	return [pattern(sentence) for sentence in sentences]


def pattern(sentence: str) -> re.Pattern:
	"""Return a pattern with a group for each fact. A fact that is in the sentence twice has the same value."""
	seen: set[str] = set()

	def group(place: re.Match) -> str:
		name = place[1]
		if name in seen:
			return f"(?P={name})"
		seen.add(name)
		return f"(?P<{name}>.+)"

	return re.compile(PLACE.sub(group, re.escape(sentence)), re.DOTALL)


def has_stored_format(fact: str, value: str) -> bool:
	"""Whether a fact has its storage format, not one formatted for a reader."""
	if fact in texts.AMOUNT_FACTS:
		return bool(AMOUNT.fullmatch(value))
	if fact in texts.DATE_FACTS:
		return bool(DATE.fullmatch(value))
	return fact not in texts.TRANSLATED_FACTS
