"""Convert the facts of credits and open invoices, one amount until now, to a list of amounts."""

import json

import frappe

from ar_writeoff.core import reasons

DOCTYPES = ("Write-Off Run Item", "Write-Off Run Event")
FACTS = {reasons.CREDIT_AVAILABLE: ("credit", "credits"), reasons.INVOICES_OPEN: ("debit", "debits")}


def execute() -> None:
	for doctype in DOCTYPES:
		for code, (before, after) in FACTS.items():
			row = frappe.qb.DocType(doctype)
			stored = (
				frappe.qb.from_(row)
				.select(row.reason_facts)
				.distinct()
				.where((row.reason_code == code) & row.reason_facts.like(f'%"{before}"%'))
				.run(pluck=True)
			)
			for facts in stored:
				values = json.loads(facts)
				new = json.dumps({after: f"{values[before]} {values['currency']}"}, separators=(",", ":"))
				frappe.qb.update(row).set(row.reason_facts, new).where(
					(row.reason_code == code) & (row.reason_facts == facts)
				).run()
