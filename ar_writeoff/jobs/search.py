"""Find: the items of a draft run, from the Payment Ledger."""

from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import now

from ar_writeoff.core import status as states
from ar_writeoff.core.eligibility import Verdict
from ar_writeoff.core.money import ZERO
from ar_writeoff.jobs.rules import criteria_of, scope_of
from ar_writeoff.jobs.run import refresh_totals
from ar_writeoff.ledger import messages, open_items

ITEM_COLUMNS = (
	"name",
	"creation",
	"modified",
	"owner",
	"modified_by",
	"run",
	"company",
	"customer",
	"customer_name",
	"voucher_type",
	"voucher_no",
	"receivable_account",
	"currency",
	"posting_date",
	"due_date",
	"age_days",
	"outstanding_amount",
	"base_outstanding_amount",
	"write_off_amount",
	"base_write_off_amount",
	"selected",
	"status",
	"reason_code",
	"message",
)


def search_run(run: str) -> dict[str, int]:
	"""Fill the items of a draft run anew and say what changed since the last search.

	Everything found is selected; what somebody had unticked before stays unticked.
	"""
	frappe.db.get_value("Write-Off Run", run, "name", for_update=True)
	doc = frappe.get_doc("Write-Off Run", run)
	before = {
		(row.voucher_type, row.voucher_no, row.receivable_account, row.customer): row
		for row in frappe.get_all(
			"Write-Off Run Item",
			filters={"run": run, "status": states.OPEN},
			fields=[
				"voucher_type",
				"voucher_no",
				"receivable_account",
				"customer",
				"outstanding_amount",
				"selected",
			],
			order_by=None,
		)
	}
	frappe.db.delete("Write-Off Run Item", {"run": run})

	counts = {"found": 0, "selected": 0, "excluded": 0, "added": 0, "changed": 0, "dropped": 0}
	seen = 0
	for verdicts in open_items.search(scope_of(doc), criteria_of(doc)):
		names = open_items.customer_facts({verdict.balance.customer for verdict in verdicts})
		rows = []
		for verdict in verdicts:
			balance = verdict.balance
			old = before.get(
				(balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer)
			)
			seen += 1
			selected = int(verdict.reason is None and not (old and not old.selected))
			if verdict.reason is None:
				counts["found"] += 1
				counts["selected"] += selected
				counts["added"] += old is None
				if old:
					counts["changed"] += Decimal(str(old.outstanding_amount)) != verdict.amount
					counts["dropped"] -= 1
			else:
				counts["excluded"] += 1
			rows.append(item_row(doc, seen, verdict, names[balance.customer].customer_name, selected))
		frappe.db.bulk_insert("Write-Off Run Item", ITEM_COLUMNS, rows)
	counts["dropped"] += len(before)

	frappe.db.set_value(
		"Write-Off Run",
		run,
		{"searched_on": now(), "searched_by": frappe.session.user, "status": states.DRAFT},
	)
	refresh_totals(run)
	return counts


def item_row(run: Any, number: int, verdict: Verdict, customer_name: str, selected: int) -> tuple:
	"""Values of `ITEM_COLUMNS`. Items are named in order, so that a page of them lies together on disk."""
	stamp = now()
	user = frappe.session.user
	balance = verdict.balance
	return (
		f"{run.name}-{number:06d}",
		stamp,
		stamp,
		user,
		user,
		run.name,
		run.company,
		balance.customer,
		customer_name,
		balance.voucher_type,
		balance.voucher_no,
		balance.receivable_account,
		balance.currency,
		balance.posting_date,
		balance.due_date,
		verdict.age_days,
		verdict.amount,
		verdict.base_amount,
		verdict.amount if verdict.reason is None else ZERO,
		verdict.base_amount if verdict.reason is None else ZERO,
		selected,
		states.EXCLUDED if verdict.reason else states.OPEN,
		verdict.reason.code if verdict.reason else "",
		messages.message(verdict.reason) if verdict.reason else "",
	)
