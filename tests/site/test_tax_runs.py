"""Tax runs: the tax of bad debts is claimed, and repaid after a recovery."""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry

from ar_writeoff import jobs
from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	TODAY,
	account,
	accounting_period,
	as_user,
	cost_center,
	credit_note,
	invoice,
	pay,
	permit,
	project,
	user,
)
from tests.site.ledger_checks import gl_table
from tests.site.test_tax_claims import claims, count_queries, taxed
from tests.site.test_tax_rules import UK, use_rule

RELIEF, LOSS = "VAT on Bad Debts - HL", "Write Off - HL"
JULY = {"from_date": "2026-07-01", "to_date": "2026-07-31", "posting_date": "2026-07-31"}


def tax_run(company: str = HL, *, find: bool = True, who: str = MANAGER, **values: Any) -> Any:
	"""A draft tax run of June 2026 after its search."""
	with as_user(who):
		run = frappe.new_doc("Write-Off Tax Run")
		run.update(
			{
				"company": company,
				"from_date": "2026-06-01",
				"to_date": "2026-06-30",
				"posting_date": TODAY,
				**values,
			}
		)
		run.insert()
		if find:
			run.find_claims()
	return run


def entries(run: Any, docstatus: int = 1) -> list[str]:
	return frappe.get_all(
		"Journal Entry",
		{"write_off_tax_run": run.name, "docstatus": docstatus},
		pluck="name",
		order_by="name asc",
	)


def item_of(run: Any) -> Any:
	[item] = run_helpers.items(run).values()
	return item


def ledger_rows() -> list[Any]:
	"""All that counts in the Payment Ledger."""
	return frappe.get_all(
		"Payment Ledger Entry",
		{"delinked": 0},
		["voucher_no", "against_voucher_no", "amount"],
		order_by="name asc",
	)


def balance_of(name: str) -> float:
	return frappe.db.sql(
		"select coalesce(sum(debit - credit), 0) from `tabGL Entry` where account = %s and is_cancelled = 0",
		name,
	)[0][0]


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_rule()


def written_off(net: float = 1200, tax: float = 200, paid: float = 700, **values: Any) -> Any:
	"""An invoice whose balance is written off, by default the example of the United Kingdom."""
	sale = taxed(net, tax, due_date="2025-01-31", **values)
	if paid:
		pay(sale, paid, "2025-02-10")
	run_helpers.post(run_helpers.run())
	return sale


def test_the_example_of_the_united_kingdom() -> None:
	"""700.00 of 1,400.00 with 200.00 VAT is unpaid: 100.00 is claimed."""
	sale = written_off()
	before = ledger_rows()
	run = tax_run()
	item = item_of(run)
	[claim] = claims(sale)
	assert claim.name == f"{sale.name}-T1"
	assert (item.voucher_type, item.voucher_no) == ("Write-Off Tax Claim", claim.name)
	assert (item.receivable_account, item.write_off_amount, item.selected) == (RELIEF, 100, 1)
	with as_user(MANAGER):
		plan = run.preview_entries()
	assert plan["problems"] == [] and plan["total"] == 100
	assert [(row["account"], row["debit"], row["credit"]) for row in plan["accounts"]] == [
		(RELIEF, 100, 0),
		(LOSS, 0, 100),
	]
	run_helpers.post(run)
	[entry] = entries(run)
	assert (
		gl_table(entry)
		== """\
account               | party | cost center |  debit | credit | against
VAT on Bad Debts - HL |       |             | 100.00 |        |
Write Off - HL        |       | Main - HL   |        | 100.00 |"""
	)
	assert ledger_rows() == before
	assert (run.status, run.claimed_amount, run.repaid_amount) == ("Posted", 100, 0)
	[claim] = claims(sale)
	assert (claim.status, claim.claimed_amount, claim.repaid_amount) == ("Claimed", 100, 0)
	assert (claim.tax_run, claim.journal_entry) == (run.name, entry)
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]


@pytest.mark.parametrize(
	("values", "code"), [({"disabled": 1}, "account_disabled"), ({"freeze_account": "Yes"}, "account_frozen")]
)
def test_claims_on_a_relief_account_that_cannot_be_posted_to(values: dict, code: str) -> None:
	"""Found before the entry is rejected: excluded by the search, and left out of a run that was searched before."""
	written_off()
	before = tax_run()
	frappe.db.set_value("Account", RELIEF, values)
	frappe.db.commit()
	clear_data_caches()
	with as_user(MANAGER):
		plan = frappe.get_doc(before.doctype, before.name).preview_entries()
	assert (plan["skipped_count"], plan["entry_count"]) == (1, 0)
	assert RELIEF in plan["skipped"][0]["message"]

	run = tax_run()
	item = item_of(run)
	assert (item.status, item.reason_code, item.selected) == ("Excluded", code, 0)
	assert (item.reason_doctype, item.reason_name) == ("Account", RELIEF)
	assert RELIEF in item.message

	frappe.db.set_value("Account", RELIEF, {"disabled": 0, "freeze_account": "No"})
	frappe.db.commit()
	clear_data_caches()
	with as_user(MANAGER):
		run.find_claims()
	assert item_of(run).status == "Open"


def test_nothing_is_posted_twice() -> None:
	written_off()
	first, second = tax_run(), tax_run()
	run_helpers.post(first)
	run_helpers.post(second)
	assert (second.status, second.posted_count, second.skipped_count) == ("Failed", 0, 1)
	assert entries(second) == []
	assert run_helpers.items(tax_run()) == {}
	assert balance_of(RELIEF) == 100


def test_undo_restores_the_start() -> None:
	sale = written_off()
	[start] = claims(sale)
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.cancel()
	[claim] = claims(sale)
	assert {name for name in start if start[name] != claim[name]} <= {"modified"}
	assert (run.reload().status, entries(run), balance_of(RELIEF)) == ("Reversed", [], 0)
	run_helpers.post(tax_run())
	assert claims(sale)[0].status == "Claimed"


def test_a_dated_reversal() -> None:
	sale = written_off()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.reverse("2026-07-31", dated=True)
	_claim, reversal = entries(run)
	assert (
		gl_table(reversal)
		== """\
account               | party | cost center |  debit | credit | against
Write Off - HL        |       | Main - HL   | 100.00 |        |
VAT on Bad Debts - HL |       |             |        | 100.00 |"""
	)
	assert (claims(sale)[0].status, claims(sale)[0].claimed_amount) == ("Claimable", 0)
	assert run.reload().status == "Reversed"
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", reversal).cancel()
	assert (claims(sale)[0].status, run.reload().status) == ("Claimed", "Posted")


def test_a_payment_after_all() -> None:
	"""280.00 is recovered: 40.00 of the 100.00 is repaid in the period of receipt; then the rest."""
	sale = written_off()
	run_helpers.post(tax_run())
	[claim] = claims(sale)
	write_off = frappe.get_doc("Write-Off Run", claim.run)
	with as_user(MANAGER):
		write_off.reinstate([claim.item], {claim.item: 280}, "2026-07-10")
	assert run_helpers.items(tax_run()) == {}, "not in the return of June"
	run = tax_run(**JULY)
	assert item_of(run).write_off_amount == -40
	with as_user(MANAGER):
		plan = run.preview_entries()
	assert (plan["total"], plan["way"]) == (-40, "The entries are posted one by one.")
	run_helpers.post(run)
	[entry] = entries(run)
	assert (
		gl_table(entry)
		== """\
account               | party | cost center | debit | credit | against
Write Off - HL        |       | Main - HL   | 40.00 |        |
VAT on Bad Debts - HL |       |             |       |  40.00 |"""
	)
	assert (run.claimed_amount, run.repaid_amount) == (0, 40)
	[claim] = claims(sale)
	assert (claim.status, claim.claimed_amount, claim.repaid_amount) == ("Partly Repaid", 100, 40)
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]
		write_off.reload().reinstate([claim.item], {}, "2026-07-20")
	run_helpers.post(tax_run(**JULY))
	[claim] = claims(sale)
	assert (claim.status, claim.claimed_amount, claim.repaid_amount) == ("Repaid", 100, 100)
	assert balance_of(RELIEF) == 0


def test_undoing_the_write_off_repays_the_claim() -> None:
	sale = written_off()
	run_helpers.post(tax_run())
	[claim] = claims(sale)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).cancel()
	[claim] = claims(sale)
	assert (claim.status, claim.claimable_amount) == ("Claimed", 0)
	run = run_helpers.post(tax_run())
	assert item_of(run).write_off_amount == -100
	assert (claims(sale)[0].status, balance_of(RELIEF)) == ("Repaid", 0)


def test_a_filed_return_is_frozen() -> None:
	sale = written_off()
	run = run_helpers.post(tax_run())
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		run.mark_as_filed()
	with as_user(MANAGER):
		run.mark_as_filed()
	assert (claims(sale)[0].status, run.filed_by) == ("Filed", MANAGER)
	[entry] = entries(run)
	for doctype, name, method in (
		("Write-Off Tax Run", run.name, "cancel"),
		("Write-Off Tax Run", run.name, "reverse"),
		("Journal Entry", entry, "cancel"),
	):
		with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="is filed"):
			frappe.get_doc(doctype, name).run_method(method)
	with pytest.raises(frappe.ValidationError, match="later return period"):
		tax_run()
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claims(sale)[0].run).cancel()
	run_helpers.post(tax_run(**JULY))
	assert (claims(sale)[0].status, balance_of(RELIEF)) == ("Repaid", 0)


def test_a_filing_is_withdrawn() -> None:
	sale = written_off()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.mark_as_filed()
		run.mark_as_filed(filed=0)
		assert claims(sale)[0].status == "Claimed"
		run.cancel()
	assert claims(sale)[0].status == "Claimable"
	assert {"Filed", "Filing Withdrawn"} <= set(run_helpers.events(run))


def partly_written_off() -> Any:
	"""600.00 of 1,200.00 with 200.00 VAT, a fixed amount."""
	sale = taxed(1000, 200)
	run = run_helpers.run()
	with as_user(MANAGER):
		run.set_write_off_amount(item_of(run).name, 600)
	run_helpers.post(run)
	return sale


def test_a_credit_note_after_the_claim_was_filed() -> None:
	"""A credit note for the rest of the invoice takes all of its VAT: what was claimed in June is repaid in July, and claimed
	again when the credit note is cancelled."""
	sale = partly_written_off()
	june = run_helpers.post(tax_run())
	with as_user(MANAGER):
		june.mark_as_filed()
	note = credit_note(sale, 480, "2026-07-10")
	assert (claims(sale)[0].status, claims(sale)[0].claimable_amount) == ("Filed", 0)
	with as_user(MANAGER):
		june.mark_as_filed(filed=0)
	assert run_helpers.items(tax_run()) == {}, "not in the return of June"
	with as_user(MANAGER):
		june.reload().mark_as_filed()
	repayment = run_helpers.post(tax_run(**JULY))
	[entry] = entries(repayment)
	assert (
		gl_table(entry)
		== """\
account               | party | cost center |  debit | credit | against
Write Off - HL        |       | Main - HL   | 100.00 |        |
VAT on Bad Debts - HL |       |             |        | 100.00 |"""
	)
	assert (claims(sale)[0].status, balance_of(RELIEF)) == ("Repaid", 0)
	with as_user(MANAGER):
		note.cancel()
	[entry] = entries(run_helpers.post(tax_run(**JULY)))
	assert (
		gl_table(entry)
		== """\
account               | party | cost center |  debit | credit | against
VAT on Bad Debts - HL |       |             | 100.00 |        |
Write Off - HL        |       | Main - HL   |        | 100.00 |"""
	)
	assert balance_of(RELIEF) == 100


@pytest.mark.parametrize(("is_rate", "credited", "repaid"), [(True, 240, 40), (False, 48, 200)])
def test_a_credit_note_for_what_was_reinstated(is_rate: bool, credited: float, repaid: float) -> None:
	"""200.00 VAT was claimed of 1,200.00. 240.00 is reinstated and credited: with 40.00 VAT nothing more is repaid than for the
	reinstatement, with all of the fixed 200.00 VAT everything."""
	vat = {"charge_type": "On Net Total", "account_head": account("VAT"), "description": "VAT", "rate": 20}
	taxes = [{**vat, "cost_center": "Main - HL"}]
	sale = invoice("Anchor Cafe", 1000, "2025-01-01", taxes=taxes) if is_rate else taxed(1000, 200)
	run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	[claim] = claims(sale)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).reinstate([claim.item], {claim.item: 240}, TODAY)
	credit_note(sale, credited, TODAY)
	run = tax_run()
	assert item_of(run).write_off_amount == -repaid
	run_helpers.post(run)
	assert balance_of(RELIEF) == 200 - repaid
	assert run_helpers.items(tax_run()) == {}


def test_the_box_of_a_filed_return_is_kept() -> None:
	"""Whatever is changed in the rule later. Other returns have the new boxes, and so has this one if its filing is withdrawn."""
	sale = written_off()
	june = run_helpers.post(tax_run())
	[claim] = claims(sale)
	with as_user(MANAGER):
		june.mark_as_filed()
		frappe.get_doc("Write-Off Run", claim.run).reinstate([claim.item], {claim.item: 280}, "2026-07-10")
	july = run_helpers.post(tax_run(**JULY))
	rule = frappe.get_doc("Write-Off Tax Rule", UK)
	rule.accounts[0].update({"claim_box": "9a", "repayment_box": "9b"})
	rule.save()
	assert boxes() == [("Claim", "4", 100), ("Repayment", "9b", -40)]
	with as_user(MANAGER):
		july.mark_as_filed()
	rule.set("accounts", [])
	rule.update({"claim_box": "", "repayment_box": ""})
	rule.save()
	assert boxes() == [("Claim", "4", 100), ("Repayment", "9b", -40)]
	assert item_of(june).tax_box == "4"
	with as_user(MANAGER):
		june.mark_as_filed(filed=0)
	assert boxes() == [("Claim", "", 100), ("Repayment", "9b", -40)]


def test_a_return_filed_without_boxes() -> None:
	rule = frappe.get_doc("Write-Off Tax Rule", UK)
	rule.claim_box = ""
	rule.save()
	written_off()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.mark_as_filed()
	rule.claim_box = "4"
	rule.save()
	assert boxes() == [("Claim", "", 100)]


def boxes() -> list[tuple[str, str, float]]:
	return [(row["kind"], row["box"], row["amount"]) for row in jobs.box_amounts(HL)]


# What an app requires of entries on its tax accounts


def company_gstin() -> None:
	"""A field of Journal Entry without which an app refuses entries on its tax accounts."""
	frappe.get_doc(
		{
			"doctype": "Custom Field",
			"dt": "Journal Entry",
			"fieldname": "company_gstin",
			"label": "Company GSTIN",
			"fieldtype": "Data",
			"insert_after": "company",
		}
	).insert()
	frappe.clear_cache()


def test_an_app_that_requires_a_field_for_its_tax_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
	"""As India Compliance does. Named by the preview and on submit, with the place where the value is entered."""
	original = JournalEntry.validate

	def validate(self: Any) -> None:
		original(self)
		if not self.company_gstin and any(row.account == RELIEF for row in self.accounts):
			frappe.throw("Company GSTIN is mandatory if any GST account is present.")

	company_gstin()
	written_off()
	monkeypatch.setattr(JournalEntry, "validate", validate)
	run = tax_run()
	frappe.db.commit()
	with as_user(MANAGER):
		[problem] = run.preview_entries()["problems"]
	assert problem["message"] == (
		"Company GSTIN is mandatory if any GST account is present. Set a default for the field, or enter a value in the"
		f" Write-Off Settings of {HL}."
	)
	with pytest.raises(frappe.ValidationError, match="Company GSTIN is mandatory"):
		run_helpers.post(run)
	frappe.db.rollback()
	assert (run.reload().status, entries(run)) == ("Draft", [])
	value = {"applies_to": "Journal Entry", "entry_field": "Company GSTIN", "value": "24AAQCA8719H1ZC"}
	run_helpers.settings(entry_values=[value])
	with as_user(MANAGER):
		assert run.reload().preview_entries()["problems"] == []
	[entry] = entries(run_helpers.post(run))
	assert frappe.db.get_value("Journal Entry", entry, "company_gstin") == "24AAQCA8719H1ZC"


def test_an_app_that_refuses_entries_for_another_reason(monkeypatch: pytest.MonkeyPatch) -> None:
	def validate(self: Any) -> None:
		frappe.throw("The return of June was sent to the tax office.")

	company_gstin()
	written_off()
	monkeypatch.setattr(JournalEntry, "validate", validate)
	with as_user(MANAGER):
		[problem] = tax_run().preview_entries()["problems"]
	assert (
		problem["message"] == 'ERPNext rejected the entry ("The return of June was sent to the tax office.").'
	)


def test_evidence_and_export() -> None:
	sale = written_off()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		page = frappe.utils.strip_html(
			frappe.get_print("Write-Off Tax Run", run.name, "Write-Off Tax Evidence")
		)
		assert "Write-Off Tax Run " + run.name in page
		assert entries(run)[0] in page and "Anchor Cafe" in page and "100.00" in page
		url = run.export_items("CSV")["file_url"]
		content = frappe.get_doc("File", {"file_url": url}).get_content()
		assert f"{sale.name}-T1" in content and "Claimed Amount,100.0" in content
		details = run.get_voucher_details(item_of(run).name)
		assert (details["voucher_no"], details["status"]) == (f"{sale.name}-T1", "Claimed")


def test_several_losses_and_accounts_are_claimed_to_the_cent() -> None:
	"""33.33, 33.33 and 33.34 of 100.00 with 16.67 VAT: 5.56 + 5.55 + 5.56, claimed between the losses."""
	sale = taxed(83.33, 16.67)
	for part in (33.33, 33.33, 33.34):
		run = run_helpers.run()
		with as_user(MANAGER):
			run.set_write_off_amount(item_of(run).name, part)
		run_helpers.post(run)
		run_helpers.post(tax_run())
	assert sorted(claim.claimed_amount for claim in claims(sale)) == [5.55, 5.56, 5.56]
	assert balance_of(RELIEF) == pytest.approx(16.67)


def test_only_what_is_due_is_found() -> None:
	"""Supplied on 31 August 2025: claimable from 1 March 2026, until its last day."""
	sale = taxed(100, 20, posting_date="2025-08-31", due_date="2025-08-31")
	run_helpers.post(run_helpers.run(posting_date="2025-12-31", cutoff_date="2025-12-31"))

	def found(day: str) -> list[tuple[str, float]]:
		run = tax_run(from_date=day, to_date=day, posting_date=day)
		return [(item.status, item.write_off_amount) for item in run_helpers.items(run).values()]

	assert found("2026-02-28") == []
	assert found("2026-03-01") == [("Open", 20)]
	frappe.db.set_value("Write-Off Tax Claim", claims(sale)[0].name, "lapses_on", "2026-05-31")
	assert found("2026-05-31") == [("Open", 20)]
	assert found("2026-06-01") == [("Excluded", 0)]


def test_a_claim_without_its_notice_is_excluded() -> None:
	use_rule("United Arab Emirates: bad debt relief")
	written_off(1000, 50, 0)
	run = tax_run()
	item = item_of(run)
	assert (item.status, item.message) == ("Excluded", "Still missing: Notice Sent On.")
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="No claims are selected"):
		run.submit()


def test_what_changed_since_the_search_is_skipped() -> None:
	sale = written_off()
	run = tax_run()
	[claim] = claims(sale)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).reinstate([claim.item], {claim.item: 70}, TODAY)
		assert run.preview_entries()["skipped_count"] == 1
	run_helpers.post(run)
	assert (item_of(run).status, entries(run)) == ("Skipped", [])


def test_limits_and_the_second_approver() -> None:
	written_off()
	run_helpers.settings(
		require_second_approver=1, limits=[{"role": "Accounts Manager", "max_item_amount": 50}]
	)
	run = tax_run(who=PREPARER)
	with as_user(MANAGER), pytest.raises(frappe.PermissionError, match="over your limit"):
		run.submit()
	run_helpers.settings(limits=[])
	run = tax_run(who=MANAGER)
	with as_user(MANAGER), pytest.raises(frappe.PermissionError, match="second approver"):
		run.submit()
	assert claims()[0].status == "Claimable"


def test_limits_by_share_do_not_apply_to_claims() -> None:
	"""A claim is 17 % of its invoice. The limits by amount apply, and the roles with a sufficient one are named."""
	written_off(1000, 200, 0)
	share = {"max_share": 5}
	run_helpers.settings(
		limits=[
			{"role": "Accounts User", "max_item_amount": 50, **share},
			{"role": "Accounts Manager", "max_item_amount": 500, **share},
		]
	)
	run = tax_run(who=PREPARER)
	assert (item_of(run).selected, item_of(run).reason_code) == (0, "over_item_limit")
	assert "The limit of Accounts Manager is sufficient." in item_of(run).message
	run_helpers.post(run.reload())
	assert run.status == "Posted"


def test_the_second_approver_of_a_tax_run() -> None:
	written_off()
	run_helpers.settings(require_second_approver=1)
	run = tax_run(who=PREPARER)
	run_helpers.post(run)
	assert (run.status, run.submitted_by) == ("Posted", MANAGER)


def test_a_changed_item_is_not_posted() -> None:
	written_off()
	run = tax_run()
	frappe.flags.in_test = False
	try:
		with as_user(MANAGER):
			run.submit()
	finally:
		frappe.flags.in_test = True
	frappe.db.set_value("Write-Off Run Item", item_of(run).name, "write_off_amount", 90)
	from ar_writeoff.posting.service import post_run

	post_run(run.name)
	assert (item_of(run).status, entries(run)) == ("Skipped", [])


def test_users_find_the_claims_of_their_customers() -> None:
	taxed(100, 20)
	taxed(100, 20, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	bound = user("tax.clerk@example.com", "Accounts Manager", "Accounts User")
	permit(bound, "Customer", "Anchor Cafe")
	run = tax_run(who=bound)
	assert [item.customer for item in run_helpers.items(run).values()] == ["Anchor Cafe"]
	whole = tax_run()
	with as_user(bound):
		assert len(whole.get_items()["items"]) == 1
		assert whole.name not in frappe.get_list("Write-Off Tax Run", pluck="name")


def test_a_company_without_a_rule_has_no_tax_runs() -> None:
	run_helpers.settings(tax_rule=None)
	invoice("Anchor Cafe", 100, "2025-01-01")
	with pytest.raises(frappe.ValidationError, match="has no tax rule"):
		tax_run()


def test_the_dates_of_a_run() -> None:
	with pytest.raises(frappe.ValidationError, match="in the return period"):
		tax_run(posting_date="2026-07-01")
	with pytest.raises(frappe.ValidationError, match="ends before it begins"):
		tax_run(to_date="2026-05-31")


@pytest.mark.parametrize(
	"method", ["find_invoices", "cancel_search", "hold_balances", "reinstate", "set_write_off_amount"]
)
def test_what_a_tax_run_has_not_cannot_be_called(method: str) -> None:
	run = tax_run()
	with pytest.raises(frappe.PermissionError):
		run.is_whitelisted(method)
	assert account("VAT on Bad Debts") == RELIEF


def test_limits_of_write_offs_leave_claims_out() -> None:
	"""What was claimed of a customer is no write-off of the month."""
	written_off()
	run_helpers.post(tax_run())
	run_helpers.settings(limits=[{"role": "Accounts Manager", "max_customer_month_amount": 750}])
	invoice("Anchor Cafe", 50, "2025-01-01")
	run = run_helpers.post(run_helpers.run())
	assert run.status == "Posted"


def test_dimensions_of_the_write_off() -> None:
	"""Cost center and project of each invoice, on both sides of the entry."""
	for pier, amount, tax in (("North Pier", 100, 20), ("South Pier", 50, 10)):
		taxed(amount, tax, cost_center=cost_center(pier), project=project() if amount == 50 else None)
	run_helpers.post(run_helpers.run())
	[entry] = entries(run_helpers.post(tax_run()))
	rows = frappe.get_all(
		"GL Entry",
		{"voucher_no": entry, "is_cancelled": 0},
		["account", "cost_center", "project", "debit", "credit"],
		order_by="account asc, cost_center asc",
	)
	assert [
		(row.account, row.cost_center, row.project or "", row.debit, row.credit)
		for row in rows
		if row.account == LOSS
	] == [
		(LOSS, cost_center("North Pier"), "", 0, 20),
		(LOSS, cost_center("South Pier"), project(), 0, 10),
	]
	assert sorted((row.project or "", row.debit) for row in rows if row.account == RELIEF) == [
		("", 20),
		(project(), 10),
	]


def test_a_closed_accounting_period() -> None:
	sale = written_off()
	run = tax_run()
	period = accounting_period("2026-06-01", "2026-06-30")
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=period.name):
		run.submit()
	with pytest.raises(frappe.ValidationError, match=period.name):
		tax_run()
	assert (claims(sale)[0].status, entries(run)) == ("Claimable", [])
	run_helpers.post(tax_run(**JULY))
	assert claims(sale)[0].status == "Claimed"


def test_an_old_claim_after_an_edit_of_its_rule() -> None:
	"""The entry of a claim keeps the relief account that it was created with, also in its repayment."""
	sale = written_off()
	use_rule(**{account("VAT"): account("VAT")})
	run_helpers.post(tax_run())
	[claim] = claims(sale)
	assert (claim.relief_account, balance_of(RELIEF)) == (RELIEF, 100)
	use_rule().db_set("disabled", 1)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).cancel()
	run_helpers.post(tax_run())
	assert (claims(sale)[0].status, balance_of(RELIEF)) == ("Repaid", 0)


def test_many_claims_are_updated_in_one_statement() -> None:
	sales = [taxed(100, 20 + number) for number in range(5)]
	run_helpers.post(run_helpers.run())
	run = tax_run()
	queries = count_queries(lambda: run_helpers.post(run))
	updates = [query for query in queries if query.upper().startswith("UPDATE `TABWRITE-OFF TAX CLAIM`")]
	assert sum(queries[query] for query in updates) == 1
	assert [claims(sale)[0].claimed_amount for sale in sales] == [20, 21, 22, 23, 24]
