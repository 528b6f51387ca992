"""The steps of a review: drop a file, look, untick, lower an amount, preview, confirm."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
from playwright.sync_api import expect

from ar_writeoff.offline import decide, export, policy
from tests.page.conftest import BOOK, CHECKOUT, ON, ROWS, Start, Window
from tests.unit.exports import line, table, write_csv

EXAMPLES = CHECKOUT / "examples"


def entries(window: Window) -> list[dict[str, str]]:
	[path] = [path for path in window.files() if path.name == "journal-entries.csv"]
	with path.open(newline="") as opened:
		return list(csv.DictReader(opened))


def confirm(window: Window) -> None:
	window.page.locator(".confirm").click()
	window.page.locator(".write").click()
	expect(window.page.locator(".written")).to_be_visible()


def test_drop_a_file_change_criteria_untick_two_preview_confirm(start: Start, file: Path) -> None:
	window = start(*ON, *BOOK)
	expect(window.page.get_by_text("Drop an Accounts Receivable report here")).to_be_visible()
	window.drop(file)
	window.has_list()
	window.says("Selected: 2, total: 12.70 USD")  # up to 10

	window.fill("criteria.max_invoice_amount", "25")
	window.find()
	window.says("Selected: 4, total: 49.70 USD")
	window.tick("SINV-0001")
	window.tick("SINV-0005")
	window.says("Selected: 2, total: 15.20 USD")

	window.page.locator(".preview").click()
	expect(window.page.locator(".accounts")).to_contain_text("Bad Debt - HL")
	expect(window.page.locator(".accounts")).to_contain_text("15.20")
	expect(window.page.locator(".list-entries .ag-center-cols-container .ag-row")).to_have_count(3)

	confirm(window)
	assert [path.name for path in window.files()] == ["evidence.html", "evidence.xlsx", "journal-entries.csv"]
	rows = entries(window)
	assert [row["accounts.reference_name"] for row in rows] == ["SINV-0003", "SINV-0004", ""]
	assert sum(Decimal(row["accounts.debit_in_account_currency"] or 0) for row in rows) == Decimal("15.20")
	book = openpyxl.load_workbook(next(window.out.rglob("*.xlsx")))
	left_out = {row[1]: row[-1] for row in book["Excluded"].iter_rows(values_only=True, min_row=2)}
	assert left_out["SINV-0001"] == "Not selected by the user who prepared the run."
	assert "refund" in left_out["SINV-0007"].lower() or "Payment to the customer" in left_out["SINV-0007"]
	page = next(window.out.rglob("*.html")).read_text()
	assert "SINV-0003" in page and "ar.csv" in page and "<script" not in page

	with window.page.expect_download() as download:
		window.page.locator(".download").first.click()
	assert Path(download.value.path()).read_bytes() == next(window.out.rglob("*.csv")).read_bytes()


def test_a_double_click_writes_once(start: Start, file: Path) -> None:
	window = start(file, *ON, *BOOK)
	window.has_list()
	window.page.locator(".confirm").click()
	expect(window.page.locator(".write")).to_be_visible()
	window.page.locator(".write").evaluate("button => { button.click(); button.click(); }")
	expect(window.page.locator(".written")).to_have_count(1)
	window.page.wait_for_timeout(1000)
	expect(window.page.locator(".written")).to_have_count(1)
	assert len(list(window.out.iterdir())) == 1


def test_confirm_right_after_a_tick_takes_the_tick(start: Start, file: Path) -> None:
	window = start(file, *ON, *BOOK)
	window.has_list()
	before = len(window.vouchers())
	window.page.evaluate(
		"""() => {
			arWriteOff.lists.found.api.getDisplayedRowAtIndex(0).setSelected(false);
			document.querySelector('.confirm').click();
		}"""
	)
	expect(window.page.locator(".write")).to_be_visible()
	window.page.wait_for_timeout(500)
	expect(window.page.locator(".write")).to_be_visible()
	expect(window.page.locator(".ticked-total")).to_contain_text(f"Selected: {before - 1},")


def test_the_buttons_stay_when_a_row_is_ticked(start: Start, file: Path) -> None:
	"""A click that arrives with a tick is meant for the button that was on screen."""
	window = start(file, *ON, *BOOK)
	window.has_list()
	before = len(window.vouchers())
	button = window.page.locator(".confirm").element_handle()
	window.tick(window.vouchers()[0])
	expect(window.page.locator(".ticked-total")).to_contain_text(f"Selected: {before - 1},")
	assert button.evaluate("button => button.isConnected")
	button.evaluate("button => button.click()")
	expect(window.page.locator(".write")).to_be_visible()


def test_the_review_is_in_one_window_at_a_time(start: Start, file: Path) -> None:
	window = start(file, *ON, *BOOK)
	window.has_list()
	other = window.context.new_page()
	other.goto(window.page.url)
	expect(window.page.locator(".set-aside")).to_contain_text("The review was opened in another window.")
	expect(other.locator(".set-aside")).to_have_count(0)
	other.close()
	window.page.get_by_text("Use Here").click()
	expect(window.page.locator(".set-aside")).to_have_count(0)
	window.has_list()


def test_the_same_balances_as_the_rules_find(start: Start) -> None:
	"""On the sample, with the criteria of its policy."""
	given = (
		"--policy", EXAMPLES / "policy.toml",
		"--party-currency", EXAMPLES / "accounts-receivable-party-currency.xlsx",
	)  # fmt: skip
	window = start(EXAMPLES / "accounts-receivable.csv", *given)
	window.has_list()
	chosen_policy = policy.make(policy.read_file(EXAMPLES / "policy.toml"), today=date(2026, 11, 21))
	found = decide.decide(
		chosen_policy,
		export.read(EXAMPLES / "accounts-receivable.csv"),
		export.read(EXAMPLES / "accounts-receivable-party-currency.xlsx"),
	)
	assert window.vouchers() == [one.balance.voucher_no for one in found.write_off]
	window.page.get_by_role("tab", name="Excluded").click()
	window.page.wait_for_function("document.body.dataset.listleftout")
	assert window.vouchers("left-out") == [one.balance.voucher_no for one in found.left_out]


def test_the_selection_survives_paging_sorting_filtering_searching_and_reloading(
	start: Start, tmp_path: Path
) -> None:
	rows = [line(number, f"Customer {number % 40:02d}", 1 + number % 9) for number in range(1, 301)]
	window = start(write_csv(tmp_path / "many.csv", table(rows)), *ON, *BOOK)
	window.has_list()
	everything = set(window.vouchers())
	assert len(everything) == 300
	first = window.vouchers()[0]
	window.tick(first)
	window.page.locator(".list-found .ag-paging-button[aria-label='Next Page']").click()
	second = window.vouchers()[100]
	window.tick(second)
	window.page.locator(
		".list-found [col-id=age] .ag-header-cell-label, .list-found [col-id=base] .ag-header-cell-label"
	).last.click()
	window.page.locator(".filter-found input").fill("Customer 07")
	window.page.wait_for_function("arWriteOff.lists.found.api.getDisplayedRowCount() < 20")
	unticked = {first, second}
	assert window.ticked() == everything - unticked

	# the box in the heading unticks what the filter shows
	shown = set(window.vouchers())
	window.page.locator(".list-found .ag-header .ag-checkbox-input").click()
	window.page.locator(".filter-found input").fill("")
	window.page.wait_for_function("arWriteOff.lists.found.api.getDisplayedRowCount() == 300")
	unticked |= shown
	assert window.ticked() == everything - unticked
	expect(window.page.locator(".ticked-total")).to_contain_text(f"Selected: {300 - len(unticked)},")

	window.fill("criteria.max_invoice_amount", "9.5")
	window.find()
	assert window.ticked() == everything - unticked
	window.page.reload()
	window.has_list()
	assert window.ticked() == everything - unticked


def test_amounts_can_be_lowered(start: Start, file: Path) -> None:
	window = start(file, "--maximum", 25, *ON, *BOOK)
	window.has_list()

	def write(voucher: str, text: str) -> None:
		window.cell(voucher, "amount").dblclick()
		editor = window.cell(voucher, "amount").locator("input")
		editor.fill(text)
		editor.press("Enter")

	write("SINV-0001", "10.50")
	window.says("Selected: 4, total: 35.20 USD")
	expect(window.cell("SINV-0001", "amount")).to_have_text("10.50")
	expect(window.cell("SINV-0001", "balance")).to_have_text("25.00")
	for text, words in (
		("12,50", "12,50 can be read as 12.50 or 1250."),
		("25.01", "The amount 25.01 does not fit the balance of 12.00 USD."),
		("-1", "does not fit the balance"),
		("ten", "ten is not a number."),
	):
		write("SINV-0004", text)
		expect(window.page.locator(".q-notification").filter(has_text=words).first).to_be_visible()
		expect(window.cell("SINV-0004", "amount")).to_have_text("12.00")
	write("SINV-0001", "")  # the whole again
	window.says("Selected: 4, total: 49.70 USD")
	write("SINV-0001", "0.01")
	window.says("Selected: 4, total: 24.71 USD")
	confirm(window)
	assert {
		row["accounts.reference_name"]: row["accounts.credit_in_account_currency"]
		for row in entries(window)
		if row["accounts.reference_name"]
	}["SINV-0001"] == "0.01"


def test_every_row_has_its_reason_and_its_facts(start: Start, file: Path) -> None:
	window = start(file, "--maximum", 25, "--age", 5, *ON)
	window.has_list()
	window.cell("SINV-0004", "voucher_no").click()
	facts = window.page.locator(".facts-found")
	for text in (
		"12.00 USD is within the maximum of 25, and the age in days, 136, is over 5.",
		"Trade Retail",
		"Debtors - HL",
		"row 5",
	):
		expect(facts).to_contain_text(text)
	window.page.get_by_role("tab", name="Excluded").click()
	window.cell("SINV-0007", "voucher_no", "left-out").click()
	facts = window.page.locator(".facts-left-out")
	expect(facts).to_contain_text("Refund not allocated")
	expect(facts).to_contain_text("Allocate it with Payment Reconciliation")


def test_by_keyboard_alone(start: Start, file: Path) -> None:
	window = start(file, "--maximum", 25, *ON, *BOOK)
	window.has_list()
	keyboard = window.page.keyboard
	window.cell("SINV-0001", "voucher_no").click()
	keyboard.press("ArrowDown")
	keyboard.press("Space")
	window.says("Selected: 3, total: 46.50 USD")
	keyboard.press("/")
	keyboard.type("Compass")
	window.page.wait_for_function("arWriteOff.lists.found.api.getDisplayedRowCount() == 2")
	window.cell("SINV-0005", "amount").click()
	keyboard.press("Enter")
	keyboard.press("Control+a")
	keyboard.type("1.50")
	keyboard.press("Enter")
	window.says("Selected: 3, total: 38.50 USD")
	window.cell("SINV-0005", "voucher_no").click()
	keyboard.press("p")
	expect(window.page.locator(".accounts")).to_contain_text("38.50")
	keyboard.press("c")
	expect(window.page.locator(".confirming")).to_be_visible()
	keyboard.press("Escape")
	expect(window.page.locator(".q-dialog")).to_have_count(0)  # keys are the dialog's while it is there
	keyboard.press("?")
	expect(window.page.get_by_text("Select or deselect the row")).to_be_visible()


def test_a_bad_file_is_named_by_row_and_column_and_what_was_there_stays(
	start: Start, file: Path, tmp_path: Path
) -> None:
	window = start(file, "--maximum", 25, *ON)
	window.has_list()
	bad = [*ROWS[:2], {**ROWS[3], "Outstanding Amount": "ten"}, {**ROWS[4], "Due Date": "soon"}]
	window.drop(write_csv(tmp_path / "bad.csv", table(bad)))
	problem = window.page.locator(".problem")
	expect(problem).to_contain_text("bad.csv cannot be used.")
	expect(problem).to_contain_text("row 4, column Outstanding Amount")
	expect(problem).to_contain_text("'ten' is not an amount such as 1234.50.")
	expect(problem).to_contain_text("row 5, column Due Date")
	window.says("Selected: 4, total: 49.70 USD")


def test_a_file_that_can_be_read_in_two_ways_is_read_once_somebody_says_how(
	start: Start, tmp_path: Path
) -> None:
	rows = [{**line(1, "Anchor Cafe", 5.0), "Posting Date": "01/02/2026", "Due Date": "03/04/2026"}]
	window = start(*ON)
	window.drop(write_csv(tmp_path / "dates.csv", table(rows)))
	expect(window.page.locator(".problem")).to_contain_text(
		"01/02/2026 can be read as 2026-02-01 or 2026-01-02."
	)
	window.page.get_by_label("Dates").click()
	window.page.get_by_role("option", name="31/01/2026").click()
	window.has_list()
	expect(window.cell("SINV-0001", "due_date")).to_have_text("2026-04-03")


def test_what_is_wrong_with_criteria_is_said_at_the_field(start: Start, file: Path) -> None:
	window = start(file, "--maximum", 25, *ON)
	window.has_list()
	window.fill("criteria.max_invoice_amount", "12,50")
	window.page.locator(".find").click()
	expect(
		window.page.get_by_text("12,50 can be read as 12.50 or 1250. Enter one of these amounts.")
	).to_be_visible()
	window.fill("criteria.max_invoice_amount", "0")
	window.page.locator(".find").click()
	expect(window.page.locator(".problem")).to_contain_text("The maximum must be above 0")
	window.fill("criteria.max_invoice_amount", "10")
	window.page.locator(".confirm").click()
	expect(window.page.get_by_text("Enter the company name as in ERPNext.").first).to_be_visible()
	window.fill("company", "Harbour Lights Ltd")
	window.fill("accounts.offset", "Bad Debt - HL")
	window.page.locator(".confirm").click()
	expect(window.page.get_by_text("The criteria were changed. Press Find Invoices first.")).to_be_visible()
	assert window.files() == []


def test_in_german(start: Start, file: Path) -> None:
	window = start(file, "--maximum", 25, *ON, *BOOK, language="de")
	window.has_list()
	window.says("Ausgewählt: 4, Summe: 49,70 USD")
	expect(window.cell("SINV-0001", "due_date")).to_have_text("14.02.2026")
	expect(window.cell("SINV-0001", "amount")).to_have_text("25,00")
	window.fill("criteria.max_invoice_amount", "12,50")
	window.find()
	window.says("Ausgewählt: 3, Summe: 24,70 USD")
	window.cell("SINV-0004", "amount").dblclick()
	window.cell("SINV-0004", "amount").locator("input").fill("1,50")
	window.cell("SINV-0004", "amount").locator("input").press("Enter")
	window.says("Ausgewählt: 3, Summe: 14,20 USD")
	window.page.get_by_role("tab", name="Ausgenommen").click()
	window.cell("SINV-0007", "voucher_no", "left-out").click()
	expect(window.page.locator(".facts-left-out")).to_contain_text("Zahlungsabgleich")
	# and in English again, with the review as it was
	window.page.get_by_role("button", name="English").click()
	window.says("Selected: 3, total: 14.20 USD")


def test_names_are_text(start: Start, tmp_path: Path) -> None:
	nasty = '<img src=x onerror="document.title = 1">'
	rows = [line(1, nasty, 5.0), line(2, nasty, 4.0, Voucher_Type="Payment Entry", Cost_Center=nasty)]
	window = start(write_csv(tmp_path / "nasty.csv", table(rows)), *ON, *BOOK)
	window.has_list()
	expect(window.cell("SINV-0001", "customer_name")).to_have_text(nasty)
	window.cell("SINV-0001", "voucher_no").click()
	expect(window.page.locator(".facts-found")).to_contain_text(nasty)
	window.page.get_by_role("tab", name="Excluded").click()
	window.cell("SINV-0002", "voucher_no", "left-out").click()
	expect(window.page.locator(".facts-left-out")).to_contain_text(nasty)
	assert window.page.title() == "AR Write-Off"
	confirm(window)
	assert nasty not in next(window.out.rglob("*.html")).read_text()
