"""The desk helpers: sign in, open a form, realtime, and error detection."""

from __future__ import annotations

import frappe
import pytest

from tests.e2e.conftest import Desk, eventually
from tests.site.factories import AUDITOR, invoice


def test_the_desk_opens_a_real_invoice(desk: Desk):
	bill = invoice("Anchor Cafe", 100, "2026-01-15")
	frappe.db.commit()
	page = desk.form("Sales Invoice", bill.name)
	page.wait_for_function("() => window.cur_frm && cur_frm.doc && cur_frm.doc.docstatus === 1")
	assert desk.value("outstanding_amount") == 100
	assert page.evaluate("() => frappe.session.user") == "manager@example.com"


def test_realtime_reaches_the_browser(desk: Desk):
	page = desk.sign_in(AUDITOR).open("todo")
	page.wait_for_function("() => frappe.realtime.socket && frappe.realtime.socket.connected")
	page.evaluate("() => { frappe.realtime.on('harness', (data) => { window.heard = data; }); }")
	frappe.publish_realtime("harness", {"word": "ahoy"}, user=AUDITOR)
	page.wait_for_function("() => window.heard && window.heard.word === 'ahoy'")


def test_the_worker_works(desk: Desk):
	frappe.enqueue("frappe.client.insert", doc={"doctype": "ToDo", "description": "By the desk's worker"})
	eventually(lambda: frappe.db.exists("ToDo", {"description": "By the desk's worker"}))


def test_a_complaint_of_the_browser_is_noticed(desk: Desk):
	page = desk.open("todo")
	with desk.expect_error("uncaught: boom"):
		page.evaluate("() => { setTimeout(() => { throw new Error('boom'); }); }")
		page.wait_for_timeout(200)
	with desk.expect_error("HTTP 4"):
		page.evaluate("() => fetch('/api/resource/DocType/No Such Thing')")
		page.wait_for_timeout(500)
	with pytest.raises(AssertionError, match="nobody complained"), desk.expect_error("HTTP 500"):
		pass
	assert desk.complaints == []
