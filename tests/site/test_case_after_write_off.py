"""C03, C12, C25, W04, W07: credit notes, reminders, payment terms and status of written-off invoices."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger.open_items import Key
from ar_writeoff.patches import write_off_status
from ar_writeoff.posting import proof
from ar_writeoff.undo import guards
from ar_writeoff.undo.guards import WrittenOffBalance
from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import dunning
from tests.site.differential import posted
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	cost_center,
	credit_note,
	data_import,
	invoice,
	journal,
	line,
	outstanding,
	pay,
)

CAFE = "Anchor Cafe"
FIRST = "2026-01-15"
PAID = "2026-07-20"


def write_off(bill: Any, amount: float | None = None) -> Any:
	"""A posted run over the invoice, in full or for this amount."""
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	run = run_helpers.run(customers=[{"customer": bill.customer}])
	row = run_helpers.items(run)[bill.name]
	if amount is not None:
		with as_user(MANAGER):
			run.set_write_off_amount(row.name, amount)
	return run_helpers.post(run.reload())


def bad_debt() -> float:
	[[amount]] = frappe.db.sql(
		"SELECT COALESCE(SUM(debit - credit), 0) FROM `tabGL Entry` WHERE account = %s AND is_cancelled = 0",
		account("Bad Debt Expense"),
	)
	return amount


def field(bill: Any, name: str) -> Any:
	return frappe.db.get_value("Sales Invoice", bill.name, name)


# C03: credit notes


@pytest.mark.parametrize("own_balance", [False, True])
def test_c03_a_credit_note_for_a_written_off_invoice_is_refused(own_balance: bool):
	bill = invoice(CAFE, 9, FIRST)
	run = write_off(bill)
	before = ledger_checks.snapshot(HL)
	frappe.db.commit()
	with pytest.raises(WrittenOffBalance, match=f"Reinstate the balance in .*{run.name}"):
		credit_note(bill, update_outstanding_for_self=own_balance)
	frappe.db.rollback()
	assert before.diff(ledger_checks.snapshot(HL)) == []

	# led through Reinstate first
	run.reinstate([run_helpers.items(run)[bill.name].name])
	credit_note(bill, update_outstanding_for_self=own_balance)
	assert bad_debt() == 0


def test_c03_in_a_foreign_currency_and_on_an_account_in_company_currency():
	for name, debit_to in (("Helios SARL", None), ("Elm School", account("Debtors"))):
		bill = invoice(name, 40, FIRST, currency="EUR", rate=1.15, debit_to=debit_to)
		write_off(bill)
		frappe.db.commit()
		with pytest.raises(WrittenOffBalance):
			credit_note(bill, 10)
		frappe.db.rollback()


def test_c03_only_the_rest_of_a_partly_written_off_invoice_can_be_credited():
	bill = invoice(CAFE, 100, FIRST)
	write_off(bill, 40)
	frappe.db.commit()
	with pytest.raises(WrittenOffBalance):
		credit_note(bill, 61, update_outstanding_for_self=True)
	frappe.db.rollback()
	frappe.flags.mute_messages = False
	frappe.clear_messages()
	credit_note(bill, 20)
	assert "for the remaining amount of the invoice" in str(frappe.message_log)
	frappe.flags.mute_messages = True
	frappe.db.commit()
	with pytest.raises(WrittenOffBalance):
		credit_note(bill, 41, update_outstanding_for_self=True)
	frappe.db.rollback()
	credit_note(bill, 40)
	assert (outstanding(bill), bad_debt()) == (0, 40)


def test_c03_a_return_by_rest_is_refused(web: Any):
	from erpnext.controllers.sales_and_purchase_return import make_return_doc

	bill = invoice(CAFE, 9, FIRST)
	run = write_off(bill)
	frappe.db.commit()
	values = make_return_doc("Sales Invoice", bill.name).as_dict(no_default_fields=True)
	values = {key: value for key, value in values.items() if value is not None and key != "__islocal"}
	answer = web.session().post(
		f"{web.url}/api/resource/Sales Invoice", data=frappe.as_json({**values, "docstatus": 1}), timeout=60
	)
	assert answer.status_code == 417 and run.name in answer.text


def test_c03_a_return_by_data_import_is_refused():
	bill = invoice(CAFE, 9, FIRST)
	run = write_off(bill)
	before = ledger_checks.snapshot(HL)
	row = bill.items[0]
	values = {
		"Customer": CAFE,
		"Company": HL,
		"Date": FIRST,
		"Posting Time": "13:00:00",
		"Edit Posting Date and Time": 1,
		"Payment Due Date": FIRST,
		"Is Return (Credit Note)": 1,
		"Return Against": bill.name,
		"Currency": "USD",
		"Item (Items)": row.item_code,
		"Item Name (Items)": row.item_name,
		"Quantity (Items)": -1,
		"Rate (Items)": 9,
		"Income Account (Items)": row.income_account,
	}
	lines = [",".join(map(str, part)) for part in (values, values.values())]
	frappe.db.commit()
	status, [log] = data_import("Sales Invoice", "\n".join(lines).encode())
	assert status == "Error" and run.name in log.exception
	assert before.diff(ledger_checks.snapshot(HL)) == []


def test_c03_a_credit_by_journal_entry_is_refused():
	bill = invoice(CAFE, 9, FIRST)
	write_off(bill)
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError):
		journal(
			line("Debtors", credit=9, party=CAFE, against=bill), line("Sales", 9), voucher_type="Credit Note"
		)
	frappe.db.rollback()


def test_c03_a_return_at_the_point_of_sale_is_refused_before_the_closing():
	bill = invoice(CAFE, 9, FIRST)
	run = write_off(bill)
	# What a POS closing leaves: the POS Invoice refers to the Sales Invoice that has the balance.
	sold = frappe.new_doc("POS Invoice")
	sold.update(
		{
			"customer": CAFE,
			"company": HL,
			"currency": "USD",
			"consolidated_invoice": bill.name,
			"docstatus": 1,
		}
	)
	sold.name = "POS-SOLD"
	sold.db_insert()
	note = frappe.new_doc("POS Invoice")
	note.update(
		{
			"name": "POS-BACK",
			"customer": CAFE,
			"company": HL,
			"currency": "USD",
			"is_return": 1,
			"return_against": sold.name,
			"grand_total": -9,
		}
	)
	with pytest.raises(WrittenOffBalance, match=run.name):
		note.run_method("before_submit")
	run.cancel()
	note.run_method("before_submit")


def pos_profile() -> str:
	"""A POS Profile of HL with which a part of an invoice may stay unpaid."""
	if not frappe.db.exists("Mode of Payment Account", {"parent": "Cash", "company": HL}):
		cash = frappe.get_doc("Mode of Payment", "Cash")
		cash.append("accounts", {"company": HL, "default_account": account("Cash")})
		cash.save()
	profile = frappe.new_doc("POS Profile")
	profile.update(
		{
			"__newname": "Harbour Desk",
			"company": HL,
			"currency": "USD",
			"warehouse": frappe.db.get_value("Warehouse", {"company": HL, "is_group": 0}),
			"selling_price_list": "Standard Selling",
			"write_off_account": account("Write Off"),
			"write_off_cost_center": cost_center(),
			"write_off_limit": 1,
			"allow_partial_payment": 1,
		}
	)
	profile.append("payments", {"mode_of_payment": "Cash", "default": 1})
	return profile.insert().name


def opened(profile: str) -> Any:
	"""A POS session of today."""
	opening = frappe.new_doc("POS Opening Entry")
	opening.update(
		{
			"pos_profile": profile,
			"user": frappe.session.user,
			"company": HL,
			"period_start_date": f"{frappe.utils.nowdate()} 00:00:00",
		}
	)
	opening.append("balance_details", {"mode_of_payment": "Cash"})
	return opening.submit()


def sold(opening: Any, amount: float, paid: float) -> Any:
	"""A submitted POS Invoice of today, paid in part."""
	bill = frappe.new_doc("POS Invoice")
	bill.update(
		{"customer": CAFE, "company": HL, "pos_profile": opening.pos_profile, "is_pos": 1, "update_stock": 0}
	)
	bill.set_missing_values()
	bill.append("items", {"item_code": "Mooring Fee", "qty": 1, "rate": amount})
	bill.set("payments", [{"mode_of_payment": "Cash", "account": account("Cash"), "amount": paid}])
	return bill.insert().submit()


def test_c03_a_sale_at_the_point_of_sale_is_written_off_after_the_closing_and_its_return_is_refused():
	from erpnext.accounts.doctype.pos_closing_entry.pos_closing_entry import make_closing_entry_from_opening
	from erpnext.accounts.doctype.pos_invoice.pos_invoice import make_sales_return

	if frappe.get_meta("POS Settings").has_field("invoice_type"):
		# Since v16 the point of sale makes Sales Invoices by default.
		frappe.db.set_single_value("POS Settings", "invoice_type", "POS Invoice")
	profile = pos_profile()
	opening = opened(profile)
	bill = sold(opening, 20, paid=11)
	make_closing_entry_from_opening(opening).submit()
	consolidated = frappe.get_doc("Sales Invoice", bill.reload().consolidated_invoice)
	assert outstanding(consolidated) == 9
	today = frappe.utils.nowdate()
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	run = run_helpers.run(customers=[{"customer": CAFE}], cutoff_date=today, posting_date=today)
	run_helpers.post(run)
	assert outstanding(consolidated) == 0
	opened(profile)
	note = make_sales_return(bill.name).insert()
	frappe.db.commit()
	with pytest.raises(WrittenOffBalance, match=run.name):
		note.submit()
	frappe.db.rollback()


# C12: Dunnings


def state(doc: Any) -> str:
	return frappe.db.get_value("Dunning", doc.name, "status")


@pytest.mark.parametrize("method", (proof.IN_SETS, proof.BY_ENTRY, proof.BY_ROW))
def test_c12_dunnings_are_resolved_with_the_posting_and_opened_again_by_undo(method: str):
	bill = invoice(CAFE, 9, FIRST)
	reminder = dunning(bill)
	assert state(reminder) == "Unresolved"
	with posted(method):
		run = write_off(bill)
		assert state(reminder) == "Resolved"
		run.cancel()
	assert state(reminder) == "Unresolved"


@pytest.mark.parametrize("how", ["reverse", "dated", "reinstate", "an entry by hand"])
def test_c12_opened_again_by_every_way_back(how: str):
	bill = invoice(CAFE, 9, FIRST)
	reminder = dunning(bill)
	run = write_off(bill)
	assert state(reminder) == "Resolved"
	if how == "reinstate":
		run.reinstate([run_helpers.items(run)[bill.name].name], [4])
	elif how == "an entry by hand":
		frappe.get_doc("Journal Entry", run_helpers.entries(run)[0]).cancel()
	else:
		run.reverse(PAID, dated=how == "dated")
	assert state(reminder) == "Unresolved"


def test_c12_a_dunning_with_another_open_invoice_or_a_rest_stays():
	one, two = invoice(CAFE, 9, FIRST), invoice(CAFE, 500, FIRST)
	of_both, of_rest = dunning(one, two), dunning(two)
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	run_helpers.post(run_helpers.run(max_invoice_amount=10))
	assert (state(of_both), state(of_rest)) == ("Unresolved", "Unresolved")
	write_off(two, 100)
	assert (state(of_both), state(of_rest)) == ("Unresolved", "Unresolved")
	write_off(two)
	assert (state(of_both), state(of_rest)) == ("Resolved", "Resolved")


def test_c12_what_a_user_resolved_is_not_opened():
	bill, other = invoice(CAFE, 9, FIRST), invoice(CAFE, 500, FIRST)
	reminder = dunning(bill, other)
	frappe.db.set_value("Dunning", reminder.name, "status", "Resolved")
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	run = run_helpers.post(run_helpers.run(max_invoice_amount=10))
	assert state(reminder) == "Resolved"
	run.reverse(PAID, dated=True)
	from ar_writeoff.ledger import dunnings

	if not dunnings.updates_dunnings():
		assert state(reminder) == "Resolved"


# C25: payment terms


def with_terms(amount: float, **fields: Any) -> Any:
	if not frappe.db.exists("Payment Terms Template", "Two Halves"):
		for name in ("Half A", "Half B"):
			frappe.get_doc(
				{"doctype": "Payment Term", "payment_term_name": name, "invoice_portion": 50}
			).insert()
		frappe.get_doc(
			{
				"doctype": "Payment Terms Template",
				"template_name": "Two Halves",
				"allocate_payment_based_on_payment_terms": 1,
				"terms": [
					{
						"payment_term": name,
						"invoice_portion": 50,
						"credit_days": days,
						"due_date_based_on": "Day(s) after invoice date",
					}
					for name, days in (("Half A", 30), ("Half B", 60))
				],
			}
		).insert()
	return invoice(CAFE, amount, FIRST, due_date="2026-03-16", payment_terms_template="Two Halves", **fields)


def terms(bill: Any) -> list[float]:
	return frappe.get_all(
		"Payment Schedule", {"parent": bill.name}, pluck="outstanding", order_by="due_date asc, idx asc"
	)


def next_payment(bill: Any) -> Any:
	from erpnext.accounts.doctype.payment_entry.payment_entry import get_payment_entry

	doc = get_payment_entry("Sales Invoice", bill.name, bank_account=account("House Bank"))
	doc.update({"reference_no": "BANK", "reference_date": PAID, "posting_date": PAID})
	return doc


def test_c25_the_next_payment_by_payment_terms_is_proposed_right():
	bill = with_terms(100)
	assert terms(bill) == [50, 50]
	run = write_off(bill, 40)
	assert (terms(bill), outstanding(bill)) == ([50, 10], 60)
	payment = next_payment(bill)
	assert [row.allocated_amount for row in payment.references] == [50, 10]
	assert payment.paid_amount == 60
	payment.insert()
	payment.submit()
	assert (outstanding(bill), terms(bill)) == (0, [0, 0])
	run.cancel()
	assert (outstanding(bill), terms(bill)) == (40, [0, 40])
	assert next_payment(bill).paid_amount == 40


def test_c25_a_payment_over_the_rest_is_told_what_to_enter():
	bill = invoice(CAFE, 100, FIRST)
	write_off(bill, 40)
	frappe.db.commit()
	key = Key("Sales Invoice", bill.name, bill.debit_to, CAFE)
	with pytest.raises(WrittenOffBalance, match=r"Allocate at most \$ 60\.00"):
		guards.refuse_over_allocation(frappe._dict(name="new"), [(key, -100.0)])
	frappe.db.rollback()
	pay(bill, 60, PAID)
	assert outstanding(bill) == 0


@pytest.mark.parametrize("back", ["cancel", "reinstate"])
def test_c25_undo_opens_the_terms_again(back: str):
	bill = with_terms(100)
	run = write_off(bill)
	assert terms(bill) == [0, 0]
	if back == "cancel":
		run.cancel()
		assert terms(bill) == [50, 50]
	else:
		run.reinstate([run_helpers.items(run)[bill.name].name], [70])
		assert terms(bill) == [50, 20]


def test_c25_in_a_foreign_currency_and_without_terms():
	foreign = invoice("Elm School", 100, FIRST, currency="EUR", rate=1.15, debit_to=account("Debtors"))
	write_off(foreign, 46)
	assert terms(foreign) == [60]
	plain = invoice(CAFE, 100, FIRST)
	write_off(plain, 40)
	assert terms(plain) == [60]
	assert dunning(plain).total_outstanding == 60, "a Dunning asks for what is open"


# W04: status


def test_w04_a_status_to_filter_by():
	whole, part, rest, _none = (invoice(CAFE, amount, FIRST) for amount in (9, 100, 50, 700))
	pay(rest, 45, FIRST)
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	draft = run_helpers.run(max_invoice_amount=100)
	with as_user(MANAGER):
		draft.set_write_off_amount(run_helpers.items(draft)[part.name].name, 40)
	run = run_helpers.post(draft.reload())

	def found(status: str) -> set[str]:
		return set(frappe.get_list("Sales Invoice", {"write_off_status": status}, pluck="name"))

	assert found("Written Off") == {whole.name, rest.name}
	assert found("Partly Written Off") == {part.name}
	assert field(whole, "status") == "Paid" and field(part, "status") == "Overdue", "ERPNext's own"
	pay(part, 60, PAID)
	assert found("Partly Written Off") == {part.name}, "a part was paid"
	run.reinstate([run_helpers.items(run)[whole.name].name], [4])
	assert found("Partly Written Off") == {part.name, whole.name}
	run.reload().reverse(PAID, dated=True)
	assert found("Written Off") == found("Partly Written Off") == set()


def test_w04_nobody_sets_the_status():
	bill = invoice(CAFE, 9, FIRST, write_off_status="Written Off")
	assert not field(bill, "write_off_status")
	write_off(bill)
	doc = frappe.get_doc("Sales Invoice", bill.name)
	doc.write_off_status = ""
	doc.save()
	assert field(bill, "write_off_status") == "Written Off"


def test_w04_the_patch_sets_the_status_of_what_was_written_off_before_the_update():
	bill = invoice(CAFE, 9, FIRST)
	reminder = dunning(bill)
	write_off(bill)
	part = invoice(CAFE, 100, FIRST)
	write_off(part, 40)
	none = invoice(CAFE, 700, FIRST)
	fields = ("write_off_status", "written_off_amount")
	written_off = [field(one, name) for one in (bill, part, none) for name in fields]
	assert written_off == ["Written Off", 9, "Partly Written Off", 40, "", 0]
	# As version 0.1.0 left them.
	for one in (bill, part):
		frappe.db.set_value("Sales Invoice", one.name, "write_off_status", None, update_modified=False)
	frappe.db.set_value("Dunning", reminder.name, "status", "Unresolved", update_modified=False)
	write_off_status.execute()
	assert [field(one, name) for one in (bill, part, none) for name in fields] == written_off
	assert state(reminder) == "Resolved"


# C13: Payment Requests, and documents that go on


def requested(bill: Any) -> Any:
	from tests.site.test_case_open_documents import payment_request

	return payment_request(bill)


def test_c13_open_payment_requests_are_cancelled_with_a_note_where_the_company_wants_it():
	bill, other = invoice(CAFE, 9, FIRST), invoice(CAFE, 8, FIRST)
	request = requested(bill)
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	assert run_helpers.items(run_helpers.run())[bill.name].reason_code == "payment_requested", (
		"off by default"
	)

	run_helpers.settings(cancel_payment_requests=1)
	run = run_helpers.post(run_helpers.run())
	assert {outstanding(bill), outstanding(other)} == {0}
	request.reload()
	assert (request.docstatus, request.status) == (2, "Cancelled")
	notes = frappe.get_all(
		"Comment",
		{"reference_name": request.name, "comment_type": "Info"},
		pluck="content",
		order_by="creation asc",
	)
	assert any(run.name in note for note in notes)


def test_c13_a_request_that_is_partly_paid_excludes_the_balance_all_the_same():
	bill = invoice(CAFE, 9, FIRST)
	request = requested(bill)
	frappe.db.set_value("Payment Request", request.name, "status", "Partially Paid")
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"), cancel_payment_requests=1)
	assert run_helpers.items(run_helpers.run())[bill.name].reason_code == "payment_requested"


def test_w08_subscriptions_and_auto_repeats_are_named_in_the_preview():
	bill = invoice(CAFE, 9, FIRST)
	invoice("Breakwater Bar", 9, FIRST)
	repeat = frappe.get_doc(
		{
			"doctype": "Auto Repeat",
			"reference_doctype": "Sales Invoice",
			"reference_document": bill.name,
			"start_date": "2099-01-01",
			"frequency": "Monthly",
		}
	)
	repeat.name = "AUTO-1"
	repeat.status = "Active"
	repeat.db_insert()
	subscription = frappe.new_doc("Subscription")
	subscription.update({"company": HL, "party_type": "Customer", "party": CAFE, "status": "Active"})
	subscription.name = "SUB-1"
	subscription.db_insert()
	of_cafe = run_helpers.run(customers=[{"customer": CAFE}]).preview_entries()["notes"]
	assert any("SUB-1" in note for note in of_cafe) and any(bill.name in note for note in of_cafe)
	of_bar = run_helpers.run(customers=[{"customer": "Breakwater Bar"}]).preview_entries()["notes"]
	assert not any("SUB-1" in note or bill.name in note for note in of_bar)


# Found from the customer


def test_w04_what_was_written_off_of_a_customer_and_when():
	from ar_writeoff.review.of_customer import written_off_of_customer

	bill, other = invoice(CAFE, 9, FIRST), invoice(CAFE, 8, FIRST)
	run = write_off(bill)
	run.reinstate([run_helpers.items(run)[bill.name].name], [4])
	with as_user(MANAGER):
		[row] = written_off_of_customer(CAFE)
	assert (row["company"], row["count"], row["amount"]) == (HL, 2, 13)
	assert str(row["last"]) == str(run.posting_date)
	assert written_off_of_customer("Breakwater Bar") == []
	assert outstanding(other) == 0
