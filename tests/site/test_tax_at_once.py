"""Net at Once: the entry of the write-off claims the tax, and the entries that take it back repay it."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.posting import ledger as posting
from ar_writeoff.run.terms import current_terms, rules_of
from ar_writeoff.tax_relief import booked, service
from ar_writeoff.undo import ledger as undo
from tests.site import ledger_checks, run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	MANAGER,
	TODAY,
	account,
	as_user,
	cost_center,
	credit_note,
	journal,
	line,
	outstanding,
	pay,
)
from tests.site.ledger_checks import gl_table
from tests.site.test_tax_claims import claims, count_queries, taxed
from tests.site.test_tax_report import ACCOUNT, BY_BOX, JULY, report
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import LOSS, RELIEF, balance_of, entries, partly_written_off, tax_run

AU = "Australia: written off as bad"
NET = "Net at Once"


def use_method(method: str = NET, name: str = AU, **values: Any) -> Any:
	"""Choose a rule with this method. The tax of VAT goes to VAT on Bad Debts, or to VAT to be Reclaimed until it is claimed."""
	frappe.db.set_value("Write-Off Tax Rule", name, "method", "Relief Later")
	rule = use_rule(name)
	interim = tax_account("VAT to be Reclaimed") if method == "Interim Account" else None
	rule.update({"method": method, "statutory_fraction": "", **values})
	for row in rule.accounts:
		row.interim_account = interim
	return rule.save()


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_method()


def written_off(net: float = 1200, tax: float = 200, paid: float = 700, **values: Any) -> Any:
	"""The run that writes off an invoice, by default 700.00 of 1,400.00 with 200.00 VAT."""
	sale = taxed(net, tax, due_date="2025-01-31", **values)
	if paid:
		pay(sale, paid, "2025-02-10")
	return run_helpers.post(run_helpers.run())


def claim_of(run: Any) -> Any:
	[claim] = claims(run=run.name)
	return claim


def assert_books() -> None:
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	ledger_checks.assert_roll_forward_equals_gl(HL)
	assert "The totals match the General Ledger" in (report()[1] or ""), report()[1]


def amounts_of(claim: Any) -> tuple[str, float, float, float]:
	return claim.status, claim.claimable_amount, claim.claimed_amount, claim.repaid_amount


def test_the_write_off_claims_the_tax() -> None:
	sale = taxed(1200, 200, due_date="2025-01-31")
	pay(sale, 700, "2025-02-10")
	run = run_helpers.run()
	with as_user(MANAGER):
		plan = run.preview_entries()
	assert plan["problems"] == [] and plan["total"] == 700
	assert [(row["account"], row["debit"], row["credit"]) for row in plan["accounts"]] == [
		("Debtors - HL", 0, 700),
		(RELIEF, 100, 0),
		(LOSS, 600, 0),
	]
	relief = plan["tax_relief"]
	assert (relief["tax"], relief["claimed"], relief["interim"], relief["loss"]) == (100, 100, 0, 600)
	assert relief["claims"] == []
	run_helpers.post(run)
	[entry] = run_helpers.entries(run)
	assert gl_table(entry) == (
		"""\
account               | party       | cost center |  debit | credit | against
VAT on Bad Debts - HL |             | Main - HL   | 100.00 |        |
Write Off - HL        |             | Main - HL   | 600.00 |        |
Debtors - HL          | Anchor Cafe |             |        | 700.00 | Sales Invoice """
		+ sale.name
	)
	claim = claim_of(run)
	assert amounts_of(claim) == ("Claimed", 100, 100, 0)
	assert (claim.journal_entry, claim.tax_run) == (entry, None)
	assert (claim.method, claim.booked_account) == (NET, RELIEF)
	assert outstanding(sale) == 0
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]
	assert run_helpers.items(tax_run()) == {}, "nothing is left for a tax run"
	assert_books()


def test_a_partial_and_a_full_recovery() -> None:
	run = written_off()
	claim = claim_of(run)
	with as_user(MANAGER):
		[entry] = run.reinstate([claim.item], {claim.item: 280}, "2026-07-10").values()
	assert gl_table(entry) == (
		"""\
account               | party       | cost center |  debit | credit | against
Debtors - HL          | Anchor Cafe |             | 280.00 |        | Sales Invoice """
		+ claim.sales_invoice
		+ """
VAT on Bad Debts - HL |             | Main - HL   |        |  40.00 |
Write Off - HL        |             | Main - HL   |        | 240.00 |"""
	)
	assert amounts_of(claim_of(run)) == ("Partly Repaid", 60, 100, 40)
	assert_books()
	with as_user(MANAGER):
		run.reload().reinstate([claim.item], {}, "2026-07-20")
	assert amounts_of(claim_of(run)) == ("Repaid", 0, 100, 100)
	assert (balance_of(RELIEF), balance_of(LOSS)) == (0, 0)
	assert run_helpers.items(tax_run(**JULY)) == {}
	assert_books()


def test_a_cancelled_recovery_claims_again_to_the_cent() -> None:
	"""33.33, 33.33 and 33.34 of 100.00 with 16.67: what is cancelled in between was rounded with the others."""
	run = written_off(83.33, 16.67, 0)
	claim = claim_of(run)
	posted = []
	for amount in (33.33, 33.33):
		with as_user(MANAGER):
			posted += run.reload().reinstate([claim.item], {claim.item: amount}, "2026-07-10").values()
	assert [balance_of(RELIEF), claim_of(run).repaid_amount] == [pytest.approx(5.56), pytest.approx(11.11)]
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", posted[0]).cancel()
	left = claim_of(run)
	assert (
		balance_of(RELIEF) == pytest.approx(left.claimed_amount - left.repaid_amount) == pytest.approx(11.12)
	)
	assert left.claimable_amount == pytest.approx(11.12)
	assert_books()
	with as_user(MANAGER):
		run.reload().reinstate([claim.item], {}, "2026-07-10")
	assert (balance_of(RELIEF), claim_of(run).status) == (0, "Repaid")


def test_undo_withdraws_the_claim() -> None:
	run = written_off()
	with as_user(MANAGER):
		run.cancel()
	claim = claim_of(run)
	assert amounts_of(claim) == ("Withdrawn", 0, 0, 0)
	assert (balance_of(RELIEF), balance_of(LOSS), claim.journal_entry) == (0, 0, None)
	assert report(show=BY_BOX)[0] == []
	again = run_helpers.post(run_helpers.run())
	assert claim_of(again).tax_amount == 100


def test_a_dated_reversal() -> None:
	run = written_off()
	with as_user(MANAGER):
		run.reverse("2026-07-15", dated=1)
	[entry] = [name for name in run_helpers.entries(run) if name.endswith("-R")]
	assert gl_table(entry) == (
		"""\
account               | party       | cost center |  debit | credit | against
Debtors - HL          | Anchor Cafe |             | 700.00 |        | Sales Invoice """
		+ claim_of(run).sales_invoice
		+ """
VAT on Bad Debts - HL |             | Main - HL   |        | 100.00 |
Write Off - HL        |             | Main - HL   |        | 600.00 |"""
	)
	assert amounts_of(claim_of(run)) == ("Withdrawn", 0, 100, 100)
	rows = report(show=BY_BOX)[0]
	assert [(row.period, row.kind, row.amount) for row in rows if not row.indent] == [
		("06-01-2026 – 06-30-2026", "Claim", 100),
		("07-01-2026 – 07-31-2026", "Repayment", -100),
	]
	assert_books()
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", entry).cancel()
	assert amounts_of(claim_of(run)) == ("Claimed", 100, 100, 0)
	assert_books()


def test_undo_of_what_is_left_after_a_recovery() -> None:
	run = written_off()
	claim = claim_of(run)
	with as_user(MANAGER):
		run.reinstate([claim.item], {claim.item: 280}, "2026-07-10")
		run.reload().reverse("2026-07-15")
	assert amounts_of(claim_of(run))[2:] == (100, 100)
	assert (balance_of(RELIEF), balance_of(LOSS)) == (0, 0)
	assert_books()


def filed(day: str = TODAY) -> Any:
	"""The tax run of June, marked as filed. It has a claim that was taken over from before."""
	journal(line("Debtors", 120, party="Dover Council"), line("Sales", credit=120), posting_date="2025-01-01")
	run_helpers.post(run_helpers.run(customers=[{"customer": "Dover Council"}]))
	claim = frappe.get_doc("Write-Off Tax Claim", {"customer": "Dover Council"})
	claim.tax_fraction = "1/6"
	claim.save()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.mark_as_filed()
	return run


def test_undo_after_filing() -> None:
	"""The write-off of the filed return stays, and is reversed in a later one."""
	run = written_off()
	return_of_june = filed()
	assert claim_of(run).status == "Filed"
	[entry] = run_helpers.entries(run)
	for action in (
		lambda: frappe.get_doc("Journal Entry", entry).cancel(),
		lambda: frappe.get_doc("Write-Off Run", run.name).cancel(),
		lambda: frappe.get_doc("Write-Off Run", run.name).reinstate([claim_of(run).item], {}, TODAY),
	):
		with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{return_of_june.name} is filed"):
			action()
	assert amounts_of(claim_of(run)) == ("Filed", 100, 100, 0)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).reverse("2026-07-15")
	assert amounts_of(claim_of(run)) == ("Repaid", 0, 100, 100)
	assert len(run_helpers.entries(run)) == 2
	assert_books()
	with as_user(MANAGER):
		return_of_june.reload().mark_as_filed(filed=0)
	assert claim_of(run).status == "Withdrawn"


def test_a_write_off_into_a_filed_return_is_claimed_later() -> None:
	filed()
	run = written_off()
	claim = claim_of(run)
	assert (claim.status, claim.method, claim.booked_account) == ("Claimable", "Relief Later", None)
	assert balance_of(LOSS) == pytest.approx(700 + 120 - 20)
	run_helpers.post(tax_run(**JULY))
	assert amounts_of(claim_of(run)) == ("Claimed", 100, 100, 0)
	assert_books()


def test_what_may_not_be_claimed_yet_is_claimed_by_a_tax_run() -> None:
	"""Of two invoices the waiting time of one is over."""
	use_method(wait_months=6, clock="Supply")
	taxed(100, 20)
	taxed(50, 10, posting_date="2026-03-01")
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	assert (balance_of(RELIEF), balance_of(LOSS)) == (20, 160)
	found = {claim.tax_amount: claim for claim in claims(run=run.name)}
	assert (found[20].status, found[20].method) == ("Claimed", NET)
	assert (found[10].method, found[10].booked_account) == ("Relief Later", None)
	december = {"from_date": "2026-09-01", "to_date": "2026-09-30", "posting_date": "2026-09-30"}
	later = run_helpers.post(tax_run(**december))
	assert (
		gl_table(entries(later)[0])
		== """\
account               | party | cost center | debit | credit | against
VAT on Bad Debts - HL |       |             | 10.00 |        |
Write Off - HL        |       | Main - HL   |       |  10.00 |"""
	)
	assert entry and balance_of(RELIEF) == 30
	assert_books()


def test_foreign_currency() -> None:
	"""At the rate of the invoice; the tax row is in company currency."""
	sale = taxed(100, 20, who="Helios SARL", currency="EUR", rate=1.2)
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	assert gl_table(entry) == (
		"""\
account               | party       | cost center |  debit |              credit | against
VAT on Bad Debts - HL |             | Main - HL   |  24.00 |                     |
Write Off - HL        |             | Main - HL   | 120.00 |                     |
Debtors EUR - HL      | Helios SARL |             |        | 144.00 (EUR 120.00) | Sales Invoice """
		+ sale.name
	)
	claim = claim_of(run)
	with as_user(MANAGER):
		run.reinstate([claim.item], {claim.item: 30}, "2026-07-10")
	assert amounts_of(claim_of(run)) == ("Partly Repaid", 18, 24, 6)
	assert_books()


def two_lines(tax_accounts: tuple[str, ...] = ("VAT", "Sales Tax 2")) -> Any:
	"""An invoice with a line for each of two piers, 1 : 2, and two taxes."""
	sale = taxed(10, *[1.01, 0.5][: len(tax_accounts)], submit=False)
	sale.items[0].cost_center = cost_center("North Pier")
	more = {key: sale.items[0].get(key) for key in ("item_code", "income_account", "uom")}
	sale.append(
		"items",
		{**more, "qty": 1, "rate": 20, "price_list_rate": 20, "cost_center": cost_center("South Pier")},
	)
	sale.payment_schedule = []
	sale.save()
	sale.submit()
	return sale


def test_two_tax_accounts_and_dimensions_of_lines() -> None:
	"""Each account is divided by the shares of the lines, and adds up."""
	use_rule(AU, **{tax_account("VAT"): RELIEF, tax_account("Sales Tax 2"): tax_account("GST Relief")})
	rule = frappe.get_doc("Write-Off Tax Rule", AU)
	rule.method = NET
	rule.save()
	two_lines()
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	rows = frappe.get_all(
		"GL Entry",
		{"voucher_no": entry, "is_cancelled": 0, "party": ("is", "not set")},
		["account", "cost_center", "debit"],
		order_by="account asc, cost_center asc",
	)
	north, south = cost_center("North Pier"), cost_center("South Pier")
	assert [(row.account, row.cost_center, row.debit) for row in rows] == [
		("GST Relief - HL", north, 0.17),
		("GST Relief - HL", south, 0.33),
		(RELIEF, north, 0.34),
		(RELIEF, south, 0.67),
		(LOSS, north, 10),
		(LOSS, south, 20),
	]
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]
	first = claims(run=run.name)[0]
	with as_user(MANAGER):
		run.reinstate([first.item], {first.item: 10}, "2026-07-10")
		assert_books()
		run.reload().reinstate([first.item], {}, "2026-07-11")
	assert [balance_of(name) for name in (RELIEF, LOSS, "GST Relief - HL")] == [0, 0, 0]
	left = ledger_checks.balances_by_cost_center(RELIEF, LOSS, "GST Relief - HL")
	assert not any(abs(amount) > 0.011 for amount in left.values())


def test_partial_losses_have_the_tax_of_the_invoice() -> None:
	taxed(83.33, 16.67)
	for part in (33.33, 33.33, 33.34):
		run = run_helpers.run()
		[item] = run_helpers.items(run).values()
		with as_user(MANAGER):
			run.set_write_off_amount(item.name, part)
		run_helpers.post(run)
	assert sorted(claim.claimed_amount for claim in claims()) == [5.55, 5.56, 5.56]
	assert balance_of(RELIEF) == pytest.approx(16.67)
	assert_books()


def test_the_approved_accounts_are_posted() -> None:
	"""Not those of a rule that was changed after the approval."""
	taxed(100, 20)
	run = run_helpers.run()
	run_helpers.submit_without_job(run, MANAGER)
	use_rule(AU, **{tax_account("VAT"): tax_account("GST Relief")})
	frappe.db.set_value("Write-Off Tax Rule", AU, "method", "Relief Later")
	run_helpers.post_now(run)
	assert (balance_of(RELIEF), balance_of("GST Relief - HL")) == (20, 0)
	assert claim_of(run).relief_account == RELIEF
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]


def test_verification_finds_a_changed_tax_row() -> None:
	run = written_off()
	[entry] = run_helpers.entries(run)
	for account_, amount in ((RELIEF, 90), (LOSS, 610)):
		frappe.db.set_value("Journal Entry Account", {"parent": entry, "account": account_}, "debit", amount)
	with as_user(MANAGER):
		found = run.verify_approval()
	assert not found["intact"]
	assert f"90.00 posted to {RELIEF}, 100.00 approved" in str(found)


@pytest.mark.parametrize("values", [{"disabled": 1}, {"freeze_account": "Yes"}])
def test_a_relief_account_that_cannot_be_posted_to(values: dict[str, Any]) -> None:
	taxed(100, 20)
	run = run_helpers.run()
	frappe.db.set_value("Account", RELIEF, values)
	frappe.db.commit()
	clear_data_caches()
	with as_user(MANAGER):
		plan = run.preview_entries()
	assert any(RELIEF in problem["message"] for problem in plan["problems"])


def test_balances_without_tax() -> None:
	"""Credits have no relief, and the tax of a receivable that was taken over is not in the ledger."""
	taxed(100, 20, is_return=True)
	run_helpers.settings(credit_write_off_account=account("Sales"), customer_credits="Ignore")
	run = run_helpers.post(run_helpers.run(balance_type="Credit"))
	assert (run.status, claims(run=run.name), balance_of(RELIEF)) == ("Posted", [], 0)
	journal(line("Debtors", 120, party="Dover Council"), line("Sales", credit=120), posting_date="2025-01-01")
	run = run_helpers.post(run_helpers.run())
	assert (claim_of(run).status, balance_of(RELIEF)) == ("Excluded", 0)


def test_the_statutory_account_and_the_boxes() -> None:
	run = written_off()
	claim = claim_of(run)
	with as_user(MANAGER):
		run.reinstate([claim.item], {claim.item: 280}, "2026-07-10")
	rows, message, _totals = report(show=BY_BOX)
	assert [(row.kind, row.box, row.amount) for row in rows if not row.indent] == [
		("Claim", "1B", 100),
		("Repayment", "1A", -40),
	]
	assert message == f"The totals match the General Ledger of {RELIEF}."
	[row] = report(show=ACCOUNT)[0]
	assert (row.claimed_amount, row.repaid_amount, row.paid, row.tax_charged) == (100, 40, 700, 200)
	[july] = [
		row for row in report(show=BY_BOX, **{k: JULY[k] for k in ("from_date", "to_date")})[0] if row.indent
	]
	assert (july.amount, july.journal_entry) == (
		-40,
		frappe.db.get_value("Write-Off Recovery", {}, "journal_entry"),
	)


@pytest.mark.parametrize(
	("values", "text"),
	[
		({"trigger": "Event", "clock": "Event"}, "the write-off is the event"),
		({"needs_notice": 1}, "neither notice nor evidence"),
		({"needs_evidence": 1}, "neither notice nor evidence"),
	],
)
def test_what_cannot_be_claimed_with_the_write_off(values: dict[str, Any], text: str) -> None:
	rule = frappe.get_doc("Write-Off Tax Rule", AU)
	rule.update(values)
	with pytest.raises(frappe.ValidationError, match=text):
		rule.save()


def test_a_company_without_a_rule_costs_no_query_more(monkeypatch: pytest.MonkeyPatch) -> None:
	"""Posting, reinstatement and undo have as many statements as without the code of this method. A credit note has one: it looks
	for claims of its invoice."""
	run_helpers.settings(tax_rule=None)

	def whole_path() -> None:
		run = run_helpers.post(run_helpers.run())
		[item] = run_helpers.items(run).values()
		with as_user(MANAGER):
			run.reinstate([item.name], {item.name: 20})
			run.reload().reverse(TODAY, dated=1)

	counts, of_notes = [], []
	for without in (True, True, False):
		sale = taxed(100, 20)
		with monkeypatch.context() as patch:
			for module, name, nothing in (
				(posting, "taxes_of", {}),
				(booked, "booked_taxes", {}),
				(booked, "accounts_of_entries", {}),
				(booked, "filed_return", None),
				(undo, "accounts_of_taxes", set()),
				(service, "update_of_credit_note", None),
			):
				if without:
					patch.setattr(module, name, lambda *_args, nothing=nothing: nothing)
			counts.append(count_queries(whole_path))
			of_notes.append(count_queries(lambda sale=sale: credit_note(sale, 60, "2026-07-20")))
		pay(sale, outstanding(sale))
	# The first one fills caches.
	assert counts[1].total() == counts[2].total(), counts[2] - counts[1]
	assert of_notes[2].total() == of_notes[1].total() + 1, of_notes[2] - of_notes[1]
	assert balance_of(RELIEF) == 0


def test_a_batch_fits_into_one_entry_with_its_tax_row() -> None:
	run_helpers.settings(rows_per_entry=6)
	for number in range(9):
		taxed(10 + number, 2)
	run = run_helpers.post(run_helpers.run())
	sizes = [len(frappe.get_doc("Journal Entry", name).accounts) for name in run_helpers.entries(run)]
	assert sizes == [6, 6, 3]
	assert_books()


def test_entries_with_tax_are_a_kind_of_their_own() -> None:
	"""A proof of entries without tax does not hold for them."""
	taxed(100, 20)

	def kinds() -> set[str]:
		run = run_helpers.run()
		items = posting.items_from_rows(list(run_helpers.items(run).values()), run.company)
		return posting.Batch(items, rules_of(current_terms(run)), posting.Names("ACC-JV-KINDS")).kinds()

	with_tax = kinds()
	run_helpers.settings(tax_rule=None)
	assert {kind.split()[0] for kind in with_tax - kinds()} == {"VAT"}


def test_the_evidence_names_the_accounts_of_the_tax() -> None:
	run = written_off()
	with as_user(MANAGER):
		page = frappe.utils.strip_html(frappe.get_print("Write-Off Run", run.name, "Write-Off Evidence"))
	assert NET in page and f"VAT - HL → {RELIEF}" in page


def test_a_later_credit_note_is_repaid_by_a_tax_run() -> None:
	"""It takes all of the tax of the invoice."""
	sale = partly_written_off()
	[claim] = claims(sale)
	assert amounts_of(claim) == ("Claimed", 100, 100, 0)
	note = credit_note(sale, 480, "2026-07-10")
	assert amounts_of(claims(sale)[0])[1:] == (0, 100, 0)
	july = run_helpers.post(tax_run(**JULY))
	assert (
		gl_table(entries(july)[0])
		== """\
account               | party | cost center |  debit | credit | against
Write Off - HL        |       | Main - HL   | 100.00 |        |
VAT on Bad Debts - HL |       |             |        | 100.00 |"""
	)
	assert amounts_of(claims(sale)[0]) == ("Repaid", 0, 100, 100)
	assert_books()
	note.reload().cancel()
	run_helpers.post(tax_run(**JULY))
	claim = claims(sale)[0]
	assert (claim.claimable_amount, claim.claimed_amount - claim.repaid_amount, balance_of(RELIEF)) == (
		100,
		100,
		100,
	)
	assert_books()


def test_what_was_repaid_twice_is_taken_back_after_the_last_day() -> None:
	"""A tax run repays what a credit note has reversed, and the reversal of the write-off repays it again."""
	sale = partly_written_off()
	[claim] = claims(sale)
	note = credit_note(sale, 480, "2026-07-10")
	run_helpers.post(tax_run(**JULY))
	note.reload().cancel()
	frappe.db.set_value("Write-Off Tax Claim", claim.name, "lapses_on", "2026-07-20")
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).reverse("2026-07-25", dated=1)
	assert balance_of(RELIEF) == -100
	july = run_helpers.post(tax_run(**JULY))
	assert (
		gl_table(entries(july)[0])
		== """\
account               | party | cost center |  debit | credit | against
VAT on Bad Debts - HL |       |             | 100.00 |        |
Write Off - HL        |       | Main - HL   |        | 100.00 |"""
	)
	assert (balance_of(RELIEF), run_helpers.items(tax_run(**JULY))) == (0, {})
	assert_books()
