"""Limits, second approver, and posting of exactly what was approved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest
from cryptography.fernet import Fernet

from ar_writeoff.review.evidence import write_off_run_evidence
from tests.site import run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	PREPARER,
	SECOND_MANAGER,
	TODAY,
	as_user,
	invoice,
	many_invoices,
	outstanding,
	pay,
)
from tests.site.submit_methods import SubmitMethod, by_client, submit_methods

__all__ = ["submit_methods"]

CHIEF = SECOND_MANAGER


@pytest.fixture(autouse=True)
def chief(site: str) -> None:
	"""A role above Accounts Manager, for one person alone."""
	frappe.get_doc({"doctype": "Role", "role_name": "Controller"}).insert()
	frappe.get_doc(
		{
			"doctype": "Has Role",
			"role": "Controller",
			"parent": CHIEF,
			"parenttype": "User",
			"parentfield": "roles",
		}
	).db_insert()
	frappe.clear_cache(user=CHIEF)


def limits(*rows: dict[str, Any], company: str = HL, **values: Any) -> None:
	"""Limits of the company, and one without any amount for the Controller."""
	run_helpers.settings(company, limits=[*rows, {"role": "Controller", "instead": 1}], **values)


def row(**amounts: float) -> dict[str, Any]:
	return {"role": "Accounts Manager", **amounts}


def state(run: Any) -> tuple[int, str]:
	return frappe.db.get_value("Write-Off Run", run.name, ["docstatus", "status"])


def messages_of(run: Any) -> set[str]:
	return {item.message for item in run_helpers.items(run).values()}


# ------------------------------------------------------------------------------------------ limits, three sides

RULES = {
	# limit, balances that are exactly at it, balances that are over it
	"per balance": ({"max_item_amount": 50}, [50.0], [50.01]),
	"per run": ({"max_run_amount": 100}, [60.0, 40.0], [60.0, 40.01]),
	"per customer and month": ({"max_customer_month_amount": 80}, [50.0, 30.0], [50.0, 30.01]),
	"share of the original amount": ({"max_share": 10}, [10.0], [10.01]),
}


def one_run_each(make: Callable[[str], Any], **values: Any) -> list[Any]:
	"""One draft run per submit method, over the balances that `make` creates for a customer."""
	result = []
	for customer in ("Anchor Cafe", "Breakwater Bar", "Compass Stores"):
		make(customer)
		result.append(run_helpers.run(**{"user": PREPARER, "customers": [{"customer": customer}], **values}))
	return result


def refused_then_allowed(
	drafts: list[Any], submit_methods: list[SubmitMethod], wrong: str, right: str
) -> None:
	"""With each submit method, `wrong` is refused without any change and `right` succeeds."""
	for run, submit in zip(drafts, submit_methods, strict=True):
		assert not submit(run, wrong)
		assert state(run) == (0, "Draft")
		assert submit(run, right)
		assert state(run)[0] == 1


@pytest.mark.parametrize("rule", RULES)
def test_limit_over_at_and_below(rule: str, submit_methods: list[SubmitMethod]):
	limit, at, over = RULES[rule]

	def owes(amounts: list[float]) -> Callable[[str], None]:
		def make(customer: str) -> None:
			for amount in amounts:
				one = invoice(customer, 100 if rule.startswith("share") else amount, "2026-01-15")
				if rule.startswith("share"):
					pay(one, 100 - amount, "2026-02-01")

		return make

	limits(row(**limit))
	refused_then_allowed(one_run_each(owes(over)), submit_methods, MANAGER, CHIEF)
	# Of another month, in which nothing is written off yet; exactly the limit is within it.
	for run, submit in zip(one_run_each(owes(at), posting_date="2026-07-01"), submit_methods, strict=True):
		assert submit(run, MANAGER)
		assert state(run)[0] == 1


def test_who_has_no_row_may_write_off_nothing_once_there_are_rows(submit_methods: list[SubmitMethod]):
	limits()
	drafts = one_run_each(lambda customer: invoice(customer, 1, "2026-01-15"))
	refused_then_allowed(drafts, submit_methods, MANAGER, CHIEF)


def test_without_any_row_the_permission_to_submit_decides(submit_methods: list[SubmitMethod]):
	run_helpers.settings()
	drafts = one_run_each(lambda customer: invoice(customer, 999_999, "2026-01-15"))
	refused_then_allowed(drafts, submit_methods, PREPARER, MANAGER)


def test_limits_are_the_companys_own():
	invoice("Anchor Cafe", 60, "2026-01-15", company=NW)
	limits(row(max_item_amount=50))
	run = run_helpers.run(NW, user=PREPARER)
	assert by_client(run, MANAGER)


def test_a_row_in_a_currency_is_for_balances_in_it():
	euro = invoice("Helios SARL", 40, "2026-01-15", currency="EUR")
	dollar = invoice("Anchor Cafe", 100, "2026-01-15")
	limits(row(max_item_amount=100), row(max_item_amount=39.99, limit_currency="EUR"))
	run = run_helpers.run(user=MANAGER)
	assert {name: item.selected for name, item in run_helpers.items(run).items()} == {
		euro.name: 0,
		dollar.name: 1,
	}


# ------------------------------------------------------------------------------------------------- cumulative


def test_limits_apply_to_a_balance_split_over_runs():
	one = invoice("Anchor Cafe", 60, "2026-01-15")
	limits(row(max_customer_month_amount=100))
	assert by_client(run_helpers.run(), MANAGER)
	assert outstanding(one) == 0
	invoice("Anchor Cafe", 40, "2026-02-15")
	over = invoice("Breakwater Bar", 100, "2026-02-15")
	second = run_helpers.run()
	assert set(run_helpers.items(second, selected=1)) == set(run_helpers.items(second)) > {over.name}, (
		"40 + 60 is the limit"
	)
	invoice("Anchor Cafe", 0.01, "2026-02-15")
	third = run_helpers.run(user=PREPARER, customers=[{"customer": "Anchor Cafe"}])
	assert not by_client(third, MANAGER)
	assert by_client(third, CHIEF)


def test_what_was_undone_and_other_months_do_not_count():
	invoice("Anchor Cafe", 60, "2026-01-15")
	limits(row(max_customer_month_amount=100))
	first = run_helpers.post(run_helpers.run())
	invoice("Anchor Cafe", 60, "2026-02-15")
	july = run_helpers.run(posting_date="2026-07-01")
	assert set(item.selected for item in run_helpers.items(july).values()) == {1}
	assert {item.selected for item in run_helpers.items(run_helpers.run()).values()} == {0}
	first.cancel()
	again = run_helpers.run(customers=[{"customer": "Anchor Cafe"}], max_invoice_amount=60)
	assert not any(item.selected for item in run_helpers.items(again).values()), "now it is 60 + 60"
	with as_user(MANAGER):
		again.set_selection(selected=False, items=[next(iter(run_helpers.items(again).values())).name])
	assert sum(item.selected for item in run_helpers.items(again).values()) == 1


def test_two_runs_approved_at_the_same_time_share_the_month():
	"""Both were within the limit when they were approved; the second one to post finds the month used up."""
	one, two = invoice("Anchor Cafe", 60, "2026-01-15"), invoice("Anchor Cafe", 50, "2026-02-15")
	limits(row(max_customer_month_amount=100))
	runs_ = [run_helpers.run(max_invoice_amount=50), run_helpers.run(max_invoice_amount=60)]
	with as_user(MANAGER):
		runs_[1].set_selection(selected=False, filters={"voucher_no": two.name})
	frappe.flags.in_test = False  # queued, as with a worker
	try:
		with as_user(MANAGER):
			# as if the two submits had not seen each other
			frappe.get_doc("Write-Off Run", runs_[0].name).submit()
			frappe.db.set_value("Write-Off Settings", HL, "modified", frappe.utils.now())
			frappe.db.set_value(
				"Write-Off Limit", {"role": "Accounts Manager"}, "max_customer_month_amount", 200
			)
			frappe.get_doc("Write-Off Run", runs_[1].name).submit()
			frappe.db.set_value(
				"Write-Off Limit", {"role": "Accounts Manager"}, "max_customer_month_amount", 100
			)
	finally:
		frappe.flags.in_test = True
	from ar_writeoff.posting.service import post_run

	for run in runs_:
		post_run(run.name)
	assert (outstanding(one), outstanding(two)) == (60, 0)
	skipped = run_helpers.items(runs_[1])[one.name]
	assert (skipped.status, skipped.reason_code) == ("Skipped", "over_customer_limit")


# --------------------------------------------------------------------------------------------------- pending


def test_what_is_over_the_preparers_limit_is_pending_and_says_whose_is_enough():
	small, large = invoice("Anchor Cafe", 40, "2026-01-15"), invoice("Breakwater Bar", 400, "2026-01-15")
	limits({"role": "Accounts User", "max_item_amount": 50}, row(max_item_amount=500))
	run = run_helpers.run(user=PREPARER)
	item = run_helpers.items(run)[large.name]
	assert (item.status, item.selected, item.reason_code) == ("Open", 0, "over_item_limit")
	assert item.message == (
		"400.00 is over the limit of 50.00 per balance for Accounts User."
		" The limit of Accounts Manager or Controller is sufficient."
	)
	with as_user(PREPARER):
		summary = run.get_summary()
		assert (summary["pending"]["count"], summary["pending"]["base_amount"]) == (1, 400)
		run.set_selection(selected=True, items=[item.name])
	assert not run_helpers.items(run)[large.name].selected, "ticking it does not raise the limit"
	assert run.held_count == 1 and run.held_amount == 400
	# It was proposed, not unticked: whoever has the limit sees it in the preview and posts it by submitting.
	for person, total in ((PREPARER, 40), (MANAGER, 440)):
		with as_user(person):
			assert frappe.get_doc("Write-Off Run", run.name).preview_entries()["total"] == total
	run_helpers.post(run.reload())
	assert [outstanding(small), outstanding(large)] == [0, 0]


def test_what_the_preparer_unticked_is_not_pending():
	small, large = invoice("Anchor Cafe", 40, "2026-01-15"), invoice("Breakwater Bar", 400, "2026-01-15")
	limits({"role": "Accounts User", "max_item_amount": 50}, row(max_item_amount=500))
	run = run_helpers.run(user=PREPARER)
	with as_user(PREPARER):
		run.set_selection(selected=False, items=[run_helpers.items(run)[large.name].name])
		assert run.get_summary()["pending"]["count"] == 0
		run.find_invoices()
	assert run_helpers.items(run)[large.name].reason_code == "", "remembered as unticked when searched again"
	run_helpers.post(run.reload())
	assert [outstanding(small), outstanding(large)] == [0, 400]


def test_what_is_over_the_submitters_limit_goes_to_a_draft_of_its_own():
	small, large = invoice("Anchor Cafe", 40, "2026-01-15"), invoice("Breakwater Bar", 400, "2026-01-15")
	limits(row(max_item_amount=50))
	run = run_helpers.post(run_helpers.run(user=PREPARER))
	assert (run.status, list(run_helpers.items(run))) == ("Posted", [small.name])
	rest = frappe.get_last_doc("Write-Off Run", {"remainder_of": run.name})
	assert (rest.status, rest.held_count, rest.prepared_by) == ("Draft", 1, PREPARER)
	assert frappe.db.exists("Notification Log", {"for_user": CHIEF, "document_name": rest.name})
	run_helpers.post(rest, user=CHIEF)
	assert [outstanding(small), outstanding(large)] == [0, 0]


def test_limits_are_looked_at_again_when_posting():
	one = invoice("Anchor Cafe", 60, "2026-01-15")
	limits(row(max_item_amount=60))
	run = run_helpers.submitted_but_not_posted(run_helpers.run())
	frappe.db.set_value("Write-Off Limit", {"role": "Accounts Manager"}, "max_item_amount", 59)
	run_helpers.post_now(run)
	item = run_helpers.items(run)[one.name]
	assert (item.status, item.reason_code, outstanding(one)) == ("Skipped", "over_item_limit", 60)


# -------------------------------------------------------------------------------------------- second approver


def test_who_prepared_the_run_cannot_submit_it(submit_methods: list[SubmitMethod]):
	run_helpers.settings(require_second_approver=1)
	drafts = one_run_each(lambda customer: invoice(customer, 60, "2026-01-15"), user=MANAGER)
	refused_then_allowed(drafts, submit_methods, MANAGER, CHIEF)


def test_who_changed_it_last_cannot_submit_it(submit_methods: list[SubmitMethod]):
	run_helpers.settings(require_second_approver=1)
	drafts = one_run_each(lambda customer: invoice(customer, 60, "2026-01-15"))
	with as_user(MANAGER):
		drafts[0].set_selection(selected=True)
		drafts[1].find_invoices()
		drafts[2].posting_date = "2026-07-01"
		drafts[2].save()
	assert {run.prepared_by for run in drafts} == {PREPARER}
	refused_then_allowed(drafts, submit_methods, MANAGER, CHIEF)


def test_without_the_setting_one_person_is_enough(submit_methods: list[SubmitMethod]):
	run_helpers.settings()
	drafts = one_run_each(lambda customer: invoice(customer, 60, "2026-01-15"), user=MANAGER)
	for run, submit in zip(drafts, submit_methods, strict=True):
		assert submit(run, MANAGER)


def test_who_prepared_and_changed_cannot_be_forged(web: Any):
	invoice("Anchor Cafe", 60, "2026-01-15")
	run_helpers.settings(require_second_approver=1)
	run = run_helpers.run(user=MANAGER)
	frappe.db.commit()
	session = web.session(MANAGER)
	url = f"{web.url}/api/resource/Write-Off Run/{run.name}"
	forged = {"prepared_by": PREPARER, "changed_by": PREPARER, "searched_by": PREPARER, "status": "Posted"}
	assert session.put(url, json=forged, timeout=60).status_code == 200
	assert session.put(url, json={**forged, "docstatus": 1}, timeout=60).status_code == 403
	frappe.db.rollback()
	run.reload()
	assert (run.prepared_by, run.changed_by, run.status, run.docstatus) == (MANAGER, MANAGER, "Draft", 0)


def test_a_form_that_shows_an_older_selection_cannot_submit():
	invoice("Anchor Cafe", 60, "2026-01-15")
	run = run_helpers.run(user=PREPARER)
	with as_user(MANAGER):
		seen = frappe.get_doc("Write-Off Run", run.name)
	with as_user(PREPARER):
		run.set_selection(selected=True)
	with as_user(MANAGER), pytest.raises(frappe.TimestampMismatchError):
		seen.submit()


def test_data_import_follows_the_same_rules():
	"""A file that sets docstatus, as Data Import's 'submit after import' does."""
	run_helpers.settings(require_second_approver=1)
	invoice("Anchor Cafe", 60, "2026-01-15")
	with as_user(MANAGER):
		doc = run_helpers.run(find=False)
		frappe.flags.in_import = True
		try:
			with pytest.raises((frappe.PermissionError, frappe.ValidationError)):
				doc.submit()
			new = frappe.copy_doc(doc)
			new.update({"cutoff_date": doc.cutoff_date, "posting_date": doc.posting_date, "docstatus": 1})
			with pytest.raises((frappe.PermissionError, frappe.ValidationError)):
				new.insert()
		finally:
			frappe.flags.in_import = False


def mailbox() -> None:
	"""An account to send from. Nothing leaves the test site."""
	frappe.get_doc(
		{
			"doctype": "Email Account",
			"name": "Post",
			"email_account_name": "Post",
			"email_id": "post@example.com",
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"smtp_server": "localhost",
		}
	).db_insert()


def test_requesting_approval_notifies_the_approvers():
	invoice("Anchor Cafe", 60, "2026-01-15")
	limits(row(max_item_amount=500), require_second_approver=1)
	mailbox()
	run = run_helpers.run(user=MANAGER)
	with as_user(MANAGER):
		assert run.request_approval() == ["Selma Second"]
	assert run.approval_requested_by == MANAGER
	log = frappe.get_doc("Notification Log", {"document_name": run.name})
	assert (log.for_user, log.subject) == (
		CHIEF,
		f"Manuel Manager requests approval of {run.name}: 1 balance, total $ 60.00",
	)
	assert "requests approval of" in frappe.get_last_doc("Email Queue").message
	assert frappe.get_last_doc("Email Queue").recipients[0].recipient == CHIEF
	with as_user(MANAGER):
		run.set_selection(selected=True)
	assert not run.approval_requested_by, "a changed selection has to be asked for again"


# -------------------------------------------------------------------------------------- frozen when approved


@pytest.mark.parametrize(
	"change",
	[
		{"write_off_amount": 60.01},
		{"base_write_off_amount": 50},
		{"outstanding_amount": 59},
		{"customer": "Dover Council"},
		{"receivable_account": "Other Debtors - HL"},
		{"seal": None},
		{"seal": "0" * 64},
	],
	ids=lambda change: next(iter(change)),
)
def test_a_row_changed_in_the_database_is_refused(change: dict[str, Any]):
	one, two = invoice("Anchor Cafe", 60, "2026-01-15"), invoice("Breakwater Bar", 40, "2026-01-15")
	run_helpers.settings(notify_role="Auditor")
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	name = run_helpers.items(run)[one.name].name
	frappe.db.set_value("Write-Off Run Item", name, change)
	run_helpers.post_now(run)
	item = frappe.get_doc("Write-Off Run Item", name)
	assert (item.status, item.reason_code) == ("Skipped", "changed_since_approval")
	assert [outstanding(one), outstanding(two)] == [60, 0], "its neighbour posts"
	assert run.status == "Partly Posted"
	assert frappe.db.exists(
		"Notification Log", {"document_name": run.name, "for_user": "auditor@example.com"}
	)


def test_a_row_added_or_ticked_in_the_database_is_refused():
	one, two = invoice("Anchor Cafe", 60, "2026-01-15"), invoice("Breakwater Bar", 40, "2026-01-15")
	three = invoice("Compass Stores", 30, "2026-01-15")
	draft = run_helpers.run(user=PREPARER)
	with as_user(PREPARER):
		draft.set_selection(selected=False, filters={"voucher_no": two.name})
	run = run_helpers.submitted_but_not_posted(draft)
	items = run_helpers.items(run)
	frappe.db.set_value(
		"Write-Off Run Item", items[two.name].name, {"selected": 1, "status": "Open", "batch": 1}
	)
	# the row of one balance made into another's: the seal does not travel
	copy = frappe.get_doc("Write-Off Run Item", items[three.name].name)
	seal = frappe.db.get_value("Write-Off Run Item", items[one.name].name, "seal")
	frappe.db.set_value("Write-Off Run Item", copy.name, "seal", seal)
	run_helpers.post_now(run)
	assert [outstanding(one), outstanding(two), outstanding(three)] == [0, 40, 30]
	refused = {no: row.reason_code for no, row in run_helpers.items(run).items() if row.status == "Skipped"}
	assert refused == dict.fromkeys((two.name, three.name), "changed_since_approval")


@pytest.mark.parametrize(
	"change",
	[
		{"posting_date": "2026-06-29"},
		{"reason": "Rounding Difference"},
		{"max_invoice_amount": 5},
		{"customer_group": "Trade"},
		{"submitted_by": CHIEF},
		{"approval_snapshot": "{}"},
		{"approval_seal": None},
	],
	ids=lambda change: next(iter(change)),
)
def test_terms_changed_in_the_database_void_the_approval(change: dict[str, Any]):
	one = invoice("Anchor Cafe", 60, "2026-01-15")
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	frappe.db.set_value("Write-Off Run", run.name, change)
	run_helpers.post_now(run)
	assert (run.status, outstanding(one)) == ("Failed", 60)
	assert "changed" in next(iter(messages_of(run))).lower()


def test_a_site_restored_without_its_key_posts_nothing_and_undoes_what_is_posted(
	monkeypatch: pytest.MonkeyPatch,
):
	one, two = invoice("Anchor Cafe", 60, "2026-01-15"), invoice("Breakwater Bar", 40, "2026-01-15")
	posted = run_helpers.post(run_helpers.run(user=PREPARER, customers=[{"customer": "Anchor Cafe"}]))
	queued = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	monkeypatch.setitem(frappe.local.conf, "encryption_key", Fernet.generate_key().decode())
	run_helpers.post_now(queued)
	assert (queued.status, outstanding(two)) == ("Failed", 40)
	with as_user(MANAGER):
		report = frappe.get_doc("Write-Off Run", posted.name).verify_approval()
		evidence = write_off_run_evidence(frappe.get_doc("Write-Off Run", posted.name))
		assert not report["intact"] and "changed" in report["criteria"]
		assert ("Approval", report["criteria"]) in evidence["approval"]
		frappe.get_doc("Write-Off Run", queued.name).cancel()
		frappe.get_doc("Write-Off Run", posted.name).reverse(TODAY)
	assert (posted.reload().status, outstanding(one)) == ("Reversed", 60)
	again = run_helpers.post(run_helpers.run(user=PREPARER))
	assert (again.status, outstanding(one), outstanding(two)) == ("Posted", 0, 0)


def test_another_offset_account_after_the_approval_changes_nothing():
	one = invoice("Anchor Cafe", 60, "2026-01-15")
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	frappe.db.set_value("Write-Off Settings", HL, "bad_debt_account", "Small Balances Written Off - HL")
	run_helpers.post_now(run)
	assert (run.status, outstanding(one)) == ("Posted", 0)
	[entry] = run_helpers.entries(run)
	accounts = {row.account for row in frappe.get_doc("Journal Entry", entry).accounts if not row.party}
	assert accounts == {"Write Off - HL"}


def test_items_are_not_changed_by_themselves():
	invoice("Anchor Cafe", 60, "2026-01-15")
	run = run_helpers.run()
	item = frappe.get_doc("Write-Off Run Item", next(iter(run_helpers.items(run).values())).name)
	item.write_off_amount = 1
	with pytest.raises(frappe.PermissionError):
		item.save()
	with pytest.raises(frappe.PermissionError):
		item.delete()


# ---------------------------------------------------------------------------------------------------- evidence


def test_the_run_says_who_did_what_and_by_which_limits():
	invoice("Anchor Cafe", 60, "2026-01-15")
	limits(row(max_item_amount=60), require_second_approver=1)
	run = run_helpers.post(run_helpers.run(user=PREPARER))
	assert (run.prepared_by, run.changed_by, run.submitted_by) == (PREPARER, PREPARER, MANAGER)
	assert frappe.parse_json(run.limits_applied) == {
		"user": MANAGER,
		"limit_required": True,
		"limits": [{"holder": "Accounts Manager", "per_balance": "60.00"}],
		"caps_of_schedule": [],
	}
	assert frappe.parse_json(run.approval_snapshot)["offset_account"] == "Write Off - HL"
	with as_user("auditor@example.com"):
		report = frappe.get_doc("Write-Off Run", run.name).verify_approval()
	assert report["intact"] and report["hash_now"] == run.approval_hash
	frappe.db.set_value("Write-Off Run Item", {"run": run.name}, "write_off_amount", 61)
	report = frappe.get_doc("Write-Off Run", run.name).verify_approval()
	assert not report["intact"] and len(report["changed_items"]) == 1


def test_many_items_are_approved_quickly():
	many_invoices(60)
	limits(row(max_item_amount=50, max_customer_month_amount=5000, max_run_amount=5000, max_share=100))
	run = run_helpers.run(user=PREPARER)
	assert run.selected_count == 60
	run = run_helpers.post(run)
	assert run.posted_count == 60


# ---------------------------------------------------------------------------------------------------- workflow


def test_the_shipped_workflow_changes_nothing_until_it_is_active_and_then_the_same_rules_hold():
	from frappe.model.workflow import apply_workflow

	from ar_writeoff import workflow

	invoice("Anchor Cafe", 60, "2026-01-15")
	limits(row(max_item_amount=50), require_second_approver=1)
	assert frappe.db.get_value("Workflow", workflow.NAME, "is_active") == 0, "installed with the app"
	frappe.db.set_value("Workflow", workflow.NAME, "override_status", 1)
	assert workflow.create() == workflow.NAME
	assert frappe.db.get_value("Workflow", workflow.NAME, "override_status") == 1, "what is there is kept"
	assert not frappe.get_meta("Write-Off Run").get_workflow()
	assert by_client(run_helpers.run(user=PREPARER), CHIEF)

	frappe.get_doc("Workflow", workflow.NAME).update({"is_active": 1}).save()
	frappe.clear_cache()
	invoice("Breakwater Bar", 60, "2026-01-15")
	run = run_helpers.run(user=PREPARER)
	assert run.workflow_state == "Draft"
	with as_user(PREPARER):
		apply_workflow(run, "Request Approval")
		frappe.get_doc("Write-Off Run", run.name).set_selection(selected=True)
	assert run.reload().workflow_state == "Draft", "what changed has to be asked for again"
	with as_user(PREPARER):
		apply_workflow(run, "Request Approval")
	frappe.db.commit()
	for person, allowed in ((MANAGER, False), (CHIEF, True)):
		with as_user(person):
			if allowed:
				apply_workflow(run.reload(), "Approve")
			else:
				with pytest.raises(frappe.PermissionError):
					apply_workflow(run.reload(), "Approve")
		frappe.db.rollback()
	assert state(run) == (1, "Posted")


# ---------------------------------------------------------------------------------------------------- evidence


def test_what_was_submitted_cannot_be_deleted_with_its_log():
	invoice("Anchor Cafe", 60, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	run.cancel()
	frappe.db.commit()
	log = frappe.db.count("Write-Off Run Event", {"run": run.name})
	assert log
	for force in (False, True):
		with pytest.raises(frappe.ValidationError, match="cannot be deleted"):
			frappe.delete_doc("Write-Off Run", run.name, force=force)
		frappe.db.rollback()
	assert frappe.db.count("Write-Off Run Event", {"run": run.name}) == log

	draft = run_helpers.run()
	assert run_helpers.items(draft)
	frappe.delete_doc("Write-Off Run", draft.name)
	assert not frappe.db.exists("Write-Off Run Item", {"run": draft.name})


# -------------------------------------------------------------------------------------- direct and allowance


def test_direct_and_allowance_side_by_side():
	from tests.site.ledger_checks import gl_table

	run_helpers.settings(bad_debt_account="Bad Debt Expense - HL")
	make_reason = {"doctype": "Write-Off Reason", "applies_to": "Debit", "method": "Allowance"}
	with pytest.raises(frappe.ValidationError, match=r"Asset,? or Liability"):
		frappe.get_doc(
			{
				**make_reason,
				"reason": "Wrong",
				"accounts": [{"company": HL, "account": "Bad Debt Expense - HL"}],
			}
		).insert()
	with pytest.raises(frappe.ValidationError, match="debit balances only"):
		frappe.get_doc({**make_reason, "reason": "Wrong", "applies_to": "Both"}).insert()
	frappe.get_doc({**make_reason, "reason": "Allowed For"}).insert()

	one = invoice("Anchor Cafe", 60, "2026-01-15")
	run = run_helpers.run(reason="Allowed For")
	[item] = run_helpers.items(run).values()
	assert (item.status, item.reason_code) == ("Excluded", "no_offset_account"), "an expense is no substitute"
	run_helpers.settings(allowance_account="Allowance for Doubtful Accounts - HL")
	run = run_helpers.post(run_helpers.run(reason="Allowed For"))
	assert gl_table(run_helpers.entries(run)[0]) == (
		"account                              | party       | cost center | debit | credit | against\n"
		"Allowance for Doubtful Accounts - HL |             | Main - HL   | 60.00 |        |\n"
		f"Debtors - HL                         | Anchor Cafe |             |       |  60.00 | Sales Invoice {one.name}"
	)
	invoice("Breakwater Bar", 40, "2026-01-15")
	direct = run_helpers.post(run_helpers.run())
	assert "Bad Debt Expense - HL" in gl_table(run_helpers.entries(direct)[0])
