"""Claims of the tax in written-off invoices: their amounts, days and life."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import frappe
import pytest
from frappe.utils import getdate

from ar_writeoff.run import terms
from ar_writeoff.tax_relief import ledger, runs, service
from tests.site import run_helpers
from tests.site.balance_kinds import dunning
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	NW,
	TODAY,
	account,
	as_user,
	credit_note,
	customer,
	invoice,
	journal,
	line,
	pay,
	permit,
	user,
)
from tests.site.test_case_kinds import charge
from tests.site.test_tax_rules import UK, tax_account, use_rule

GERMANY = "Germany: uncollectible consideration"
EMIRATES = "United Arab Emirates: bad debt relief"


def taxed(
	net: float, *taxes: float, posting_date: str = "2025-01-01", who: str = "Anchor Cafe", **more: Any
) -> Any:
	"""An invoice with these taxes, on VAT, Sales Tax 2, and so on."""
	company = more.get("company", HL)
	names = ["VAT", *(f"Sales Tax {number}" for number in range(2, len(taxes) + 1))]
	rows = [
		{
			"charge_type": "Actual",
			"account_head": tax_account(name, company),
			"description": name,
			"tax_amount": amount,
			"cost_center": frappe.get_cached_value("Company", company, "cost_center"),
		}
		for name, amount in zip(names, taxes, strict=False)
	]
	return invoice(who, net, posting_date, **{"taxes": rows, **more})


def claims(invoice: Any = None, **filters: Any) -> list[Any]:
	if invoice:
		filters["sales_invoice"] = invoice.name
	return frappe.get_all("Write-Off Tax Claim", filters, ["*"], order_by="tax_account asc, creation asc")


def amounts(invoice: Any) -> list[float]:
	return [claim.tax_amount for claim in claims(invoice)]


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_rule()


def test_the_example_of_the_united_kingdom() -> None:
	"""1,400.00 with 200.00 VAT, half of it paid: 100.00 from 1 August 2025 to 31 July 2029."""
	sale = taxed(1200, 200, due_date="2025-01-31")
	pay(sale, 700, "2025-02-10")
	run = run_helpers.run()
	relief = run.preview_entries()["tax_relief"]
	assert (relief["tax"], relief["loss"]) == (100.00, 600.00)
	[days] = relief["claims"]
	assert (days["claimable_on"], days["lapses_on"]) == (date(2026, 6, 30), date(2029, 7, 31))
	assert (days["count"], days["tax"], days["lapsed"]) == (1, 100.00, 0)
	run_helpers.post(run)
	[claim] = claims(sale)
	assert (claim.tax_amount, claim.claimable_amount, claim.claimed_amount) == (100, 100, 0)
	assert (claim.claimable_on, claim.lapses_on) == (date(2026, 6, 30), date(2029, 7, 31))
	assert (claim.status, claim.run, claim.customer) == ("Claimable", run.name, "Anchor Cafe")
	assert (claim.tax_account, claim.relief_account) == (account("VAT"), account("VAT on Bad Debts"))
	assert (claim.tax_rule, claim.written_off_amount) == (UK, 700)
	assert frappe.db.get_value("Write-Off Run Item", claim.item, "voucher_no") == sale.name


def test_a_claim_waits_and_lapses() -> None:
	"""Supplied on 31 August 2025: claimable from 1 March 2026, until the end of February 2030."""
	sale = taxed(100, 20, posting_date="2025-08-31", due_date="2025-08-31")
	run_helpers.post(run_helpers.run(posting_date="2025-12-31", cutoff_date="2025-12-31"))
	[claim] = claims(sale)
	assert (claim.claimable_on, claim.lapses_on) == (date(2026, 3, 1), date(2030, 2, 28))
	frappe.db.set_value("Write-Off Tax Claim", claim.name, "status", "Waiting")
	for day, status in (
		("2026-02-28", "Waiting"),
		("2026-03-01", "Claimable"),
		("2030-02-28", "Claimable"),
		("2030-03-01", "Lapsed"),
	):
		service.move_claims(getdate(day))
		[claim] = claims(sale)
		assert claim.status == status, day
	assert "02-28-2030" in claim.message or "2030-02-28" in claim.message


def test_two_tax_accounts_and_a_spare_cent() -> None:
	"""In one return the total is rounded, in two returns each tax."""
	for relief, expected in (("VAT", [3.81, 3.82]), ("Sales Tax 2", [3.82, 3.82])):
		use_rule(**{tax_account("VAT"): tax_account("VAT"), tax_account("Sales Tax 2"): tax_account(relief)})
		sale = taxed(100, 9, 9)
		pay(sale, 67.95)
		run_helpers.post(run_helpers.run())
		assert sorted(amounts(sale)) == expected


def test_several_losses_have_the_tax_of_the_invoice() -> None:
	"""33.33, 33.33 and 33.34 of 100.00 with 16.67 VAT."""
	sale = taxed(83.33, 16.67)
	for part in (33.33, 33.33, 33.34):
		run = run_helpers.run()
		[item] = run_helpers.items(run).values()
		with as_user(MANAGER):
			run.set_write_off_amount(item.name, part)
		run_helpers.post(run)
	assert sorted(amounts(sale)) == [5.55, 5.56, 5.56]


def test_a_credit_note_takes_its_tax() -> None:
	vat = {"charge_type": "On Net Total", "account_head": tax_account(), "description": "VAT", "rate": 20}
	sale = invoice("Anchor Cafe", 1000, "2025-01-01", taxes=[{**vat, "cost_center": "Main - HL"}])
	credit_note(sale, 240)
	run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	assert (claim.written_off_amount, claim.tax_amount) == (960, 160)


def vat_of(rate: float = 20) -> dict[str, Any]:
	return {
		"charge_type": "On Net Total",
		"account_head": tax_account(),
		"description": "VAT",
		"rate": rate,
		"cost_center": "Main - HL",
	}


def test_a_credit_note_with_a_balance_of_its_own_takes_its_tax() -> None:
	"""Its ledger entries do not name the invoice."""
	sale = invoice("Anchor Cafe", 1000, "2025-01-01", taxes=[vat_of()])
	credit_note(sale, 240, update_outstanding_for_self=True)
	run_helpers.settings(customer_credits="Ignore")
	run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	assert (claim.written_off_amount, claim.tax_amount) == (1200, 160)


def test_a_credit_note_after_the_write_off() -> None:
	"""A fixed tax is credited in full although half of the invoice is. The claim is withdrawn, and restored if the credit
	note is cancelled."""
	sale = taxed(1000, 200)
	run = run_helpers.run()
	[item] = run_helpers.items(run).values()
	with as_user(MANAGER):
		run.set_write_off_amount(item.name, 600)
	run_helpers.post(run)
	assert amounts(sale) == [100]
	note = credit_note(sale, 480, TODAY)
	assert [row.tax_amount for row in note.taxes] == [-200]
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount, claim.tax_amount) == ("Withdrawn", 0, 100)
	assert "credit notes" in claim.message
	note.cancel()
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount, claim.message) == ("Claimable", 100, "")


def test_a_credit_note_for_the_rest_leaves_the_claim() -> None:
	sale = invoice("Anchor Cafe", 1000, "2025-01-01", taxes=[vat_of()])
	run = run_helpers.run()
	[item] = run_helpers.items(run).values()
	with as_user(MANAGER):
		run.set_write_off_amount(item.name, 600)
	run_helpers.post(run)
	credit_note(sale, 600, TODAY)
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount) == ("Claimable", 100)


def test_freight_and_other_charges_are_left_out() -> None:
	freight = {
		"charge_type": "Actual",
		"account_head": account("Freight and Forwarding Charges"),
		"description": "Freight",
		"tax_amount": 50,
		"cost_center": "Main - HL",
	}
	vat = {"charge_type": "Actual", "account_head": tax_account(), "description": "VAT", "tax_amount": 200}
	sale = invoice("Anchor Cafe", 1000, "2025-01-01", taxes=[freight, {**vat, "cost_center": "Main - HL"}])
	pay(sale, 625)
	run_helpers.post(run_helpers.run())
	assert amounts(sale) == [100]


def test_prices_with_tax_and_a_rounding_adjustment() -> None:
	vat = {
		"charge_type": "On Net Total",
		"account_head": tax_account(),
		"description": "VAT",
		"rate": 20,
		"included_in_print_rate": 1,
		"cost_center": "Main - HL",
	}
	frappe.db.set_value("Currency", "USD", "smallest_currency_fraction_value", 1)
	sale = invoice("Anchor Cafe", 99.6, "2025-01-01", taxes=[vat], disable_rounded_total=0)
	assert (sale.rounded_total, sale.total_taxes_and_charges) == (100, 16.6)
	pay(sale, 50)
	run_helpers.post(run_helpers.run())
	assert amounts(sale) == [8.3]


def test_a_foreign_invoice_at_its_rate() -> None:
	sale = taxed(1000, 200, who="Helios SARL", currency="EUR", rate=1.2)
	pay(sale, 600, rate=1.3)
	run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	assert (claim.tax_amount, claim.written_off_amount) == (120, 720)


def test_an_invoice_without_tax_has_no_claim() -> None:
	sale = invoice("Anchor Cafe", 100, "2025-01-01")
	run_helpers.post(run_helpers.run())
	assert claims(sale) == []
	assert not frappe.db.get_value("Write-Off Run Item", {"voucher_no": sale.name}, "has_tax_claim")


def test_an_opening_invoice_is_excluded() -> None:
	sale = invoice("Anchor Cafe", 100, "2025-01-01", is_opening="Yes", submit=False)
	sale.items[0].income_account = account("Temporary Opening")
	sale.submit()
	run = run_helpers.run()
	told = "An opening invoice has no tax in the ledger. The Tax Fraction can be entered in the claim."
	assert run.preview_entries()["tax_relief"]["excluded"] == [{"message": told, "count": 1}]
	run_helpers.post(run)
	[claim] = claims(sale)
	assert (claim.status, claim.tax_amount, claim.message) == ("Excluded", 0, told)


def not_in_the_ledger() -> tuple[Any, Any]:
	"""The claims of an opening invoice over 120.00 and of an opening balance of 60.00 in a Journal Entry."""
	sale = invoice("Anchor Cafe", 120, "2025-01-01", is_opening="Yes", submit=False)
	sale.items[0].income_account = account("Temporary Opening")
	sale.submit()
	entry = journal(
		line("Debtors", 60, party="Breakwater Bar"),
		line("Temporary Opening", credit=60),
		posting_date="2025-02-01",
	)
	run_helpers.post(run_helpers.run())
	[of_invoice], [of_entry] = claims(sale), claims(voucher_no=entry.name)
	return (
		frappe.get_doc("Write-Off Tax Claim", of_invoice.name),
		frappe.get_doc("Write-Off Tax Claim", of_entry.name),
	)


def test_the_tax_fraction_of_an_opening_invoice() -> None:
	claim, _other = not_in_the_ledger()
	with as_user(MANAGER):
		for wrong in ("20 %", "6", "0"):
			claim.reload().tax_fraction = wrong
			with pytest.raises(frappe.ValidationError, match="Enter a fraction between 0 and 1"):
				claim.save()
		claim.reload().tax_fraction = "1/6"
		claim.save()
	[stored] = claims(name=claim.name)
	assert (stored.status, stored.tax_amount, stored.claimable_amount) == ("Claimable", 20, 20)
	assert (stored.tax_account, stored.relief_account) == (account("VAT"), account("VAT on Bad Debts"))
	assert (stored.claimable_on, stored.lapses_on, stored.message) == (
		date(2026, 6, 30),
		date(2029, 7, 31),
		"",
	)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).reinstate([claim.item], {claim.item: 60}, "2026-07-10")
	assert claims(name=claim.name)[0].claimable_amount == 10
	with as_user(MANAGER):
		claim.reload().update({"tax_fraction": "", "tax_amount": 5})
		claim.save()
	[stored] = claims(name=claim.name)
	assert (stored.status, stored.tax_amount, stored.tax_account) == ("Excluded", 0, None)


def test_a_balance_of_a_journal_entry_is_told_and_has_a_fraction() -> None:
	_other, claim = not_in_the_ledger()
	assert (claim.sales_invoice, claim.voucher_type, claim.supply_date) == (
		None,
		"Journal Entry",
		date(2025, 2, 1),
	)
	assert claim.name == f"{claim.voucher_no}-T1"
	assert (claim.status, claim.message) == (
		"Excluded",
		"The ledger has the tax of Sales Invoices only. The Tax Fraction can be entered in the claim.",
	)
	use_rule(
		**{tax_account("VAT"): tax_account("VAT"), tax_account("Sales Tax 2"): tax_account("Sales Tax 2")}
	)
	claim.reload().tax_fraction = "1/6"
	with pytest.raises(frappe.ValidationError, match="Choose a tax account of the rule"):
		claim.save()
	claim.reload().update({"tax_fraction": "1/6", "tax_account": account("Sales Tax 2")})
	claim.save()
	[stored] = claims(name=claim.name)
	assert (stored.status, stored.tax_amount, stored.relief_account) == (
		"Claimable",
		10,
		account("Sales Tax 2"),
	)


def test_what_the_ledger_has_is_not_entered_manually() -> None:
	sale = taxed(1000, 200)
	run_helpers.post(run_helpers.run())
	claim = frappe.get_doc("Write-Off Tax Claim", claims(sale)[0].name)
	claim.update({"tax_fraction": "1/2", "tax_account": account("VAT on Bad Debts")})
	claim.save()
	assert (claims(sale)[0].tax_fraction, claims(sale)[0].tax_account, amounts(sale)) == (
		None,
		account("VAT"),
		[200],
	)


def test_an_excluded_claim_follows_its_write_off() -> None:
	"""Undone it is withdrawn. If the reversal is cancelled, it is excluded again, and the tax can be entered."""
	claim, _other = not_in_the_ledger()
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).reverse("2026-07-31", dated=True)
	assert claims(name=claim.name)[0].status == "Withdrawn"
	claim.reload().tax_fraction = "1/6"
	with pytest.raises(frappe.ValidationError, match="This claim is Withdrawn"):
		claim.save()
	reversal = frappe.db.get_value("Write-Off Run Item", claim.item, "reversal_entry")
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", reversal).cancel()
	[stored] = claims(name=claim.name)
	assert (stored.status, stored.message) == (
		"Excluded",
		"An opening invoice has no tax in the ledger. The Tax Fraction can be entered in the claim.",
	)
	claim.reload().tax_fraction = "1/6"
	claim.save()
	assert claims(name=claim.name)[0].status == "Claimable"


def test_other_vouchers_have_no_claim() -> None:
	"""A charge that a Dunning has booked has no tax."""
	sale = invoice("Anchor Cafe", 9, "2026-01-15")
	charged = dunning(sale)
	charge(charged)
	run = run_helpers.run()
	assert run.preview_entries()["tax_relief"]["excluded"] == []
	run_helpers.post(run)
	assert run_helpers.items(run)[charged.name].status == "Posted"
	assert claims() == []


def test_numbers_of_vouchers_of_the_same_name() -> None:
	"""A Sales Invoice and a Journal Entry may have the same name."""
	of_invoice, of_entry = not_in_the_ledger()
	name = of_invoice.sales_invoice
	frappe.db.set_value("Write-Off Tax Claim", of_entry.name, "voucher_no", name)
	assert ledger.claim_counts([name, "SINV-0"]) == {name: 2, "SINV-0": 0}


def test_a_payment_that_has_reversed_tax_already() -> None:
	sale = taxed(1000, 200)
	deduction = {"account": account("VAT"), "cost_center": "Main - HL", "amount": 2}
	paid = pay(sale, 100, deductions=[deduction], paid_amount=98, received_amount=98)
	run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	assert (claim.status, claim.tax_amount) == ("Excluded", 0)
	assert paid.name in claim.message


# Undo


def test_undo_withdraws_a_claim() -> None:
	sale = taxed(1000, 200)
	run = run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		run.reverse()
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount, claim.tax_amount) == ("Withdrawn", 0, 200)


def test_a_dated_reversal_and_its_cancellation() -> None:
	sale = taxed(1000, 200)
	run = run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		run.reverse("2026-07-31", dated=True)
	[claim] = claims(sale)
	assert claim.status == "Withdrawn"
	reversal = frappe.db.get_value("Write-Off Run Item", claim.item, "reversal_entry")
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", reversal).cancel()
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount) == ("Claimable", 200)


def test_a_reinstated_part_reduces_the_claim() -> None:
	sale = taxed(1000, 200)
	run = run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	with as_user(MANAGER):
		entries = run.reinstate([claim.item], {claim.item: 300}, "2026-07-31")
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount) == ("Claimable", 150)
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", entries[claim.item]).cancel()
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount) == ("Claimable", 200)


def test_what_was_withdrawn_can_be_claimed_again() -> None:
	sale = taxed(1000, 200)
	run = run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		run.cancel()
	run_helpers.post(run_helpers.run())
	assert sorted((claim.status, claim.claimable_amount) for claim in claims(sale)) == [
		("Claimable", 200),
		("Withdrawn", 0),
	]


# Conditions


def test_the_date_of_an_event() -> None:
	"""Insolvency proceedings of 15 March 2025: only the return of that month may have the claim."""
	use_rule(GERMANY)
	sale = taxed(10_000, 1_900)
	pay(sale, 2_380)
	run = run_helpers.run(posting_date="2025-03-20", cutoff_date="2025-03-20")
	assert run.preview_entries()["tax_relief"]["claims"][0]["claimable_on"] is None
	run_helpers.post(run)
	[claim] = claims(sale)
	assert (claim.status, claim.tax_amount, claim.claimable_on) == ("Waiting", 1520, None)
	assert claim.message == "Enter the date on which the debt became uncollectible."
	with as_user(MANAGER):
		doc = frappe.get_doc("Write-Off Tax Claim", claim.name)
		doc.event_date = "2025-03-15"
		doc.tax_amount = 9_999
		doc.save()
	[claim] = claims(sale)
	assert (claim.claimable_on, claim.lapses_on) == (date(2025, 3, 15), date(2025, 3, 31))
	assert (claim.status, claim.tax_amount) == ("Lapsed", 1520)
	assert "The last day for the claim was" in claim.message


def test_a_notice_is_a_condition() -> None:
	use_rule(EMIRATES)
	sale = taxed(1000, 50)
	run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	assert (claim.status, claim.message) == ("Needs Notice", "Still missing: Notice Sent On.")
	with as_user(MANAGER):
		doc = frappe.get_doc("Write-Off Tax Claim", claim.name)
		doc.notice_sent_on = "2026-07-01"
		doc.save()
	assert claims(sale)[0].status == "Claimable"
	doc.notice_sent_on = "2999-01-01"
	with pytest.raises(frappe.ValidationError, match="not in the future"):
		doc.save()


def test_open_claims_follow_a_correction_of_their_rule() -> None:
	"""Those that are posted do not."""
	posted, waiting, other = taxed(100, 20), taxed(100, 20), taxed(100, 19, who=customer("Lotse"), company=NW)
	run_helpers.post(run_helpers.run())
	frappe.db.set_value("Write-Off Tax Claim", claims(posted)[0].name, "status", "Filed")
	rule = use_rule()
	rule.update({"wait_months": 240, "limit_months": 300})
	rule.save()
	assert (claims(posted)[0].status, claims(posted)[0].claimable_on) == ("Filed", date(2026, 6, 30))
	[claim] = claims(waiting)
	assert (claim.status, claim.claimable_on, claim.lapses_on) == (
		"Waiting",
		date(2045, 2, 1),
		date(2050, 1, 31),
	)
	rule.needs_notice = 1
	rule.wait_months = 6
	rule.save()
	[claim] = claims(waiting)
	assert (claim.status, claim.claimable_on) == ("Needs Notice", date(2026, 6, 30))
	assert claims(other) == []


def test_claims_are_evidence() -> None:
	taxed(1000, 200)
	run_helpers.post(run_helpers.run())
	[claim] = claims()
	doc = frappe.get_doc("Write-Off Tax Claim", claim.name)
	with as_user(AUDITOR), pytest.raises(frappe.PermissionError):
		doc.save()
	with pytest.raises(frappe.PermissionError, match="cannot be deleted"):
		doc.delete()
	with pytest.raises(frappe.PermissionError, match="created by write-offs"):
		frappe.copy_doc(doc).insert()


def test_users_see_the_claims_of_their_customers() -> None:
	taxed(100, 20)
	taxed(100, 20, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	bound = user("tax.clerk@example.com", "Accounts Manager", "Accounts User")
	permit(bound, "Customer", "Anchor Cafe")
	with as_user(bound):
		seen = frappe.get_list("Write-Off Tax Claim", pluck="customer")
		assert seen == ["Anchor Cafe"]
		other = claims(customer="Breakwater Bar")[0]
		assert not frappe.get_doc("Write-Off Tax Claim", other.name).has_permission("read")


# A company without a rule


def count_queries(action: Any) -> Counter[str]:
	"""The statements of this action by their first words, without values."""
	original = frappe.db.sql
	found: Counter[str] = Counter()

	def sql(query: Any, *args: Any, **kwargs: Any) -> Any:
		found[str(query)] += 1
		return original(query, *args, **kwargs)

	frappe.db.sql = sql
	try:
		action()
	finally:
		frappe.db.sql = original
	return found


def test_a_company_without_a_rule_asks_nothing_more() -> None:
	"""Search, preview, posting and undo read no table of tax relief, and find no claims."""
	run_helpers.settings(tax_rule=None)
	sale = taxed(100, 20)

	def whole_path() -> None:
		run = run_helpers.run()
		assert run.preview_entries()["tax_relief"] is None
		run_helpers.post(run)
		[item] = run_helpers.items(run)
		with as_user(MANAGER):
			run.reinstate([run_helpers.items(run)[item].name], {run_helpers.items(run)[item].name: 20})
			run.reverse()

	queries = count_queries(whole_path)
	assert len(queries) > 50
	ours = [query for query in queries if "tabWrite-Off Tax" in query and "Custom" not in query]
	assert ours == []
	assert claims(sale) == []


def test_a_company_without_a_rule_has_as_many_queries_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
	"""Find, preview, post, reinstate and undo: as many statements as without the code of tax relief. Another company has a
	rule and claims."""
	use_rule(company=NW)
	run_helpers.settings(tax_rule=None)
	taxed(100, 19, who=customer("Lotse"), company=NW)
	run_helpers.post(run_helpers.run(NW))

	def whole_path() -> None:
		run = run_helpers.run()
		assert run.preview_entries()["item_count"] == 1
		run_helpers.post(run)
		[item] = run_helpers.items(run).values()
		with as_user(MANAGER):
			run.reinstate([item.name], {item.name: 20})
			run.reverse()

	counts = []
	for without in (True, True, False):
		sale = taxed(100, 20)
		with monkeypatch.context() as patch:
			for module, name in (
				(service, "create_claims"),
				(service, "update_of_items"),
				(service, "preview"),
				(runs, "update_claims"),
				(terms, "rule_of_company"),
			):
				if without:
					patch.setattr(module, name, lambda *_args: None)
			counts.append(count_queries(whole_path))
		pay(sale)
	# The first one fills caches.
	assert counts[1].total() == counts[2].total(), counts[2] - counts[1]


def test_credit_balances_have_no_claim() -> None:
	note = invoice("Anchor Cafe", 100, "2025-01-01", is_return=True)
	run_helpers.settings(credit_write_off_account=run_helpers.credit_account())
	run = run_helpers.run(balance_type="Credit", reason="Unclaimed Credit")
	assert run.preview_entries()["tax_relief"] is None
	run_helpers.post(run)
	assert claims(note) == []


def test_another_company_is_not_concerned() -> None:
	sale = taxed(100, 19, who=customer("Lotse"), company=NW)
	run_helpers.post(run_helpers.run(NW))
	assert claims(sale) == []
