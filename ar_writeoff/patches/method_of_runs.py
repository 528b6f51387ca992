"""Set the method of existing runs from their reason."""

import frappe


def execute() -> None:
	run, reason = frappe.qb.DocType("Write-Off Run"), frappe.qb.DocType("Write-Off Reason")
	for name, method in frappe.qb.from_(reason).select(reason.name, reason.method).run():
		frappe.qb.update(run).set(run.method, method or "Direct").where(run.reason == name).run()
