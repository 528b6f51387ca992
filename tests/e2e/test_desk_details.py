"""Details of the form of a Write-Off Run: what it shows is what the server has."""

from __future__ import annotations

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site.factories import MANAGER, as_user, customer, invoice
from tests.site.run_helpers import items, post, run, settings


def reinstate(posted, voucher: str, amount: float) -> None:
	with as_user(MANAGER):
		posted.reload().reinstate([items(posted)[voucher].name], [amount], "2026-06-30")


def test_desk_05_a_refused_amount_is_replaced_by_the_stored_one(desk: Desk):
	one = invoice("Anchor Cafe", 12, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	for typed in ("100", "0", "-3", "abc"):
		with desk.expect_error("Enter (an amount|digits)|HTTP 417"):
			page.type_amount(one.name, "$ 12.00", typed)
			page.ready()
		desk.close_messages()
		assert page.row(one.name).inner_text().count("$ 12.00") == 2, typed
	frappe.db.rollback()
	assert items(draft)[one.name].write_off_amount == 12


def test_desk_12_an_unticked_row_shows_no_amount(desk: Desk):
	one = invoice("Anchor Cafe", 12, "2026-01-15")
	invoice("Breakwater Bar", 7, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	assert page.row(one.name).inner_text().count("$ 12.00") == 2
	page.tick(one.name)
	assert page.row(one.name).inner_text().count("$ 12.00") == 1
	page.open(draft.name).wait_for_grid()
	assert page.row(one.name).inner_text().count("$ 12.00") == 1
	page.tick(one.name)
	assert page.row(one.name).inner_text().count("$ 12.00") == 2


def test_desk_06_the_preview_and_the_form_name_what_changed(desk: Desk):
	settings()
	invoice("Anchor Cafe", 12, "2026-01-15")
	invoice("Breakwater Bar", 7, "2026-01-15")
	draft = run()
	other = run(customers=[{"customer": "Breakwater Bar"}])
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	assert f"Also selected in other drafts: {other.name} (1 balance)." in page.intro
	post(other)
	frappe.db.commit()
	desk.press("Preview and Post")
	text = " ".join(desk.dialog().inner_text().split())
	assert "1 balance, total $ 12.00, will be written off" in text
	assert "Changed since the search: 1 balance." in text
	assert f"Write-Off Run {other.name} has already written off this balance." in text


def test_desk_11_the_preview_shows_the_criteria_on_the_screen(desk: Desk):
	settings(entries_per="Invoice")
	for number in range(1, 46):
		invoice("Anchor Cafe", number, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()

	# all entries can be opened
	desk.press("Preview and Post")
	entries = desk.dialog().locator(".wo-entry")
	assert entries.count() == 20
	desk.press("Show More")
	assert entries.count() == 45
	assert not desk.dialog().get_by_text("Show More").count()
	page.close_dialog()

	# changes on the screen are saved first
	desk.set(posting_date="2026-07-15")
	desk.page.evaluate("() => void cur_frm.write_off_run_form.preview(false)")
	assert "not saved" in desk.dialog().inner_text()
	desk.confirm()
	assert "07-15-2026" in desk.dialog().locator(".wo-sentence").inner_text()
	page.close_dialog()

	# a changed criterion empties the list: nothing to preview, and one message
	desk.set(max_invoice_amount=10)
	desk.page.evaluate("() => void cur_frm.write_off_run_form.preview(false)")
	desk.dialog()
	desk.confirm()
	assert "Press Find Invoices" in page.intro
	assert not desk.page.locator(".wo-preview:visible").count()
	assert not desk.alerts("criteria").count()
	desk.set(max_invoice_amount=20)
	desk.page.evaluate("() => void cur_frm.write_off_run_form.find()")
	page.wait_for_grid()
	assert not desk.alerts("criteria").count()
	assert page.cards()["Found"][0] == 20


def test_desk_10_the_form_shows_who_approved_and_what_was_reinstated(desk: Desk):
	settings()
	one = invoice("Anchor Cafe", 12, "2026-01-15")
	posted = post(run())
	reinstate(posted, one.name, 5)
	frappe.db.commit()
	page = RunPage(desk).open(posted.name).wait_for_grid()
	assert page.cards()["Recovered"] == (1, "$ 5.00")
	assert page.cards()["Written Off"] == (1, "$ 7.00")
	assert "$ 5.00" in page.row(one.name).inner_text()
	links = desk.page.locator(".form-links .document-link[data-doctype='Write-Off Recovery'] .count")
	assert links.inner_text().strip() == "1"
	desk.page.evaluate("() => cur_frm.fields_dict.evidence_section.collapse(false)")
	for field in ("submitted_by", "submitted_on"):
		shown = desk.page.locator(f".frappe-control[data-fieldname='{field}'] .control-value:visible")
		assert shown.inner_text().strip(), field
	assert desk.value("submitted_by") == MANAGER


def test_desk_13_the_charts_show_what_is_written_off(desk: Desk):
	settings()
	for number in range(1, 9):
		invoice(customer(f"Customer {number}"), 20 if number > 1 else 30, "2026-01-15")
	largest = invoice("Anchor Cafe", 100, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	bars = desk.page.locator(".wo-customers .wo-top").all_inner_texts()
	assert [" ".join(bar.split()) for bar in bars][:2] == ["Anchor Cafe $ 100.00", "Customer 1 $ 30.00"]
	# The others are not a bar of their own, which would hide all of the rest.
	assert bars[-1].split("\n")[0].strip() == "Other customers: 4"
	assert desk.page.locator(".wo-customers .wo-top").last.locator(".wo-top-bar").count() == 0
	post(draft)
	reinstate(draft, largest.name, 75)
	frappe.db.commit()
	page.open(draft.name).wait_for_grid()
	assert (
		" ".join(desk.page.locator(".wo-customers .wo-top").first.inner_text().split())
		== "Customer 1 $ 30.00"
	)


def test_desk_09_the_banner_has_no_counts_from_before_the_end(desk: Desk):
	settings()
	invoice("Anchor Cafe", 12, "2026-01-15")
	posted = post(run())
	frappe.db.commit()
	page = RunPage(desk).open(posted.name).wait_for_grid()
	assert "1 balance written off" in page.intro
	# Posting has finished, and the summary is still the one of a moment before.
	desk.page.evaluate(
		"""() => {
			const form = cur_frm.write_off_run_form;
			Object.assign(form.workbench.summary, { status: "Posting", counts: { Posted: 495 } });
			form.show_state();
		}"""
	)
	assert "495" not in page.intro


def test_desk_03_undo_is_in_the_menu_of_a_narrow_window(desk: Desk):
	settings()
	invoice("Anchor Cafe", 12, "2026-01-15")
	posted = post(run())
	frappe.db.commit()
	desk.page.set_viewport_size({"width": 820, "height": 1100})
	RunPage(desk).open(posted.name).wait_for_grid()
	desk.page.locator(".menu-btn-group:visible button").first.click()
	desk.page.locator(".menu-btn-group .dropdown-item:visible").filter(has_text="Undo Write-Off").click()
	assert "To be opened again: 1 balance" in desk.dialog().inner_text()


def test_connections_of_other_documents_stay_as_they_are(desk: Desk):
	"""Frappe remembers folded connections for the forms of all documents."""
	invoice("Anchor Cafe", 12, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk)
	for before in ("", "1"):
		desk.open("write-off-run")
		desk.page.evaluate("before => localStorage.setItem('form-links-closed', before)", before)
		page.open(draft.name).wait_for_grid()
		assert desk.page.evaluate("() => localStorage.getItem('form-links-closed')") == before
