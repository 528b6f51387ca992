"""Status, totals and progress of a run, and the user it is processed as."""

from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Count, Sum
from frappe.utils import flt, now

from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.core.run_types import TAX_CLAIM, doctype_of, posts_claims
from ar_writeoff.ledger import permissions as access
from ar_writeoff.run import gate, items

PROGRESS_EVENT = "write_off_run_progress"


class as_user:
	"""Context manager that switches to this user."""

	def __init__(self, user: str):
		self.user = user

	def __enter__(self) -> None:
		self.before = frappe.session.user
		if self.before != self.user:
			frappe.set_user(self.user)

	def __exit__(self, *exception: object) -> None:
		if self.before != self.user:
			frappe.set_user(self.before)


def status_of(run: str) -> str | None:
	"""Return the status of the run without locking it."""
	return frappe.db.get_value(doctype_of(run), run, "status")


def set_status(run: str, status: str, current: str | None = None, **values: Any) -> None:
	"""Change the status of a run. `current`: its status if already read under the lock; `values`: other fields to set.

	Raises:
	    frappe.ValidationError: the transition is not allowed.
	    frappe.DoesNotExistError: the run does not exist.
	"""
	current = current or gate.lock(run)
	if not current:
		raise frappe.DoesNotExistError(run)
	if not states.is_allowed_transition(current, status):
		frappe.throw(
			_("The status of a run cannot change from {0} to {1}.").format(_(current), _(status)),
			title=_("Status"),
		)
	values["status"] = status
	if current in states.TO_BE_POSTED and status in states.SETTLED:
		values["posted_on"] = now()
	frappe.db.set_value(doctype_of(run), run, values)


def update_settled_status(run: str) -> str | None:
	"""Update totals and final status of a run from its items. Returns the status.

	A run in progress is not changed, since workers share the lock on it; it is updated when it finishes.
	"""
	status = status_of(run)
	if status in states.IN_PROGRESS:
		return status
	status = gate.lock(run)
	counts = refresh_totals(run)
	if status in states.SETTLED:
		following = states.finished_status(counts)
		# A run that was undone before anything was posted stays Reversed.
		if (status, following) != (states.REVERSED, states.FAILED):
			set_status(run, following, status)
			status = following
	return status


def refresh_totals(run: str) -> dict[str, int]:
	"""Update the run's counts and amounts from its items; return the number of items in each status."""
	counts, totals = calculate_totals(run)
	frappe.db.set_value(doctype_of(run), run, totals, update_modified=False)
	return counts


def calculate_totals(run: str, *, visible_to: str | None = None) -> tuple[dict[str, int], dict[str, Any]]:
	"""Return the number of items in each status and the run's total fields. `visible_to`: only of items that this user may
	see."""
	item = items.table()
	# Waiting for a user with a sufficient limit.
	pending = Case().when(item.reason_code.isin(OVER_LIMIT), 1).else_(0)
	state = items.state(item)
	shown = items.visible(item, run, visible_to) if visible_to else item.run == run
	rows = (
		frappe.qb.from_(item)
		.select(
			state.as_("status"),
			item.selected,
			pending.as_("pending"),
			Count("*").as_("count"),
			Sum(item.base_write_off_amount).as_("amount"),
			Sum(item.base_reinstated_amount).as_("recovered"),
		)
		.where(shown)
		.groupby(state, item.selected, pending)
		.run(as_dict=True)
	)
	counts: dict[str, int] = {}
	selected_count, selected_amount, posted_amount, recovered_amount = 0, 0.0, 0.0, 0.0
	held_count, held_amount = 0, 0.0
	for row in rows:
		counts[row.status] = counts.get(row.status, 0) + row.count
		if row.selected and row.status != states.EXCLUDED:
			selected_count += row.count
			selected_amount += row.amount
		if row.pending and row.status == states.OPEN:
			held_count += row.count
			held_amount += row.amount
		if row.status in states.ITEM_POSTED:
			posted_amount += row.amount - row.recovered
		recovered_amount += row.recovered
	return counts, {
		"found_count": sum(counts.values()) - counts.get(states.EXCLUDED, 0),
		"excluded_count": counts.get(states.EXCLUDED, 0),
		"selected_count": selected_count,
		"selected_amount": selected_amount,
		"held_count": held_count,
		"held_amount": held_amount,
		"posted_count": sum(counts.get(status, 0) for status in states.ITEM_POSTED),
		"skipped_count": counts.get(states.SKIPPED, 0),
		"failed_count": counts.get(states.FAILED, 0),
		"conflict_count": counts.get(states.CONFLICT, 0),
		"posted_amount": posted_amount,
		"recovered_amount": recovered_amount,
		**(claimed_and_repaid(item, shown) if posts_claims(run) else {}),
	}


def claimed_and_repaid(item: Any, shown: Any) -> dict[str, float]:
	"""Return what the posted items of a tax run claim and repay, without deferred tax that is released and the tax of
	lapsed claims. `shown`: the condition on
	the items."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	amount = item.base_write_off_amount
	[(claimed, repaid)] = (
		frappe.qb.from_(item)
		.inner_join(claim)
		.on(claim.name == item.voucher_no)
		.select(
			Sum(Case().when(amount > 0, amount).else_(0)),
			Sum(Case().when(amount < 0, -amount).else_(0)),
		)
		.where(
			shown
			& item.status.isin(states.ITEM_POSTED)
			& claim.releases.isnull()
			& (item.receivable_account == claim.relief_account)
		)
		.run()
	)
	return {"claimed_amount": float(claimed or 0), "repaid_amount": float(repaid or 0)}


def visible_totals(run: Any, user: str) -> Any:
	"""Return the totals of the run over the items that this user may see."""
	if access.of_user(user).is_unrestricted:
		return run
	return frappe._dict(calculate_totals(run.name, visible_to=user)[1])


def progress(run: str) -> dict[str, Any]:
	"""Return the progress of a run from the database, over the items that the current user may see."""
	item = items.table()
	counts: dict[str, int] = {}
	amounts: dict[str, float] = {}
	for status, count, amount in (
		frappe.qb.from_(item)
		.select(item.status, Count("*"), Sum(item.base_write_off_amount))
		.where(items.visible(item, run) & (item.selected == 1))
		.groupby(item.status)
		.run()
	):
		counts[status], amounts[status] = count, flt(amount)
	batch = frappe.qb.DocType("Write-Off Run Batch")
	batches = dict(
		frappe.qb.from_(batch)
		.select(batch.status, Count("*"))
		.where(batch.run == run)
		.groupby(batch.status)
		.run()
	)
	return {
		"status": status_of(run),
		"total": sum(counts.values()),
		"posted": counts.get(states.POSTED, 0),
		"skipped": counts.get(states.SKIPPED, 0),
		"failed": counts.get(states.FAILED, 0),
		"reversed": counts.get(states.REVERSED, 0),
		"conflict": counts.get(states.CONFLICT, 0),
		"remaining": counts.get(states.OPEN, 0),
		"posted_amount": amounts.get(states.POSTED, 0.0),
		"reversed_amount": amounts.get(states.REVERSED, 0.0),
		"batches_done": batches.get("Done", 0),
		"batches_total": sum(batches.values()),
	}


def publish_progress(run: str) -> None:
	"""Notify open forms, which then request `progress`."""
	frappe.publish_realtime(PROGRESS_EVENT, {"run": run}, doctype=doctype_of(run), docname=run)
