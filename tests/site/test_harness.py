"""The harness itself: the story tells what ERPNext would write, and nothing of one test is left for the next."""

import time

import frappe

from tests.site.story import HL, NW, TODAY, credit_note, invoice, many_invoices, outstanding, pay, payment


def test_speed():
	invoice("Anchor Cafe", 100, "2026-01-15")
	t = time.time()
	for i in range(10):
		invoice("Anchor Cafe", 100, "2026-01-15")
	print("invoice", (time.time() - t) / 10)
	t = time.time()
	many_invoices(2000)
	print("2000", time.time() - t)


def test_story():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	pay(one, 40, "2026-02-01")
	assert outstanding(one) == 60
	credit_note(one, 10)
	assert outstanding(one) == 50
	other = credit_note(one, 5, update_outstanding_for_self=True)
	assert outstanding(one) == 50 and outstanding(other) == -5
	payment("Anchor Cafe", 25, "2026-03-01")
	frappe.db.commit()


def test_foreign():
	one = invoice("Helios SARL", 100, "2026-01-15", currency="EUR", rate=1.2)
	assert one.debit_to == "Debtors EUR - HL"
	assert outstanding(one) == 100
	pay(one, 40, "2026-02-01")
	two = invoice("Pacific Traders", 100, "2026-01-15", company=NW, currency="USD")
	three = invoice("Anchor Cafe", 100, currency="EUR")
	assert three.debit_to == "Debtors - HL"
	assert outstanding(three) == 110
	assert [frappe.db.count("GL Entry", {"company": c}) for c in (HL, NW)] == [6, 2], two.name
	frappe.db.commit()


def test_empty():
	assert not frappe.db.count("Sales Invoice") and TODAY
