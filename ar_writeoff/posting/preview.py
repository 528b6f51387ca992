"""Preview of a run's Journal Entries for the items that the reader may see, planned by the code that posts them."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.model.workflow import get_workflow_name
from frappe.utils import create_batch
from pypika import Criterion, Order

from ar_writeoff.approval import service as approval
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import posts_claims
from ar_writeoff.core.set_off import total as set_off_sum
from ar_writeoff.core.terms import Terms
from ar_writeoff.ledger import accounts, messages, open_items, parties
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.posting import batches, blockers, proof, set_offs
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.continuing import continuing_notes
from ar_writeoff.posting.entry_values import labels
from ar_writeoff.posting.rules import EntryPlan, PlanItem, Row
from ar_writeoff.posting.trial_ledger import MAX_REJECTED, TrialLedger, trial_ledger
from ar_writeoff.review import items as run_balances
from ar_writeoff.run import items as run_items
from ar_writeoff.run import terms as run_terms
from ar_writeoff.tax_relief import service as tax_relief
from ar_writeoff.tax_relief.losses import Loss

# Items checked against the ledger at a time.
ITEMS_PER_CHECK = 5000

OPEN = {"status": states.OPEN}
OPEN_AND_SELECTED = {**OPEN, "selected": 1}


def preview(run: Any, limit: int, selected: Sequence[tuple[str, str]] | None = None) -> dict[str, Any]:
	"""Entries and totals by account for the selected items, in company currency, and the items that posting would skip
	now, by reason.

	`selected`: (item, customer) pairs, if they differ from the present selection. Batches are planned one by one, so
	memory does not grow with the run.
	"""
	terms = approval.terms_of(run)
	rules = run_terms.rules_of(terms)
	totals: dict[tuple, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
	entries: list[dict[str, Any]] = []
	problems: list[dict[str, str]] = []
	sample: list[PlanItem] = []
	set_off: list[dict[str, Any]] = []
	set_off_count, set_off_total = 0, ZERO
	count, item_count, total = 0, 0, ZERO
	shown = run_items.read(run.name, ["customer"], OPEN_AND_SELECTED if selected is None else OPEN)
	visible = [(row.name, row.customer) for row in shown]
	if selected is not None:
		wanted = set(selected)
		visible = [pair for pair in visible if pair in wanted]
	skipped = skipped_items(run, rules, [name for name, _customer in visible])
	taxes: list[Loss] = []
	with trial_ledger(rules) as trial:
		for names in batches.split_into_batches(run.name, rules, visible):
			kept = [name for name in names if name not in skipped]
			fields = (*run_items.BALANCE_FIELDS, "posting_date", "due_date")
			rows = list(run_items.read(run.name, fields, {"name": kept}) if kept else ())
			items = posting.to_plan_items(posting.items_from_rows(rows, run.company), rules)
			amounts = {item.name: item.base_amount for item in items}
			for item in items:
				set_off_count += len(item.set_offs)
				set_off_total += set_off_sum(item.set_offs)
				set_off += set_off_values(item)[: max(limit - len(set_off), 0)]
			if rules.tax_rule:
				taxes += tax_relief.preview(
					rules.tax_rule, rules.booking, run.company, rows, rules.posting_date
				)
			sample += sample_of(items)
			plans, refused = plan_batch(items, rules, trial)
			problems += refused
			for plan in plans:
				count += 1
				item_count += len(plan.items)
				# Repayments are deducted from claims, as in the list.
				total += sum(
					(-amounts[name] if rules.posts_claims else abs(amounts[name]) for name in plan.items),
					ZERO,
				)
				for row in plan.rows:
					dimensions = dict(row.dimensions)
					key = (row.account, dimensions.get("cost_center", ""), dimensions.get("project", ""))
					totals[key][row.base_amount < 0] += abs(row.base_amount)
				if len(entries) < limit:
					entries.append(entry_values(plan))
	cost_centers = {key[1] for key in totals} - {rules.offset.cost_center}
	run_blockers = blockers.run_blockers(
		rules,
		sample_of(sample),
		# If an account is disabled or frozen for all items, no entry has the accounts.
		{key[0] for key in totals} or accounts_of(run, rules),
	)
	problems = [
		*({"item": "", "voucher_no": "", "message": messages.message(reason)} for reason in run_blockers),
		*problems,
		*({"item": "", "voucher_no": "", "message": message} for message in unchecked_note(trial)),
	]
	return {
		"entry_count": count,
		"item_count": item_count,
		"total": float(total),
		"currency": company_currency(run.company),
		"posting_date": run.posting_date,
		"voucher_type": journal.VOUCHER_TYPE,
		"accounts": [
			{
				"account": account,
				"cost_center": cost_center,
				"project": project,
				"debit": float(debit),
				"credit": float(credit),
			}
			for (account, cost_center, project), (debit, credit) in sorted(totals.items())
		],
		"entries": entries,
		"set_offs": set_off,
		"set_off_count": set_off_count,
		"set_off_total": float(set_off_total),
		"skipped_count": len(skipped),
		"skipped": [
			{"message": message, "count": count} for message, count in Counter(skipped.values()).most_common()
		],
		"problems": problems,
		"terms": approval.terms_digest(terms),
		"way": way_of_posting(terms.name, terms.company, item_count),
		"tax_relief": tax_relief.summary(taxes, total) if rules.tax_rule else None,
		"notes": [
			*(run.future_dates() if run.docstatus == 0 else ()),
			*(
				()
				if rules.posts_claims
				else (
					*not_due_note(run.name, company_currency(run.company)),
					*continuing_notes(run.company, (customer for _name, customer in visible)),
				)
			),
			*disabled_note(cost_centers),
			*notes(terms),
		],
	}


def skipped_items(run: Any, rules: posting.Rules, names: list[str]) -> dict[str, str]:
	"""Items whose balance is no longer as found, with the message that posting would give them."""
	skipped: dict[str, str] = {}
	for part in create_batch(names, ITEMS_PER_CHECK):
		rows = run_items.read(run.name, run_items.BALANCE_FIELDS, {"name": part})
		items = posting.items_from_rows(rows, run.company)
		if rules.posts_claims:
			_kept, outcomes = posting.revalidate_claims(items, rules)
			skipped.update({outcome.item: outcome.message for outcome in outcomes})
			continue
		balances = open_items.balances_of_vouchers(
			rules.company,
			[*(item.key for item in items), *set_offs.vouchers_of(items)],
			rules.criteria.cutoff_date,
		)
		_kept, outcomes = posting.revalidate_items(items, balances, rules)
		skipped.update({outcome.item: outcome.message for outcome in outcomes})
	return skipped


def disabled_note(cost_centers: Iterable[str]) -> list[str]:
	"""A note on disabled cost centers of vouchers."""
	disabled = frappe.get_all(
		"Cost Center",
		filters={"name": ("in", sorted(cost_centers) or [""]), "disabled": 1},
		pluck="name",
		order_by="name asc",
	)
	if not disabled:
		return []
	return [
		_(
			"Disabled cost centers of the vouchers: {0}. The entries have them, so that both sides of a cost center agree."
		).format(", ".join(disabled))
	]


def not_due_note(run: str, currency: str) -> list[str]:
	"""A note on selected balances that are not due yet."""
	not_due = run_balances.not_due(run)
	if not not_due["count"]:
		return []
	return [
		_("Selected balances that are not due on the cutoff date: {0}, {1} in total.").format(
			not_due["count"], frappe.utils.fmt_money(not_due["base_amount"], currency=currency)
		)
	]


def notes(terms: Terms) -> list[str]:
	"""Notes on the entries for the preview."""
	found = [
		_("Every entry has {0}: {1}.").format(label, value)
		for label, value in labels(terms.entry_values or ())
	]
	found += posting_notes(terms.company)
	workflow = get_workflow_name("Journal Entry")
	if workflow:
		found.append(
			_(
				"The Workflow {0} on Journal Entry does not apply. Entries of a run are submitted directly, on the"
				" approval of the run."
			).format(workflow)
		)
	return found


def way_of_posting(run: str, company: str, size: int) -> str:
	"""How a run of this many balances or claims will be posted, in one sentence."""
	way, is_proven = proof.expected_method(company, size)
	if not is_proven:
		return _(
			"The first entries are posted both one by one and in sets. If the rows are the same, all others are posted in sets."
		)
	if way == proof.IN_SETS:
		return _("Entries of kinds that were compared before are posted in sets.")
	if way == proof.BY_ENTRY and posts_claims(run):
		return _("The entries are posted one by one.")
	if way == proof.BY_ENTRY:
		return _("The entries are posted one by one, and the invoices of an entry are updated together.")
	return _("The entries are posted one by one, as ERPNext does.")


def posting_notes(company: str) -> list[str]:
	"""Why posting is slower than it could be, and how to change that; empty if entries are posted in sets."""
	slow = proof.hindrance(company)
	if slow:
		return [_("The entries will be posted more slowly. {0}").format(messages.message(slow))]
	return [
		_("{0} These documents are saved one by one, which takes longer.").format(messages.message(reason))
		for reason in proof.listener_reasons()
	]


def throw_if_blocked(run: Any, rules: posting.Rules) -> None:
	"""Refuse to submit a run whose entries ERPNext would all reject.

	Raises:
	    frappe.ValidationError: with all reasons.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = frappe.qb.from_(item).select("*").where(is_selected(item, run)).limit(1)
	rows = [query.orderby(item.name, order=order).run(as_dict=True)[0] for order in (Order.asc, Order.desc)]
	items = posting.to_plan_items(posting.items_from_rows(rows, run.company), rules)
	found = blockers.run_blockers(rules, sample_of(items), accounts_of(run, rules))
	if found:
		frappe.throw(
			"<br>".join(frappe.utils.escape_html(messages.message(reason)) for reason in found),
			title=_("Entries Cannot Be Created"),
		)


def is_selected(item: Any, run: Any) -> Criterion:
	"""The condition on the run's open, selected items."""
	return (item.run == run.name) & (item.status == states.OPEN) & (item.selected == 1)


def accounts_of(run: Any, rules: posting.Rules) -> set[str]:
	"""The offset account, and the receivable accounts of selected items that can be posted to, or all of these if none
	can."""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = frappe.qb.from_(item).select(item.receivable_account).distinct()
	on_accounts = query.where(is_selected(item, run)).run(pluck=True)
	usable = [name for name in on_accounts if not accounts.posting_problem(name, run.company)]
	return {name for name in (rules.offset.account, *(usable or on_accounts)) if name}


def sample_of(items: list[PlanItem]) -> list[PlanItem]:
	"""The first, the middle and the last item."""
	return [items[index] for index in sorted({0, len(items) // 2, len(items) - 1})] if items else []


def plan_batch(
	items: list[PlanItem], rules: posting.Rules, trial: TrialLedger
) -> tuple[list[EntryPlan], list[dict[str, str]]]:
	"""The entries for these items, and the items that no entry can be made for, with the reason. Where ERPNext rejects an
	entry, the items are divided as in posting, up to a number of rejected balances."""
	item_by_name = {item.name: item for item in items}
	booked = parties.booked_currencies(rules.company, {item.customer for item in items})
	plans: list[EntryPlan] = []
	refused: dict[str, str] = {}
	waiting: deque[EntryPlan] = deque()

	def build(names: Iterable[str]) -> list[EntryPlan]:
		return posting.build_plans([item_by_name[name] for name in names], rules)

	for plan in posting.build_plans(items, rules):
		outcomes = posting.unplannable_items(plan, item_by_name, rules, booked)
		refused.update({outcome.item: outcome.message for outcome in outcomes})
		waiting += build(name for name in plan.items if name not in refused) if outcomes else [plan]
	while waiting:
		plan = waiting.popleft()
		error = trial.add(plan)
		middle = len(plan.items) // 2
		if not error:
			plans.append(plan)
		elif not middle:
			reason = Reason.caused(reasons.REFUSED, messages.error_reason(error))
			refused[plan.items[0]] = messages.message(reason)
		elif trial.rejected >= MAX_REJECTED:
			trial.unchecked += len(plan.items)
		else:
			halves = [*build(plan.items[:middle]), *build(plan.items[middle:])]
			waiting.extendleft(reversed(halves))
	return plans, [
		{"item": name, "voucher_no": item_by_name[name].voucher_no, "message": message}
		for name, message in refused.items()
	]


def unchecked_note(trial: TrialLedger) -> list[str]:
	"""The number of balances in rejected entries that were not checked one by one."""
	if not trial.unchecked:
		return []
	return [
		_(
			"ERPNext rejects {0} balances. {1} more balances are in entries that it rejects and were not checked one by one."
		).format(trial.rejected, trial.unchecked)
	]


def set_off_values(item: PlanItem) -> list[dict[str, Any]]:
	"""The credits that are set off with an item, for the preview."""
	return [
		{
			"customer": item.customer,
			"credit_type": one.credit.voucher_type,
			"credit_no": one.credit.voucher_no,
			"debit_type": one.debit.voucher_type,
			"debit_no": one.debit.voucher_no,
			"amount": float(one.amount),
		}
		for one in item.set_offs
	]


def entry_values(plan: EntryPlan) -> dict[str, Any]:
	customers = {row.customer for row in plan.rows if row.customer}
	return {
		"title": ", ".join(sorted(customers)[:3]) + (" …" if len(customers) > 3 else ""),
		"rows": [row_values(row) for row in plan.rows],
		"total_debit": float(plan.total),
		"total_credit": float(plan.total - plan.difference),
	}


def row_values(row: Row) -> dict[str, Any]:
	dimensions = dict(row.dimensions)
	return {
		"account": row.account,
		"party": row.customer,
		"reference_type": row.reference_type,
		"reference_name": row.reference_name,
		"cost_center": dimensions.get("cost_center", ""),
		"project": dimensions.get("project", ""),
		"debit": float(max(row.base_amount, ZERO)),
		"credit": float(max(-row.base_amount, ZERO)),
		"account_currency": row.currency,
		"debit_in_account_currency": float(max(row.amount, ZERO)),
		"credit_in_account_currency": float(max(-row.amount, ZERO)),
	}
