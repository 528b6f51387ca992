"""Convert the reasons why earlier runs were not posted fast to text, because their codes no longer exist."""

import json

import frappe

REMOVED = ("fast_not_proven", "fast_code_differs")


def execute() -> None:
	for row in frappe.get_all(
		"Write-Off Run Event",
		filters={"reason_code": ("in", REMOVED)},
		fields=["name", "message"],
		order_by="creation asc",
	):
		facts = json.dumps({"said": row.message}, ensure_ascii=False)
		frappe.db.set_value(
			"Write-Off Run Event",
			row.name,
			{"reason_code": "", "reason_facts": facts},
			update_modified=False,
		)
