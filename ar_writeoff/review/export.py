"""Export of a run's items to a file, before and after posting: criteria, people, and every item with its reason.

The file is attached to the log of the run, as a record of what was exported.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

import frappe
from frappe import _
from frappe.utils import now
from frappe.utils.file_manager import save_file
from frappe.utils.xlsxutils import make_xlsx

from ar_writeoff.core import criteria
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.core.run_types import doctype_of, posts_claims
from ar_writeoff.run import items as run_items
from ar_writeoff.run import log
from ar_writeoff.run import worker as workers
from ar_writeoff.run.terms import table_texts

FORMATS = ("XLSX", "CSV")

# Longer exports run in the background, to keep the web workers free.
MAX_ROWS_IN_REQUEST = 5000

# make_xlsx converts HTML to plain text except on a sheet of this name. Customer names must stay as they are.
VERBATIM_SHEET = "Data Export"

RESULT_FIELDS = (
	"owner",
	"searched_by",
	"searched_on",
	"submitted_by",
	"submitted_on",
	"found_count",
	"selected_count",
	"selected_amount",
	"excluded_count",
	"posted_count",
	"posted_amount",
	"skipped_count",
	"failed_count",
)
RUN_FIELDS = (
	"name",
	"company",
	"status",
	"balance_type",
	"reason",
	"posting_date",
	"cutoff_date",
	*criteria.AMOUNT_AND_AGE,
	*criteria.TABLES,
	*criteria.FILTER_FIELDS,
	*RESULT_FIELDS,
)
TAX_RUN_FIELDS = (
	"name",
	"company",
	"status",
	"from_date",
	"to_date",
	"posting_date",
	*RESULT_FIELDS,
	"claimed_amount",
	"repaid_amount",
)


def export(run: Any, file_format: str, filters: dict[str, Any] | None) -> dict[str, Any]:
	"""Create the file now, or in the background if the list is long. Returns its URL or that it will follow."""
	if file_format not in FORMATS:
		frappe.throw(_("Choose XLSX or CSV, not {0}.").format(file_format), title=_("Export"))
	total = run_items.count(run.name, filters)
	if total <= MAX_ROWS_IN_REQUEST or workers.runs_inline():
		return {"file_url": make_file(run.name, file_format, filters), "background": False}
	frappe.enqueue(
		export_in_background,
		queue="long",
		timeout=1800,
		run=run.name,
		file_format=file_format,
		filters=filters,
		enqueue_after_commit=True,
	)
	return {"file_url": None, "background": True, "rows": total}


def export_in_background(run: str, file_format: str, filters: dict[str, Any] | None) -> None:
	"""Background job: create the file and notify the user."""
	file_url = make_file(run, file_format, filters)
	frappe.get_doc(
		{
			"doctype": "Notification Log",
			"for_user": frappe.session.user,
			"type": "Alert",
			"document_type": doctype_of(run),
			"document_name": run,
			"subject": _("The list of {0} is ready: {1}").format(run, file_url),
		}
	).insert(ignore_permissions=True)
	frappe.publish_realtime(
		"write_off_run_export",
		{"run": run, "file_url": file_url},
		user=frappe.session.user,
		after_commit=True,
	)


def make_file(run: str, file_format: str, filters: dict[str, Any] | None) -> str:
	"""Write the items of a run to a private file attached to its log; returns the file URL."""
	doc = frappe.get_doc(doctype_of(run), run)
	doc.check_permission("export")
	content = as_xlsx(doc, filters) if file_format == "XLSX" else as_csv(doc, filters)
	stamp = now()[:19].replace(":", "").replace(" ", "-")
	# Frappe lets users read a file if they may read the document it is attached to. Fewer may read the log than a
	# part of the run.
	event = log.record(run, "Exported", doc.company)
	name = f"{run}-{stamp}.{file_format.lower()}"
	file = save_file(name, content, "Write-Off Run Event", event, is_private=1)
	return file.file_url


def as_xlsx(run: Any, filters: dict[str, Any] | None) -> bytes:
	return make_xlsx(all_rows(run, filters), VERBATIM_SHEET).getvalue()


def as_csv(run: Any, filters: dict[str, Any] | None) -> bytes:
	"""UTF-8 with a byte order mark, so that spreadsheets read accents."""
	text = io.StringIO()
	csv.writer(text).writerows(all_rows(run, filters))
	return text.getvalue().encode("utf-8-sig")


def all_rows(run: Any, filters: dict[str, Any] | None) -> Iterator[list[Any]]:
	"""Criteria and people, then the items under their labels. The empty row separates the table for sorting."""
	yield from run_rows(run)
	yield []
	yield from item_rows(run, filters)


def run_rows(run: Any) -> Iterator[list[Any]]:
	"""Labels and values of criteria and people."""
	# With totals of the items the reader may see.
	values = {**run.as_dict(), **table_texts(run)}
	for fieldname in TAX_RUN_FIELDS if posts_claims(run.name) else RUN_FIELDS:
		df = run.meta.get_field(fieldname)
		label = {"name": _(run.doctype), "owner": _("Created By")}.get(fieldname) or _(df.label)
		value = values[fieldname]
		if df and df.fieldtype == "Check":
			value = _("Yes") if value else _("No")
		yield [label, safe_cell(value)]
	yield [_("Exported By"), safe_cell(frappe.session.user)]
	yield [_("Exported On"), now()[:19]]


def item_rows(run: Any, filters: dict[str, Any] | None) -> Iterator[list[Any]]:
	"""A row of labels, then one row per item that the reader may see."""
	meta = frappe.get_meta("Write-Off Run Item")
	fields = [field for field in run_items.FIELDS if field not in ("name", "reason_code")]
	yield [_(meta.get_label(field)) for field in fields]
	for item in run_items.read(run.name, fields, filters):
		if not item.selected and item.reason_code not in OVER_LIMIT:
			item.write_off_amount = item.base_write_off_amount = 0
		yield [safe_cell(item[field]) for field in fields]


def safe_cell(value: Any) -> Any:
	"""The value, escaped so that no spreadsheet takes it for a formula: a customer may be called `=HYPERLINK(...)`."""
	if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
		return "'" + value
	return "" if value is None else value
