"""Write-Off Holds: balances on hold are excluded from every run and schedule until the hold ends."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import frappe
import pytest
from frappe.utils import add_days, today

from ar_writeoff.ar_writeoff.report.write_off_holds import write_off_holds
from ar_writeoff.holds import service as holds
from ar_writeoff.review.evidence import write_off_run_evidence
from ar_writeoff.schedules import service as schedules
from ar_writeoff.search.from_invoices import write_off_invoices
from tests.site import run_helpers
from tests.site.balance_kinds import opening_invoice
from tests.site.concurrency import BreakpointWorkers, ConcurrentSession, in_background
from tests.site.conftest import Workers, eventually
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	PREPARER,
	as_user,
	cost_center,
	customer,
	exclude_balances,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	payment,
	permit,
	setting,
	user,
)
from tests.site.posting_checks import post_and_check

FIRST = "2026-01-15"


def in_days(days: int) -> str:
	return str(add_days(today(), days))


def hold(voucher: Any = None, by: str = PREPARER, **values: Any) -> Any:
	"""A hold on this voucher, or on a customer."""
	if voucher is not None:
		values = {"voucher_type": voucher.doctype, "voucher_no": voucher.name, **values}
	with as_user(by):
		return frappe.get_doc(
			{
				"doctype": "Write-Off Hold",
				"company": HL,
				"kind": "Dispute",
				"hold_until": in_days(30),
				**values,
			}
		).insert()


def state(run: Any, voucher: Any) -> tuple[str, str, str]:
	row = run_helpers.items(run)[voucher.name]
	return row.status, row.reason_code, row.reason_name


def balances() -> dict[str, tuple[str, Any]]:
	"""A balance of each kind that can be written off: (balance type, voucher)."""
	return {
		"invoice": ("Debit", invoice("Anchor Cafe", 10, FIRST)),
		"opening invoice": ("Debit", opening_invoice("Anchor Cafe", 11)),
		"opening journal": (
			"Debit",
			journal(
				line("Debtors", 12, party="Anchor Cafe"),
				line("Temporary Opening", credit=12),
				posting_date=FIRST,
				is_opening="Yes",
			),
		),
		"foreign invoice": ("Debit", invoice("Helios SARL", 13, FIRST, currency="EUR")),
		"credit note": ("Credit", invoice("Breakwater Bar", 14, FIRST, is_return=True)),
		"payment on account": ("Credit", payment("Dover Council", 15, FIRST)),
		"journal credit": (
			"Credit",
			journal(
				line("House Bank", 16),
				line("Debtors", credit=16, party="Elm School"),
				posting_date=FIRST,
			),
		),
	}


# Left out


def test_every_kind_of_balance_on_hold_is_excluded_with_the_reason():
	run_helpers.settings(customer_credits="Ignore", credit_write_off_account=run_helpers.credit_account())
	kinds = balances()
	for balance_type in ("Debit", "Credit"):
		vouchers = [voucher for type_, voucher in kinds.values() if type_ == balance_type]
		free = run_helpers.run(balance_type=balance_type)
		assert {state(free, voucher)[0] for voucher in vouchers} == {"Open"}
	held = {name: hold(voucher, note="Called twice") for name, (_type, voucher) in kinds.items()}
	for balance_type in ("Debit", "Credit"):
		run = run_helpers.run(balance_type=balance_type)
		for name, (type_, voucher) in kinds.items():
			if type_ == balance_type:
				assert state(run, voucher) == ("Excluded", "on_hold", held[name].name), name
				row = run_helpers.items(run)[voucher.name]
				assert row.message == (
					f"{voucher.doctype} on hold until {in_days(30)}: Dispute, set by Petra Preparer. Note: Called twice"
				)
				assert not row.selected and not row.write_off_amount


def test_a_hold_on_a_customer_is_on_all_its_balances_in_that_company():
	bills = [invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)]
	other = invoice("Elm School", 10, FIRST)
	elsewhere = invoice("Anchor Cafe", 10, FIRST, company=NW)
	doc = hold(customer="Anchor Cafe", kind="Legal", hold_until=None)
	run = run_helpers.run()
	for bill in bills:
		assert state(run, bill) == ("Excluded", "on_hold_without_end", doc.name)
	assert state(run, other)[0] == "Open"
	assert state(run_helpers.run(NW), elsewhere)[0] == "Open"
	late = invoice("Anchor Cafe", 30, FIRST)
	assert state(run_helpers.run(), late)[0] == "Excluded"


def test_the_same_journal_of_another_customer_is_not_on_hold():
	both = journal(
		line("Debtors", 12, party="Anchor Cafe"),
		line("Debtors", 13, party="Elm School"),
		line("Temporary Opening", credit=25),
		posting_date=FIRST,
	)
	with pytest.raises(frappe.ValidationError):
		hold(both)  # of two customers
	hold(both, customer="Anchor Cafe")
	found = {
		row.customer: row.status
		for row in frappe.get_all(
			"Write-Off Run Item",
			filters={"run": run_helpers.run().name, "voucher_no": both.name},
			fields=["customer", "status"],
		)
	}
	assert found == {"Anchor Cafe": "Excluded", "Elm School": "Open"}


def test_an_invoice_added_by_hand_is_excluded():
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)
	doc = hold(bill)
	run_helpers.settings()
	with as_user(PREPARER):
		result = write_off_invoices([bill.name, other.name])
	assert result["added"] == 1
	assert [left["voucher_no"] for left in result["left_out"]] == [bill.name]
	assert "on hold" in result["left_out"][0]["message"]
	assert state(result["run"], bill) == ("Excluded", "on_hold", doc.name)


@pytest.mark.parametrize("on", ["voucher", "customer"])
def test_a_hold_set_after_the_approval_keeps_the_balance_from_being_posted(on: str):
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Elm School", 20, FIRST)
	run = run_helpers.run()
	with run_helpers.approved(run):
		hold(bill) if on == "voucher" else hold(customer="Anchor Cafe")
	assert state(run, bill)[:2] == ("Skipped", "on_hold")
	assert f"on hold until {in_days(30)}" in run_helpers.items(run)[bill.name].message
	assert run_helpers.items(run)[other.name].status == "Posted"
	assert (outstanding(bill), outstanding(other)) == (10, 0)
	run_helpers.assert_posted_once(run)


def test_of_an_item_in_two_runs_neither_is_posted():
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Elm School", 20, FIRST)
	first, second = run_helpers.run(), run_helpers.run()
	for run in (first, second):
		run_helpers.submitted_but_not_posted(run)
	hold(bill)
	frappe.db.commit()
	for run in (first, second):
		run_helpers.post_now(run)
		assert state(run, bill)[:2] == ("Skipped", "on_hold")
	assert (outstanding(bill), outstanding(other)) == (10, 0)


def test_the_preview_names_what_was_put_on_hold_since_the_search():
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Elm School", 20, FIRST)
	run = run_helpers.run()
	hold(bill)
	with as_user(MANAGER):
		preview = run.preview_entries()
	assert (preview["item_count"], preview["skipped_count"]) == (1, 1)
	assert "on hold" in preview["skipped"][0]["message"]
	post_and_check(run)
	assert state(run, bill)[:2] == ("Skipped", "on_hold")
	assert outstanding(other) == 0


def test_customers_excluded_without_an_end_stay_excluded():
	bill = invoice("Anchor Cafe", 10, FIRST)
	exclude_balances("Anchor Cafe")
	hold(bill)
	assert state(run_helpers.run(), bill)[:2] == ("Excluded", "customer_opted_out")


def test_evidence_and_export_name_the_hold():
	bill = invoice("Anchor Cafe", 10, FIRST)
	invoice("Elm School", 20, FIRST)
	hold(bill, note="Half was returned")
	run = run_helpers.post(run_helpers.run())
	evidence = write_off_run_evidence(run)
	[line_] = [row for row in evidence["not_posted"] if "on hold" in row["message"]]
	assert line_["count"] == 1
	assert line_["message"].endswith("set by Petra Preparer. Note: Half was returned")


def test_c17_a_schedule_leaves_out_what_is_on_hold_in_each_period():
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Elm School", 20, FIRST)
	run_helpers.settings()
	hold(bill)
	with as_user(MANAGER):
		schedule = frappe.get_doc(
			{
				"doctype": "Write-Off Schedule",
				"schedule_name": "Small ones",
				"company": HL,
				"reason": "Small Balance",
				"frequency": "Daily",
				"time": "06:00:00",
				"cutoff_rule": "Day of the Run",
				"posting_rule": "Day of the Run",
				"max_invoice_amount": 1000,
				"action": "Post Within Limits",
				"max_item_amount": 50,
			}
		).insert()
	for period in ("2026-06-01", "2026-07-01"):
		schedule.db_set({"next_run_on": f"{period} 06:00:00", "next_planned_on": f"{period} 06:00:00"})
		frappe.db.commit()
		log = schedules.claim(schedule.name)
		frappe.db.commit()
		schedules.process_claim(log)
	results = frappe.get_all("Write-Off Schedule Log", fields=["result", "run"], order_by="name asc")
	assert [row.result for row in results] == ["Submitted", "Nothing Found"]
	assert state(results[0].run, bill)[:2] == ("Excluded", "on_hold")
	assert (outstanding(bill), outstanding(other)) == (10, 0)


# While a run is being posted


@pytest.fixture
def breakpoints(workers: Workers, tmp_path: Path) -> BreakpointWorkers:
	return BreakpointWorkers(workers, tmp_path)


def queued_run() -> Any:
	run = run_helpers.run()
	with in_background():
		run_helpers.post(run)
	frappe.db.commit()
	return run


def finished(run: Any) -> Any:
	eventually(lambda: run_helpers.status(run) in ("Posted", "Partly Posted", "Failed"), 90)
	run_helpers.assert_posted_once(run)
	return run.reload()


@pytest.mark.workers
@pytest.mark.parametrize("on", ["voucher", "customer"])
def test_a_hold_waits_for_the_batch_in_progress_and_says_what_was_posted(
	breakpoints: BreakpointWorkers, on: str
):
	bill = invoice("Anchor Cafe", 10, FIRST)
	run = queued_run()
	breakpoints.hold("looked")
	breakpoints.start()
	breakpoints.wait_for("looked")

	def set_hold() -> list[str]:
		frappe.flags.mute_messages = False
		hold(bill) if on == "voucher" else hold(customer="Anchor Cafe")
		frappe.db.commit()
		return [message["message"] for message in frappe.get_message_log()]

	session = ConcurrentSession(set_hold)
	run_helpers.wait_for_lock_wait()
	breakpoints.release("looked")
	[message] = session.result()
	assert message == f"{run.name} has written off balances before the hold was set."
	assert finished(run).status == "Posted"


@pytest.mark.workers
@pytest.mark.parametrize("way", ["from the list", "resumed"])
def test_a_run_that_changes_while_a_hold_is_set(monkeypatch: pytest.MonkeyPatch, way: str):
	"""By default MariaDB from 11.6.2 on locks no row that was changed since the snapshot; before, it is a setting."""
	if not frappe.db.sql("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'"):
		pytest.skip("This release of MariaDB has no innodb_snapshot_isolation.")
	bill = invoice("Anchor Cafe", 10, FIRST)
	ended = hold(bill)
	ended.status = "Ended"
	ended.save(ignore_permissions=True)
	draft, run = run_helpers.run(), run_helpers.submitted_but_not_posted(run_helpers.run())
	[item] = [row.name for row in run_helpers.items(draft).values()]
	lock_run = holds.lock_run

	def lock_changed_run(name: str) -> None:
		values = {"modified": "2026-06-30 12:00:00"}
		ConcurrentSession(lambda: frappe.db.set_value("Write-Off Run", name, values)).result()
		lock_run(name)

	def set_hold() -> None:
		frappe.db.sql("SET SESSION innodb_snapshot_isolation = ON")
		if way == "from the list":
			frappe.get_doc("Write-Off Run", draft.name).hold_balances([item], kind="Dispute")
		else:
			doc = frappe.get_doc("Write-Off Hold", ended.name)
			doc.status = "Active"
			doc.save()

	monkeypatch.setattr(holds, "lock_run", lock_changed_run)
	session = ConcurrentSession(set_hold, MANAGER)
	if way == "from the list":
		session.result()
		frappe.db.rollback()
		assert frappe.db.count("Write-Off Hold", {"status": "Active"}) == 1
	else:
		with pytest.raises(frappe.QueryTimeoutError, match=f"{run.name} is being posted or changed"):
			session.result()


@pytest.mark.workers
def test_a_worker_waits_for_a_hold_that_is_being_set(breakpoints: BreakpointWorkers):
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Elm School", 20, FIRST)
	run = queued_run()
	is_set, may_commit = threading.Event(), threading.Event()

	def set_hold() -> None:
		hold(bill)
		is_set.set()
		may_commit.wait(90)
		frappe.db.commit()

	session = ConcurrentSession(set_hold)
	is_set.wait(90)
	breakpoints.start()
	run_helpers.wait_for_lock_wait()
	may_commit.set()
	session.result()
	finished(run)
	assert state(run, bill)[:2] == ("Skipped", "on_hold")
	frappe.db.rollback()
	assert (outstanding(bill), outstanding(other)) == (10, 0)


# From the list of a run


def test_balances_are_put_on_hold_from_the_list_of_a_run():
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)
	run = run_helpers.run()
	names = {voucher: row.name for voucher, row in run_helpers.items(run).items()}
	with as_user(PREPARER):
		summary = run.hold_balances(
			[names[bill.name]], kind="Promise to Pay", hold_until=in_days(30), note="By mail"
		)
	assert summary["counts"] == {"Excluded": 1, "Open": 1}
	assert (summary["selected"]["count"], summary["selected"]["base_amount"]) == (1, 20)
	doc = frappe.get_doc("Write-Off Hold", {"voucher_no": bill.name})
	assert (doc.customer, doc.kind, str(doc.hold_until), doc.note, doc.owner) == (
		"Anchor Cafe",
		"Promise to Pay",
		in_days(30),
		"By mail",
		PREPARER,
	)
	assert state(run, bill) == ("Excluded", "on_hold", doc.name)
	assert state(run, other)[0] == "Open"
	with as_user(PREPARER):
		run.reload().find_invoices()
	assert state(run, bill) == ("Excluded", "on_hold", doc.name)
	assert (run.selected_count, run.selected_amount) == (1, 20)


def test_whole_customers_are_put_on_hold_from_the_list_of_a_run():
	bills = [invoice("Anchor Cafe", amount, FIRST) for amount in (10, 20)]
	other = invoice("Elm School", 30, FIRST)
	run = run_helpers.run()
	names = [run_helpers.items(run)[bill.name].name for bill in bills]
	with as_user(PREPARER):
		run.hold_balances(names, kind="Legal", whole_customer=1)
	[doc] = frappe.get_all("Write-Off Hold", fields=["name", "customer", "voucher_no", "hold_until"])
	assert (doc.customer, doc.voucher_no, doc.hold_until) == ("Anchor Cafe", None, None)
	assert {state(run, bill) for bill in bills} == {("Excluded", "on_hold_without_end", doc.name)}
	assert state(run, other)[0] == "Open"
	assert run_helpers.items(run)[bills[0].name].message.startswith("Customer on hold without an end: Legal")


def test_nothing_is_held_in_a_run_that_is_approved():
	bill = invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	name = run_helpers.items(run)[bill.name].name
	with run_helpers.approved(run), pytest.raises(frappe.ValidationError):
		run.hold_balances([name], kind="Dispute")
	assert not frappe.db.count("Write-Off Hold")


def test_a_hold_that_is_refused_leaves_the_list_as_it_was():
	bill = invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	name = run_helpers.items(run)[bill.name].name
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError), as_user(PREPARER):
		run.hold_balances([name], kind="Dispute", hold_until=in_days(-1))
	frappe.db.rollback()
	assert state(run, bill)[0] == "Open"
	with pytest.raises(frappe.ValidationError):
		run.hold_balances([], kind="Dispute")


# The end of a hold


def test_a_hold_ends_by_itself_and_tells_its_owner():
	bill, today_ends = invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)
	over, last_day, no_end = (
		hold(bill),
		hold(today_ends, hold_until=today()),
		hold(customer="Elm School", hold_until=None),
	)
	assert state(run_helpers.run(), bill)[0] == "Excluded"
	frappe.db.set_value("Write-Off Hold", over.name, "hold_until", in_days(-1))
	# The date counts, even if the scheduler is off.
	run = run_helpers.run()
	assert (state(run, bill)[0], state(run, today_ends)[0]) == ("Open", "Excluded")
	assert "ar_writeoff.holds.service.end_due" in frappe.get_hooks("scheduler_events")["daily"]
	holds.end_due()
	assert [doc.reload().status for doc in (over, last_day, no_end)] == ["Ended", "Active", "Active"]
	[note] = frappe.get_all(
		"Notification Log",
		filters={"document_type": "Write-Off Hold", "for_user": PREPARER},
		fields=["subject", "document_name"],
	)
	assert note.document_name == over.name
	assert note.subject == f"The hold on {bill.name}, Anchor Cafe has ended"
	holds.end_due()
	assert frappe.db.count("Notification Log", {"document_type": "Write-Off Hold"}) == 1


def test_holds_that_end_on_one_day_are_one_notification():
	docs = [hold(invoice("Anchor Cafe", amount, FIRST)) for amount in (10, 20, 30)]
	for doc in docs:
		doc.db_set("hold_until", in_days(-1))
	holds.end_due()
	[note] = frappe.get_all(
		"Notification Log",
		filters={"document_type": "Write-Off Hold"},
		fields=["subject", "email_content"],
	)
	assert note.subject == "3 holds have ended"
	assert all(doc.voucher_no in note.email_content for doc in docs)


def test_an_ended_hold_can_be_resumed_and_a_hold_extended():
	bill = invoice("Anchor Cafe", 10, FIRST)
	doc = hold(bill)
	with as_user(PREPARER):
		doc.status = "Ended"
		doc.save()
		assert state(run_helpers.run(), bill)[0] == "Open"
		doc.status, doc.hold_until = "Active", in_days(60)
		doc.save()
		assert state(run_helpers.run(), bill)[0] == "Excluded"
		doc.hold_until = in_days(-1)
		with pytest.raises(frappe.ValidationError) as error:
			doc.save()
	assert "Hold Until" in str(error.value)
	assert doc.meta.track_changes


@pytest.mark.parametrize("kind", ["invoice", "payment on account", "journal credit"])
def test_cancelling_the_voucher_ends_the_hold(kind: str):
	_type, voucher = balances()[kind]
	doc = hold(voucher)
	voucher.reload().cancel()
	assert doc.reload().status == "Ended"
	assert frappe.db.exists("Notification Log", {"document_name": doc.name, "for_user": PREPARER})
	setting("Accounts Settings", delete_linked_ledger_entries=1)
	frappe.delete_doc(voucher.doctype, voucher.name)
	assert not frappe.db.exists("Write-Off Hold", doc.name)


def test_a_customer_on_hold_can_be_renamed_merged_and_deleted():
	name = customer("Old Name")
	bill = invoice(name, 10, FIRST)
	of_customer, of_voucher = hold(customer=name), hold(bill)
	frappe.rename_doc("Customer", name, "New Name", force=True)
	assert {of_customer.reload().customer, of_voucher.reload().customer} == {"New Name"}
	assert state(run_helpers.run(), bill)[0] == "Excluded"
	frappe.rename_doc("Customer", "New Name", "Anchor Cafe", merge=True, force=True)
	assert of_voucher.reload().customer == "Anchor Cafe"
	assert state(run_helpers.run(), bill)[0] == "Excluded"
	lone = customer("No Balance")
	doc = hold(customer=lone)
	frappe.delete_doc("Customer", lone)
	assert not frappe.db.exists("Write-Off Hold", doc.name)


def test_a_renamed_voucher_stays_on_hold():
	bill = invoice("Anchor Cafe", 10, FIRST)
	doc = hold(bill)
	frappe.rename_doc("Sales Invoice", bill.name, "OLD-1", force=True)
	for doctype in ("Payment Ledger Entry", "GL Entry"):
		for field in (
			"voucher_no",
			"against_voucher_no" if doctype == "Payment Ledger Entry" else "against_voucher",
		):
			frappe.db.set_value(doctype, {field: bill.name}, field, "OLD-1")
	assert doc.reload().voucher_no == "OLD-1"
	assert run_helpers.items(run_helpers.run())["OLD-1"].reason_name == doc.name


# What can be held


def test_the_customer_comes_from_the_voucher():
	bill = invoice("Anchor Cafe", 10, FIRST)
	doc = hold(bill)
	assert (doc.customer, doc.customer_name) == ("Anchor Cafe", "Anchor Cafe")


@pytest.mark.parametrize(
	"values",
	[
		{"customer": "Elm School"},
		{"company": NW},
		{"voucher_no": "draft"},
		{"hold_until": "2026-01-01"},
		{"kind": None},
		{"kind": "Because"},
	],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any]):
	bill = invoice("Anchor Cafe", 10, FIRST)
	if values.get("voucher_no"):
		values = {"voucher_no": invoice("Anchor Cafe", 10, FIRST, submit=False).name}
	with pytest.raises(frappe.ValidationError):
		hold(bill, **values)


def test_what_a_hold_is_on_does_not_change():
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)
	doc = hold(bill)
	doc.voucher_no = other.name
	with pytest.raises(frappe.ValidationError):
		doc.save()


# Permissions


@pytest.mark.parametrize(
	("doctype", "value"),
	[
		("Customer", "Elm School"),
		("Customer Group", "Schools"),
		("Territory", "US West"),
		("Cost Center", "South Pier - HL"),
		("Company", NW),
	],
)
def test_user_permissions_apply_to_holds(doctype: str, value: str):
	hidden = invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("North Pier"))
	shown = invoice("Elm School", 10, FIRST, cost_center=cost_center("South Pier"))
	docs = {doc.voucher_no: doc for doc in (hold(hidden), hold(shown))}
	clerk = user("clerk@example.com", "Accounts User")
	permit(clerk, doctype, value)
	visible = {shown.name} if doctype != "Company" else set()
	with as_user(clerk):
		assert set(frappe.get_list("Write-Off Hold", pluck="voucher_no")) == visible
		for name, doc in docs.items():
			stored = frappe.get_doc("Write-Off Hold", doc.name)
			assert stored.has_permission("read") == (name in visible)
	with pytest.raises(frappe.PermissionError):
		hold(hidden, by=clerk, customer="Anchor Cafe")
	if visible:
		hold(shown, by=clerk, customer="Elm School")


def test_an_outsider_and_an_auditor_set_no_hold():
	bill = invoice("Anchor Cafe", 10, FIRST)
	for person in ("auditor@example.com", "outsider@example.com"):
		with pytest.raises(frappe.PermissionError):
			hold(bill, by=person)


# The report


def report(**filters: Any) -> dict[tuple[str, str], tuple]:
	"""Rows of Write-Off Holds: (customer, voucher) -> (kind, balance, until)."""
	_columns, rows = write_off_holds.execute({"company": HL, **filters})
	return {
		(row.customer, row.voucher_no or ""): (row.kind, row.balance, str(row.hold_until or ""))
		for row in rows
	}


def test_the_report_lists_what_is_held_why_and_until_when():
	bill, paid = invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)
	note = invoice("Breakwater Bar", 14, FIRST, is_return=True)
	invoice("Elm School", 30, FIRST)
	invoice("Elm School", 40, FIRST)
	invoice("Compass Stores", 50, FIRST)
	invoice("Helios SARL", 10, FIRST, currency="EUR", rate=1.5)
	for voucher in (bill, paid, note):
		hold(voucher)
	pay(paid)
	hold(customer="Elm School", kind="Legal", hold_until=None)
	hold(customer="Helios SARL", kind="Other", hold_until=in_days(1))
	exclude_balances("Compass Stores", "Dover Council")
	until = in_days(30)
	everything = {
		("Helios SARL", ""): ("Other", 15, in_days(1)),
		("Anchor Cafe", bill.name): ("Dispute", 10, until),
		("Anchor Cafe", paid.name): ("Dispute", 0, until),
		("Breakwater Bar", note.name): ("Dispute", -14, until),
		("Elm School", ""): ("Legal", 70, ""),
		# Without an end; Dover Council has no balance.
		("Compass Stores", ""): ("Exclude from Write-Off", 50, ""),
	}
	assert report() == everything
	assert list(report()) == list(everything)
	assert set(report(kind="Legal")) == {("Elm School", "")}
	assert set(report(ends_by=in_days(2))) == {("Helios SARL", "")}
	assert set(report(customer="Compass Stores")) == {("Compass Stores", "")}
	assert report(status="Ended") == {}
	clerk = user("clerk@example.com", "Accounts User")
	permit(clerk, "Customer", "Elm School")
	with as_user(clerk):
		assert set(report()) == {("Elm School", "")}
		with pytest.raises(frappe.ValidationError):
			write_off_holds.execute({})
	permit(clerk, "Company", NW)
	with as_user(clerk), pytest.raises(frappe.PermissionError):
		report()
