"""The Write-Off Change Log: renamed and merged documents, and changes of controls, that affect approvals.

Every row is sealed; rows that were created or changed in the database are ignored.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe.model.rename_doc import rename_doc
from frappe.utils import now_datetime

from ar_writeoff.approval import seals
from ar_writeoff.core import renames as core
from ar_writeoff.core.renames import Rename
from ar_writeoff.posting.entry_values import link_target, linked_doctypes

RENAMED, MERGED = "Renamed", "Merged"

# DocTypes of the sealed links of runs and items, by fieldname.
LINK_DOCTYPES = {
	"company": "Company",
	"reason": "Write-Off Reason",
	"customers": "Customer",
	"customer": "Customer",
	"customer_group": "Customer Group",
	"territory": "Territory",
	"item_group": "Item Group",
	"currency": "Currency",
	"receivable_account": "Account",
	"cost_center": "Cost Center",
	"project": "Project",
	"sales_person": "Sales Person",
	"payment_terms_template": "Payment Terms Template",
	"offset_account": "Account",
	"offset_cost_center": "Cost Center",
	"submitted_by": "User",
	"schedule": "Write-Off Schedule",
}

SEALED_FIELDS = (
	"at",
	"event",
	"document_type",
	"document",
	"fieldname",
	"old_value",
	"new_value",
	"user",
	"proposed_by",
)


def record(event: str, **values: Any) -> None:
	"""Insert a row with these fields of Write-Off Change Log."""
	row = frappe.new_doc("Write-Off Change Log")
	row.update({"event": event, "at": next_timestamp(), "user": frappe.session.user, **values})
	row.seal = seals.seal(seals.canonical_text(row, SEALED_FIELDS))
	row.insert(ignore_permissions=True)


def next_timestamp() -> datetime:
	"""Return the current time, or a microsecond after the last row: renames have to be in order on several servers."""
	last = last_timestamp()
	moment = now_datetime()
	return max(moment, last + timedelta(microseconds=1)) if last else moment


def last_timestamp() -> datetime | None:
	"""Return the time of the last row that this transaction can see."""
	return frappe.db.get_value("Write-Off Change Log", {}, "at", order_by="at desc")


def rows_since(moment: Any, events: tuple[str, ...], **filters: Any) -> list[Any]:
	"""Return the rows after this time with a valid seal, in chronological order."""
	rows = frappe.get_all(
		"Write-Off Change Log",
		filters={"event": ("in", events), **({"at": (">", moment)} if moment else {}), **filters},
		fields=[*SEALED_FIELDS, "seal"],
		order_by="at asc",
	)
	return [row for row in rows if seals.is_valid(seals.canonical_text(row, SEALED_FIELDS), row.seal)]


# Renames


def document_renamed(doc: Any, _method: str, old: str, new: str, merge: bool = False) -> None:
	"""Doc event `after_rename` of all DocTypes: log renames of documents that may be sealed."""
	# A patch may rename documents before the log's table exists.
	logged = frappe.db.table_exists("Write-Off Change Log")
	if logged and (doc.doctype in LINK_DOCTYPES.values() or doc.doctype in linked_doctypes()):
		record(
			MERGED if merge else RENAMED,
			document_type=doc.doctype,
			document=new,
			old_value=old,
			new_value=new,
		)
	if doc.doctype == "Company" and not merge and frappe.db.exists("Write-Off Settings", old):
		# Write-Off Settings are named by their company.
		rename_doc(
			"Write-Off Settings",
			old,
			new,
			force=True,
			ignore_permissions=True,
			show_alert=False,
			rebuild_search=False,
		)


def renames_since(moment: Any) -> list[Rename]:
	"""Return the renames and merges after this time, in chronological order."""
	return [
		Rename(row.document_type, row.old_value, row.new_value, row.event == MERGED)
		for row in rows_since(moment, (RENAMED, MERGED))
	]


def with_current_names(values: dict[str, Any], renames: list[Rename]) -> dict[str, Any]:
	"""Return the values of an approval with the current names of the linked documents."""
	if not renames:
		return values
	result = dict(values)
	for fieldname in LINK_DOCTYPES.keys() & values.keys():
		doctype, value = LINK_DOCTYPES[fieldname], values[fieldname]
		if isinstance(value, list | tuple):
			result[fieldname] = sorted({core.current_name(renames, doctype, name) for name in value})
		elif value:
			result[fieldname] = core.current_name(renames, doctype, value)
	if values.get("dimension_defaults"):
		meta = frappe.get_meta("GL Entry")
		result["dimension_defaults"] = [
			(fieldname, core.current_name(renames, meta.get_options(fieldname), value))
			for fieldname, value in values["dimension_defaults"]
		]
	if values.get("tax_accounts"):
		result["tax_accounts"] = [
			tuple(core.current_name(renames, "Account", name) for name in pair)
			for pair in values["tax_accounts"]
		]
	if values.get("entry_values"):
		result["entry_values"] = [
			(doctype, fieldname, core.current_name(renames, link_target(doctype, fieldname) or "", value))
			for doctype, fieldname, value in values["entry_values"]
		]
	return result


def renamed_links(values: dict[str, Any], renames: Sequence[Rename]) -> set[tuple[str, str, str]]:
	"""Return the links among these values that were renamed: (DocType, old name, current name)."""
	found = ((doctype, name, core.current_name(renames, doctype, name)) for doctype, name in links(values))
	return {(doctype, name, now) for doctype, name, now in found if now != name}


def links(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
	"""Return DocType and name of each document among these values."""
	for fieldname in LINK_DOCTYPES.keys() & values.keys():
		value = values[fieldname]
		for name in value if isinstance(value, list | tuple) else [value]:
			yield LINK_DOCTYPES[fieldname], name
	for fieldname, name in values.get("dimension_defaults") or ():
		yield frappe.get_meta("GL Entry").get_options(fieldname) or "", name
	for pair in values.get("tax_accounts") or ():
		for name in pair:
			yield "Account", name
	for doctype, fieldname, name in values.get("entry_values") or ():
		yield link_target(doctype, fieldname) or "", name
