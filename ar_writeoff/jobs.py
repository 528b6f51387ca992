"""What runs in a worker: search, post, undo. Each step commits, so that a worker may die at any moment."""

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder.functions import Count, Sum
from frappe.utils import cint, getdate, now, now_datetime

from ar_writeoff.core import plan as planning
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.eligibility import Verdict
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import accounts, journal, messages, open_items, posting
from ar_writeoff.ledger.isolation import read_committed
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Scope

PROGRESS_EVENT = "write_off_run_progress"

# A lost lock race costs a fraction of a second; a few more tries cost little, a failed batch a phone call.
ATTEMPTS = 5

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


# What a run asks for


def scope_of(run: Any) -> Scope:
	"""Where a run looks, from its document."""
	return Scope(
		company=run.company,
		run=run.name or "",
		customers=tuple(row.customer for row in run.customers),
		customer_group=run.customer_group,
		territory=run.territory,
		item_group=run.item_group,
		currency=run.currency,
		receivable_account=run.receivable_account,
		cost_center=run.cost_center,
		project=run.project,
	)


def criteria_of(run: Any) -> Criteria:
	"""The criteria of a run that a single balance is judged by, from its document."""
	decimals = precision(company_currency(run.company))
	return Criteria(
		balance_type=run.balance_type,
		cutoff_date=getdate(run.cutoff_date),
		max_invoice_amount=money(run.max_invoice_amount, decimals),
		max_customer_amount=money(run.max_customer_amount, decimals) or None,
		minimum_age_days=cint(run.minimum_age_days),
		ageing_based_on=run.ageing_based_on,
	)


def rules_of(run: Any) -> posting.Rules:
	"""What a run posts with, from its document and the Settings of its company.

	Raises:
	    frappe.ValidationError: there is no account for the offset side.
	"""
	account = accounts.offset_account(run.company, run.balance_type, run.reason)
	if not account:
		frappe.throw(messages.message(Reason.of(reasons.NO_OFFSET_ACCOUNT, company=run.company)))
	settings = frappe.db.get_value(
		"Write-Off Settings", run.company, ["cost_center", "entries_per", "rows_per_entry"], as_dict=True
	) or frappe._dict()
	return posting.Rules(
		run=run.name,
		company=run.company,
		posting_date=getdate(run.posting_date),
		remark=_("Write-Off Run {0}: {1}").format(run.name, run.reason),
		offset_account=account,
		scope=scope_of(run),
		criteria=criteria_of(run),
		cost_center=settings.cost_center or frappe.get_cached_value("Company", run.company, "cost_center"),
		entries_per=settings.entries_per or planning.BATCH,
		rows_per_entry=cint(settings.rows_per_entry) or planning.MAX_ROWS_PER_ENTRY,
	)


# Search


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
			rows.append(
				item_row(doc, seen, verdict, names[balance.customer].customer_name, selected)
			)
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


# Posting


def batches_of(run: str, rules: posting.Rules) -> Iterator[list[str]]:
	"""Names of the selected open items, divided as they are posted: one batch, one transaction.

	Where a customer has an entry of its own, a batch ends with a customer as long as it fits.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.name, item.customer)
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 1))
		.orderby(item.name)
		.run()
	)
	size = max(1, min(rules.rows_per_entry, planning.MAX_ROWS_PER_ENTRY) - 1)
	return planning.batches(rows, size, keep_customers=rules.entries_per == planning.CUSTOMER)


def make_batches(run: str, rules: posting.Rules) -> int:
	"""Write down the batches of a run that was submitted, and set aside what is not selected.

	Returns the number of batches.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	(
		frappe.qb.update(item)
		.set(item.status, states.EXCLUDED)
		.set(item.reason_code, reasons.NOT_SELECTED)
		.set(item.message, messages.message(Reason.of(reasons.NOT_SELECTED)))
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 0))
		.run()
	)
	number = frappe.db.count("Write-Off Run Batch", {"run": run})
	made = 0
	for batch in batches_of(run, rules):
		made += 1
		number += 1
		frappe.get_doc(
			{
				"doctype": "Write-Off Run Batch",
				"run": run,
				"number": number,
				"status": "Pending",
				"item_count": len(batch),
				"first_item": batch[0],
				"last_item": batch[-1],
			}
		).insert(ignore_permissions=True, set_name=f"{run}-B{number:04d}")
		(
			frappe.qb.update(item)
			.set(item.batch, number)
			.where(
				(item.name >= batch[0])
				& (item.name <= batch[-1])
				& (item.run == run)
				& (item.status == states.OPEN)
				& (item.selected == 1)
			)
			.run()
		)
	return made


def start_posting(run: str) -> None:
	"""Post in the background; in tests in this process, committing as a worker would."""
	if frappe.flags.in_test:
		post_run(run)
		return
	frappe.enqueue(
		"ar_writeoff.jobs.post_run",
		run=run,
		queue="long",
		timeout=3600,
		job_id=f"write-off-run::{run}",
		deduplicate=True,
		enqueue_after_commit=True,
	)


def post_run(run: str) -> None:
	"""Post batches of a submitted run until none is pending; any number of workers may do so at once.

	Works as the user who submitted the run, whoever runs the worker.
	"""
	frappe.db.commit()
	doc = frappe.get_doc("Write-Off Run", run)
	with as_user(doc.submitted_by or doc.owner):
		rules = rules_of(doc)
		set_status(run, states.POSTING)
		frappe.db.commit()
		while post_next_batch(run, rules):
			publish_progress(run)
		finish(run)


class as_user:
	"""Work as this user, and as the one before again afterwards."""

	def __init__(self, user: str):
		self.user = user

	def __enter__(self) -> None:
		self.before = frappe.session.user
		if self.before != self.user:
			frappe.set_user(self.user)

	def __exit__(self, *exception: object) -> None:
		if self.before != self.user:
			frappe.set_user(self.before)


def post_next_batch(run: str, rules: posting.Rules) -> bool:
	"""Post one batch in one transaction. False when there is none left for this worker, or the run is paused.

	After a deadlock or a lock timeout the whole transaction is gone: the batch begins again, a few times.
	"""
	for attempt in range(1, ATTEMPTS + 1):
		try:
			with read_committed():
				if frappe.db.get_value("Write-Off Run", run, "status") != states.POSTING:
					return False
				batch = claim_batch(run)
				if not batch:
					return False
				post_batch(batch, rules)
				frappe.db.commit()
				return True
		except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
			frappe.db.rollback()
			if attempt == ATTEMPTS:
				raise
			time.sleep(random.uniform(0.05, 0.2) * attempt)
	return False


def claim_batch(run: str) -> frappe._dict | None:
	"""Lock the first pending batch that no other worker has; the lock goes with the transaction."""
	pending = frappe.get_all(
		"Write-Off Run Batch",
		filters={"run": run, "status": "Pending"},
		pluck="name",
		order_by="number asc",
	)
	for name in pending:
		rows = frappe.db.sql(
			"""select name, run, number, attempts from `tabWrite-Off Run Batch`
			where name = %s and status = 'Pending' for update skip locked""",
			name,
			as_dict=True,
		)
		if rows:
			return rows[0]
	return None


def post_batch(batch: frappe._dict, rules: posting.Rules) -> None:
	"""Post the open items of a locked batch and write down what became of each, in one transaction."""
	started = now_datetime()
	item = frappe.qb.DocType("Write-Off Run Item")
	names = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": batch.run, "batch": batch.number, "status": states.OPEN, "selected": 1},
		pluck="name",
		order_by="name asc",
	)
	rows = (
		frappe.qb.from_(item)
		.select("*")
		.where(item.name.isin(names or [""]) & (item.status == states.OPEN))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)
	items = posting.items_from_rows(rows, rules.company)
	outcomes = posting.post_items(
		items, rules, posting.Names(f"ACC-JV-{batch.run}-{batch.number:04d}")
	)
	write_outcomes(outcomes)
	journal.refresh_written_off_amounts(
		[row.voucher_no for row in rows if row.voucher_type == "Sales Invoice"]
	)
	frappe.db.set_value(
		"Write-Off Run Batch",
		batch.name,
		{
			"status": "Done",
			"attempts": cint(batch.attempts) + 1,
			"started_at": started,
			"finished_at": now_datetime(),
			"posted_count": sum(bool(outcome.journal_entry) for outcome in outcomes),
		},
	)


def write_outcomes(outcomes: list[posting.Outcome]) -> None:
	"""Set status, entry and message of the items, one statement for each group that shares them."""
	item = frappe.qb.DocType("Write-Off Run Item")
	groups: dict[tuple, list[str]] = {}
	for outcome in outcomes:
		key = (outcome.status, outcome.journal_entry, outcome.code, outcome.message)
		groups.setdefault(key, []).append(outcome.item)
	for (status, journal_entry, code, message), names in groups.items():
		(
			frappe.qb.update(item)
			.set(item.status, status)
			.set(item.journal_entry, journal_entry)
			.set(item.reason_code, code)
			.set(item.message, message)
			.set(item.modified, now())
			.set(item.modified_by, frappe.session.user)
			.where(item.name.isin(names))
			.run()
		)


def finish(run: str) -> None:
	"""Give the run the status that its items add up to, once no batch is pending."""
	frappe.db.get_value("Write-Off Run", run, "name", for_update=True)
	status = frappe.db.get_value("Write-Off Run", run, "status")
	if status == states.POSTING and not frappe.db.exists(
		"Write-Off Run Batch", {"run": run, "status": "Pending"}
	):
		counts = refresh_totals(run)
		set_status(run, states.finished_status(counts))
	else:
		refresh_totals(run)
	frappe.db.commit()
	publish_progress(run)


# Undo


def cancel_entries(run: str) -> None:
	"""Cancel every live Journal Entry of a run in the current transaction; the invoices are open again."""
	for name in live_entries(run):
		journal.cancel(name)
	refresh_totals(run)


def live_entries(run: str) -> Iterator[str]:
	"""Submitted Journal Entries of a run, the last one first."""
	yield from frappe.get_all(
		"Journal Entry",
		filters={"write_off_run": run, "docstatus": 1},
		pluck="name",
		order_by="creation desc, name desc",
	)


def journal_entry_cancelled(entry: Any, method: str | None = None) -> None:
	"""Doc event: keep the items true when an entry of a run is cancelled, by us or by hand."""
	if not entry.get("write_off_run"):
		return
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.name, item.voucher_type, item.voucher_no)
		.where((item.journal_entry == entry.name) & item.status.isin([states.POSTED, states.CONFLICT]))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)
	if rows:
		(
			frappe.qb.update(item)
			.set(item.status, states.REVERSED)
			.set(
				item.message,
				_("Journal Entry {0} was cancelled by {1}.").format(entry.name, frappe.session.user),
			)
			.where(item.name.isin([row.name for row in rows]))
			.run()
		)
	# The key stands for a live entry only.
	entry.db_set("ar_writeoff_key", None, update_modified=False)
	journal.refresh_written_off_amounts(
		[row.voucher_no for row in rows if row.voucher_type == "Sales Invoice"]
	)
	counts = refresh_totals(entry.write_off_run)
	if frappe.db.get_value("Write-Off Run", entry.write_off_run, "status") in (
		states.POSTED,
		states.PARTLY_POSTED,
	):
		set_status(entry.write_off_run, states.finished_status(counts))


# Run


def set_status(run: str, status: str) -> None:
	"""Move a run to a status that may follow its present one.

	Raises:
	    frappe.ValidationError: the status cannot follow.
	"""
	current = frappe.db.get_value("Write-Off Run", run, "status")
	if not states.may_follow(current, status):
		frappe.throw(_("A run that is {0} cannot become {1}.").format(_(current), _(status)))
	frappe.db.set_value("Write-Off Run", run, "status", status)


def refresh_totals(run: str) -> dict[str, int]:
	"""Set the run's counts and amounts from its items; returns the number of items in each status."""
	item = frappe.qb.DocType("Write-Off Run Item")

	rows = (
		frappe.qb.from_(item)
		.select(
			item.status,
			item.selected,
			Count("*").as_("count"),
			Sum(item.base_write_off_amount).as_("amount"),
		)
		.where(item.run == run)
		.groupby(item.status, item.selected)
		.run(as_dict=True)
	)
	counts: dict[str, int] = {}
	selected_count, selected_amount, posted_amount = 0, 0.0, 0.0
	for row in rows:
		counts[row.status] = counts.get(row.status, 0) + row.count
		if row.selected and row.status != states.EXCLUDED:
			selected_count += row.count
			selected_amount += row.amount
		if row.status in (states.POSTED, states.CONFLICT):
			posted_amount += row.amount
	frappe.db.set_value(
		"Write-Off Run",
		run,
		{
			"found_count": sum(counts.values()) - counts.get(states.EXCLUDED, 0),
			"excluded_count": counts.get(states.EXCLUDED, 0),
			"selected_count": selected_count,
			"selected_amount": selected_amount,
			"posted_count": counts.get(states.POSTED, 0) + counts.get(states.CONFLICT, 0),
			"skipped_count": counts.get(states.SKIPPED, 0),
			"failed_count": counts.get(states.FAILED, 0),
			"posted_amount": posted_amount,
		},
		update_modified=False,
	)
	return counts


def progress(run: str) -> dict[str, Any]:
	"""How far a run is, from the database."""
	item = frappe.qb.DocType("Write-Off Run Item")

	counts = dict(
		frappe.qb.from_(item)
		.select(item.status, Count("*"))
		.where((item.run == run) & (item.selected == 1))
		.groupby(item.status)
		.run()
	)
	total = frappe.db.count("Write-Off Run Batch", {"run": run})
	done = frappe.db.count("Write-Off Run Batch", {"run": run, "status": "Done"})
	return {
		"status": frappe.db.get_value("Write-Off Run", run, "status"),
		"total": sum(counts.values()),
		"posted": counts.get(states.POSTED, 0),
		"skipped": counts.get(states.SKIPPED, 0),
		"failed": counts.get(states.FAILED, 0),
		"conflict": counts.get(states.CONFLICT, 0),
		"remaining": counts.get(states.OPEN, 0),
		"batches_done": done,
		"batches_total": total,
	}


def publish_progress(run: str) -> None:
	"""Tell open forms; what they show they read from the database."""
	frappe.publish_realtime(
		PROGRESS_EVENT, {"run": run, **progress(run)}, doctype="Write-Off Run", docname=run
	)
