"""Adding invoices from forms and lists to a run; its export and evidence page."""

import csv
import io

import frappe
import openpyxl
import pytest
from frappe.desk.desktop import get_desktop_page

from ar_writeoff.dashboards import TAX_CARD
from ar_writeoff.search.from_invoices import get_my_drafts, write_off_invoices
from tests.site import run_helpers
from tests.site.factories import (
	AUDITOR,
	MANAGER,
	NW,
	OUTSIDER,
	PREPARER,
	as_user,
	customer,
	exclude_balances,
	invoice,
	pay,
	permit,
	setting,
)


def rows_of(file_url: str) -> list[list]:
	content = frappe.get_doc("File", {"file_url": file_url}).get_content()
	if file_url.endswith(".csv"):
		text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.lstrip("\ufeff")
		return list(csv.reader(io.StringIO(text)))
	workbook = openpyxl.load_workbook(io.BytesIO(content))
	return [list(row) for row in workbook["Data Export"].iter_rows(values_only=True)]


def items_of(file_url: str) -> tuple[list, list[list], dict]:
	"""Labels, items, and what the file says of the run above them."""
	rows = rows_of(file_url)
	gap = next(number for number, row in enumerate(rows) if not any(row))
	header, *found = rows[gap + 1 :]
	return header, found, {row[0]: row[1] for row in rows[:gap]}


def renamed(name: str, customer_name: str) -> str:
	"""ERPNext takes no HTML in a customer's id, but any in its name."""
	frappe.db.set_value("Customer", name, "customer_name", customer_name)
	return name


# ------------------------------------------------------------------------------------------- from invoices


def test_ticked_invoices_make_a_draft_with_just_them():
	one, two, left = (invoice("Anchor Cafe", amount, "2026-01-15") for amount in (12, 30, 7))
	run_helpers.settings()
	with as_user(PREPARER):
		result = write_off_invoices([one.name, two.name])
	run = frappe.get_doc("Write-Off Run", result["run"])
	assert result["added"] == 2 and result["left_out"] == []
	assert set(run_helpers.items(run)) == {one.name, two.name} and left.name not in run_helpers.items(run)
	assert run.max_invoice_amount == 30
	assert [row.customer for row in run.customers] == ["Anchor Cafe"]
	assert (run.docstatus, run.selected_count, run.selected_amount) == (0, 2, 42)


def test_invoices_are_added_to_the_users_own_draft_once():
	one, two = invoice("Anchor Cafe", 12, "2026-01-15"), invoice("Breakwater Bar", 8, "2026-01-15")
	run_helpers.settings()
	with as_user(PREPARER):
		run = write_off_invoices([one.name])["run"]
		assert [draft["name"] for draft in get_my_drafts([two.name])] == [run]
		again = write_off_invoices([one.name, two.name], run)
	# Breakwater Bar is not among the run's customers, but somebody chose the invoice: it is in
	assert again["run"] == run and again["added"] == 1
	assert set(run_helpers.items(run)) == {one.name, two.name}


def test_what_must_not_be_written_off_is_listed_with_the_reason():
	one, two = invoice("Anchor Cafe", 12, "2026-01-15"), invoice("Breakwater Bar", 8, "2026-01-15")
	exclude_balances("Breakwater Bar")
	run_helpers.settings()
	with as_user(PREPARER):
		result = write_off_invoices([one.name, two.name])
	assert result["added"] == 1
	assert [row["voucher_no"] for row in result["left_out"]] == [two.name]
	assert "excluded" in result["left_out"][0]["message"]


@pytest.mark.parametrize("what", ["settled", "two companies", "two sides"])
def test_invoices_that_do_not_go_together_are_refused(what):
	one = invoice("Anchor Cafe", 12, "2026-01-15")
	if what == "settled":
		pay(one)
		names = [one.name]
	elif what == "two companies":
		names = [one.name, invoice("Fischhaus Kiel", 8, "2026-01-15", company=NW).name]
	else:
		names = [one.name, invoice("Anchor Cafe", 8, "2026-01-15", is_return=True).name]
	run_helpers.settings()
	with pytest.raises(frappe.ValidationError):
		write_off_invoices(names)
	assert not frappe.db.count("Write-Off Run")


def test_only_invoices_that_one_may_read():
	one = invoice("Anchor Cafe", 12, "2026-01-15")
	run_helpers.settings()
	with as_user(OUTSIDER), pytest.raises(frappe.PermissionError):
		write_off_invoices([one.name])
	permit(PREPARER, "Customer", "Breakwater Bar")
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		write_off_invoices([one.name])


# -------------------------------------------------------------------------------------------------- export


@pytest.mark.parametrize("file_format", ["XLSX", "CSV"])
def test_the_list_as_a_file(file_format):
	trick = customer('=HYPERLINK("http://example.com")')
	tagged = renamed(customer("Bold"), "<b>Bold & Sons</b>")
	invoice(trick, 12, "2026-01-15")
	invoice(tagged, 13, "2026-01-15")
	run = run_helpers.run()
	with as_user(MANAGER):
		result = run.export_items(file_format)
	header, lines, about = items_of(result["file_url"])
	assert about["Write-Off Run"] == run.name and about["Exported By"] == MANAGER
	names = {line[header.index("Customer Name")] for line in lines}
	assert names == {'\'=HYPERLINK("http://example.com")', "<b>Bold & Sons</b>"}
	file = frappe.get_doc("File", {"file_url": result["file_url"]})
	of = frappe.db.get_value(file.attached_to_doctype, file.attached_to_name, ["run", "event"])
	assert (file.is_private, of) == (1, (run.name, "Exported"))


def test_the_file_says_after_posting_what_became_of_each():
	invoice("Anchor Cafe", 12, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	with as_user(AUDITOR):
		header, [line], about = items_of(run.export_items("CSV")["file_url"])
	assert about["Submitted By"] == MANAGER
	assert line[header.index("Status")] == "Posted"
	assert line[header.index("Journal Entry")] == run_helpers.entries(run)[0]


# ------------------------------------------------------------------------------------ what one wants to know


def test_details_of_an_invoice():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	payment = pay(one, 90, "2026-02-01")
	run = run_helpers.run()
	item = run_helpers.items(run)[one.name]
	with as_user(PREPARER):
		story = run.get_voucher_details(item.name)
	assert story["lines"][0]["item_code"] == "Mooring Fee"
	assert [(row["voucher_no"], row["amount_in_account_currency"]) for row in story["settlements"]] == [
		(payment.name, -90)
	]
	assert story["customer_balance"] == 10
	with pytest.raises(frappe.ValidationError):
		run.get_voucher_details("WOR-0000-00000-000001")


def test_the_evidence_page():
	tagged = renamed(customer("Script Ltd"), "<script>alert(1)</script> Ltd")
	invoice(tagged, 12.5, "2026-01-15")
	setting("Print Settings", allow_print_for_draft=1)
	run_helpers.settings(limits=[{"role": "Accounts Manager", "max_item_amount": 30, "max_share": 100}])
	run = run_helpers.post(run_helpers.run())
	with as_user(AUDITOR):
		page = frappe.get_print("Write-Off Run", run.name, print_format="Write-Off Evidence")
	assert "<script>alert(1)</script>" not in page
	assert run_helpers.entries(run)[0] in page and "12.50" in page
	assert run.approval_hash and run.approval_hash in page
	assert "Accounts Manager, Per Balance: $ 30.00, Share of Original Amount: 100 %" in page


# ----------------------------------------------------------------------------------------------- workspace


def test_the_workspace_is_next_to_receivables():
	"""v16 has no workspace Receivables: there the desktop has an icon of the app, with a sidebar."""
	if not frappe.db.exists("Workspace", "Receivables"):
		assert frappe.db.get_value("Desktop Icon", "AR Write-Off", "link_to") == "AR Write-Off"
		sidebar = frappe.get_doc("Workspace Sidebar", "AR Write-Off")
		assert "Write-Off Run" in [row.link_to for row in sidebar.items]
		return
	pages = frappe.get_all(
		"Workspace", filters={"parent_page": "Accounting"}, pluck="name", order_by="sequence_id asc"
	)
	assert pages.index("Receivables") < pages.index("AR Write-Off")


@pytest.mark.parametrize("user", [PREPARER, MANAGER, AUDITOR])
def test_nothing_of_the_workspace_is_hidden(user: str):
	"""Frappe leaves out what the user may not read: for a chart without document type, everybody but administrators. The card
	of tax claims is hidden as long as no company has a tax rule."""
	workspace = frappe.get_doc("Workspace", "AR Write-Off")
	with as_user(user):
		frappe.clear_cache(user=user)
		page = get_desktop_page(frappe.as_json({"name": workspace.name, "public": 1}))
	for part, field in (("charts", "chart_name"), ("number_cards", "number_card_name")):
		assert [row.get(field) for row in page[part]["items"]] == [
			row.get(field) for row in workspace.get(part) if row.get(field) != TAX_CARD
		]
	shown = [link.get("link_to") for card in page["cards"]["items"] for link in card["links"]]
	assert shown == [row.link_to for row in workspace.links if row.type == "Link"]
	# Auditors make no runs, and Accounts Receivable is a report for accountants.
	shortcuts = [row.get("label") for row in page["shortcuts"]["items"]]
	assert len(shortcuts) == (1 if user == AUDITOR else 3)


def test_the_link_of_earlier_versions_on_receivables_is_removed():
	from ar_writeoff.patches import remove_receivables_link

	if not frappe.db.exists("Workspace", "Receivables"):
		return

	def links():
		return frappe.get_all(
			"Workspace Link",
			filters={"parent": "Receivables"},
			fields=["idx", "type", "label", "link_count"],
			order_by="idx asc",
		)

	without = links()
	card = frappe.db.get_value("Workspace Link", {"parent": "Receivables", "idx": 1})
	frappe.db.set_value("Workspace Link", card, "link_count", without[0].link_count + 1)
	link = {"type": "Link", "label": "Write-Off Run", "link_type": "DocType", "link_to": "Write-Off Run"}
	frappe.get_doc(
		{
			"doctype": "Workspace Link",
			"parent": "Receivables",
			"parenttype": "Workspace",
			"parentfield": "links",
			"idx": 2,
			**link,
		}
	).db_insert()
	remove_receivables_link.execute()
	assert links() == without
