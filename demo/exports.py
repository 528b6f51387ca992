"""Exports the Accounts Receivable report of a site to a file, with the function of the desk's Export button."""

from __future__ import annotations

import json
from typing import Any

import frappe


def accounts_receivable(
	company: str,
	report_date: str,
	*,
	file_format: str = "CSV",
	with_filters: bool = False,
	date_format: str = "yyyy-mm-dd",
	**filters: Any,
) -> bytes:
	"""The report as the desk downloads it. `file_format` is CSV or Excel.

	`date_format` is that of System Settings: v16 writes dates in it, as text; v15 always writes 2026-01-31.
	`with_filters` is the option "Include filters".
	"""
	from frappe.desk.query_report import export_query

	asked = {
		"company": company,
		"report_date": report_date,
		"ageing_based_on": "Due Date",
		"calculate_ageing_with": "Report Date",
		"range": "30, 60, 90, 120",
		**filters,
	}
	before, format_before = frappe.local.form_dict, getattr(frappe.local, "user_date_format", None)
	frappe.local.user_date_format = date_format
	frappe.local.form_dict = frappe._dict(
		report_name="Accounts Receivable",
		file_format_type=file_format,
		filters=json.dumps(asked),
		custom_columns="[]",
		visible_idx="[]",
		include_indentation=0,
		include_filters=int(with_filters),
		applied_filters=json.dumps(
			{"Company": company, "Posting Date": report_date, "Ageing Based On": "Due Date"}
		),
	)
	try:
		export_query()
		content: bytes = frappe.response.pop("filecontent")
	finally:
		frappe.local.form_dict, frappe.local.user_date_format = before, format_before
		frappe.response.pop("filename", None)
		frappe.response.pop("type", None)
	return content
