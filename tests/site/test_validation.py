"""Validation of fields and permissions on Settings, Reasons and runs."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import frappe
import pytest
from frappe.utils import comma_or, formatdate, today

from ar_writeoff.ar_writeoff.doctype.write_off_run.write_off_run import get_defaults
from ar_writeoff.core.criteria import FILTER_FIELDS
from ar_writeoff.criteria_document import SETTINGS_CRITERIA
from tests.site import ledger_checks, run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	NW,
	OUTSIDER,
	PREPARER,
	TODAY,
	account,
	accounting_period,
	as_user,
	close_books,
	cost_center,
	freeze_books,
	invoice,
	new_account,
	outstanding,
	permit,
	project,
	setting,
)

BAD_DEBT, CREDITS = "Bad Debt Expense", "Credit Balances Written Off"


def refusal(make: Any, **values: Any) -> str:
	"""The message of the validation error for these values."""
	with pytest.raises(frappe.ValidationError) as error:
		make(**values)
	frappe.clear_messages()
	return html.unescape(frappe.utils.strip_html(str(error.value).replace("<br>", "\n")))


def draft(**values: Any) -> Any:
	return run_helpers.run(find=False, **values)


def disabled(doctype: str, name: str) -> str:
	frappe.db.set_value(doctype, name, "disabled", 1)
	frappe.clear_document_cache(doctype, name)
	return name


# --------------------------------------------------------------------------------------------------- amounts


@pytest.mark.parametrize(
	("typed", "message"),
	[
		(None, "Enter the maximum balance to write off."),
		("", "Enter the maximum balance to write off."),
		(0, "Enter the maximum balance to write off."),
		("0", "Enter the maximum balance to write off."),
		(0.00, "Enter the maximum balance to write off."),
		(-25, "The maximum must be above 0, not -25."),
		("-0.01", "The maximum must be above 0, not -0.01."),
		("12abc", "12abc is not a number. Enter digits only, for example 25.00."),
		("abc", "abc is not a number. Enter digits only, for example 25.00."),
		("1.2.3", "1.2.3 is not a number. Enter digits only, for example 25.00."),
		("12,50", "12,50 can be read as 12.50 or 1250. Enter one of these amounts."),
		("1,250", "1,250 can be read as 1.250 or 1250. Enter one of these amounts."),
		("inf", "inf is not an amount. Enter a number, for example 25.00."),
		("nan", "nan is not an amount. Enter a number, for example 25.00."),
	],
)
def test_maximum_is_a_number_above_zero(typed, message):
	assert refusal(draft, max_invoice_amount=typed) == f"Maximum Invoice Balance: {message}"


@pytest.mark.parametrize(
	("typed", "stored"),
	[
		("25", 25),
		("1,250.50", 1250.5),
		("1.250,50", 1250.5),
		("1,23,456", 123456),
		(" 0.01 ", 0.01),
		(25.01, 25.01),
	],
)
def test_maximum_as_people_type_it(typed, stored):
	run = draft(max_invoice_amount=typed)
	assert frappe.db.get_value("Write-Off Run", run.name, "max_invoice_amount") == stored


def test_maximum_per_customer():
	assert refusal(draft, max_customer_amount="12abc").startswith(
		"Maximum Customer Total: 12abc is not a number."
	)
	assert (
		refusal(draft, max_customer_amount=-1)
		== "Maximum Customer Total: The maximum must be above 0, not -1."
	)
	assert draft(max_customer_amount="").max_customer_amount == 0


def test_age_is_not_negative():
	assert (
		refusal(draft, minimum_age_days=-1) == "Age Over (Days): Enter a number of days, 0 or more, not -1."
	)
	assert draft(minimum_age_days=137).minimum_age_days == 137, "any number, not only 30, 60, 90 and 120"


def test_a_wrong_value_on_a_saved_run_loses_nothing():
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run(max_invoice_amount=25)
	run.max_invoice_amount = "12abc"
	run.minimum_age_days = 30
	assert "12abc is not a number" in refusal(run.save)
	assert (run.max_invoice_amount, run.minimum_age_days) == ("12abc", 30), (
		"what was typed is still there to mend"
	)
	saved = frappe.get_doc("Write-Off Run", run.name)
	assert (saved.max_invoice_amount, saved.minimum_age_days, saved.found_count) == (25, 0, 1)
	assert len(run_helpers.items(run)) == 1

	saved.max_invoice_amount = "12"
	saved.save()
	assert saved.max_invoice_amount == 12


# ----------------------------------------------------------------------------- accounts, cost centers, project


@pytest.mark.parametrize(
	("name", "company", "message"),
	[
		("Other Debtors", NW, f"Account Other Debtors - NW belongs to company {NW}, not to {HL}."),
		(
			"Accounts Receivable",
			HL,
			"Account Accounts Receivable - HL is a group. Choose one below it.",
		),
		(BAD_DEBT, HL, "Account Bad Debt Expense - HL is not a Receivable account."),
	],
)
def test_receivable_account_of_a_run(name, company, message):
	assert refusal(draft, receivable_account=account(name, company)) == f"Receivable Account: {message}"


def test_receivable_account_that_is_disabled():
	name = disabled("Account", account("Other Debtors"))
	assert (
		refusal(draft, receivable_account=name)
		== "Receivable Account: Account Other Debtors - HL is disabled."
	)


def test_cost_center_and_project_of_another_company():
	center = cost_center("Ostkai", NW)
	assert (
		refusal(draft, cost_center=center)
		== f"Cost Center: Cost Center Ostkai - NW belongs to company {NW}, not to {HL}."
	)
	other = project(NW)
	assert refusal(draft, project=other) == f"Project: Project {other} belongs to company {NW}."


def settings(company: str = HL, **values: Any) -> Any:
	return run_helpers.settings(company, **values)


UNFIT = [
	("of another company", f"Account Bad Debt Expense - NW belongs to company {NW}, not to {HL}."),
	("group", "Account Indirect Expenses - HL is a group. Choose one below it."),
	("disabled", "Account Small Balances Written Off - HL is disabled."),
	("bank", "Account House Bank - HL is of type Asset. Choose an account of type Expense or Income."),
	(
		"asset",
		"Account Allowance for Doubtful Accounts - HL is of type Asset. Choose an account of type Expense or Income, or"
		" another method in the Write-Off Reason.",
	),
	("tax", "Account Sales Tax Written Off - HL is a Tax account and cannot take write-offs."),
	(
		"foreign",
		"Account Bad Debt in Euros - HL is in EUR. Choose an account in the company's currency, USD.",
	),
]


def either(*root_types: str) -> str:
	"""The root types joined as this release of Frappe joins them: with a comma or without."""
	return comma_or(root_types, add_quotes=False)


def unfit_account(kind: str) -> str:
	match kind:
		case "of another company":
			return account(BAD_DEBT, NW)
		case "group":
			return account("Indirect Expenses")
		case "disabled":
			return disabled("Account", account("Small Balances Written Off"))
		case "bank":
			return account("House Bank")
		case "asset":
			return account("Allowance for Doubtful Accounts")
		case "tax":
			return new_account("Sales Tax Written Off", "Indirect Expenses", account_type="Tax")
		case _:
			return new_account("Bad Debt in Euros", "Indirect Expenses", account_currency="EUR")


@pytest.mark.parametrize(("kind", "message"), UNFIT)
def test_bad_debt_account(kind, message):
	name = unfit_account(kind)
	message = message.replace("Expense or Income", either("Expense", "Income"))
	assert refusal(settings, bad_debt_account=name) == f"Bad Debt Account: {message}"

	# The same account in a reason, and found by a run when it became unfit after it was set.
	reason = frappe.get_doc("Write-Off Reason", "Uncollectible")
	reason.append("accounts", {"company": HL, "account": name})
	assert refusal(reason.save) == f"Write-Off Accounts: Row 1: {message}"
	run_helpers.settings()
	frappe.db.set_value("Write-Off Settings", HL, "bad_debt_account", name)
	assert refusal(draft) == f"Reason: {message}"


def test_credit_write_off_account_is_income_or_expense():
	settings(credit_write_off_account=account(CREDITS))
	settings(credit_write_off_account=account(BAD_DEBT))
	assert refusal(settings, credit_write_off_account=account("House Bank")) == (
		"Credit Write Off Account: Account House Bank - HL is of type Asset."
		f" Choose an account of type {either('Income', 'Expense')}."
	)


def test_a_reason_for_both_sides_needs_an_account_that_fits_both():
	reason = frappe.get_doc("Write-Off Reason", "Small Balance")
	assert reason.applies_to == "Both"
	reason.method = "Allowance"
	assert refusal(reason.save) == "Method: The allowance method is for debit balances only."
	reason = frappe.get_doc("Write-Off Reason", "Small Balance")
	reason.method = "Reclassify"
	reason.append("accounts", {"company": HL, "account": account(CREDITS)})
	assert refusal(reason.save) == (
		"Write-Off Accounts: Row 1: Account Credit Balances Written Off - HL is of type Income."
		f" Choose an account of type {either('Asset', 'Liability')}."
	)
	reason = frappe.get_doc("Write-Off Reason", "Small Balance")
	for company in (HL, HL):
		reason.append("accounts", {"company": company, "account": account(BAD_DEBT)})
	assert refusal(reason.save) == f"Write-Off Accounts: Row 2: Company {HL} has more than one row."


def test_cost_center_of_the_settings():
	assert refusal(settings, cost_center=cost_center("Ostkai", NW)) == (
		f"Cost Center: Cost Center Ostkai - NW belongs to company {NW}, not to {HL}."
	)
	assert refusal(settings, cost_center=f"{HL} - HL") == (
		f"Cost Center: Cost Center {HL} - HL is a group. Choose one below it."
	)
	name = disabled("Cost Center", cost_center("North Pier"))
	assert refusal(settings, cost_center=name) == "Cost Center: Cost Center North Pier - HL is disabled."


def test_numbers_of_the_settings():
	assert refusal(settings, max_invoice_amount=-1).startswith("Maximum Invoice Balance: ")
	assert refusal(settings, minimum_age_days=-1).startswith("Age Over (Days): ")
	assert refusal(settings, rows_per_entry=1) == "Rows per Journal Entry: Enter a number from 2 to 100."
	assert refusal(settings, rows_per_entry=101) == "Rows per Journal Entry: Enter a number from 2 to 100."
	disabled("Write-Off Reason", "Uncollectible")
	assert (
		refusal(settings, default_reason="Uncollectible")
		== "Default Reason: The reason Uncollectible is disabled."
	)


def test_several_problems_are_told_at_once():
	message = refusal(
		draft,
		receivable_account=account(BAD_DEBT),
		cost_center=cost_center("Ostkai", NW),
		project=project(NW),
	)
	assert [line.split(":")[0] for line in message.split("\n")] == [
		"Receivable Account",
		"Cost Center",
		"Project",
	]


# --------------------------------------------------------------------------------------------- dates and periods


def test_posting_date_in_frozen_books():
	freeze_books("2026-06-30")
	assert refusal(draft) == (
		"Posting Date: You are not authorized to add or update entries before 06-30-2026"
	)
	draft(posting_date="2026-07-01")


def test_posting_date_in_a_closed_accounting_period():
	period = accounting_period("2026-06-01", "2026-06-30").name
	message = refusal(draft)
	assert message.startswith("Posting Date: ") and f"closed Accounting Period {period}" in message
	draft(posting_date="2026-07-01")
	draft(posting_date="2026-05-31", cutoff_date="2026-05-31")


def test_an_accounting_period_closed_for_other_documents_or_another_company():
	accounting_period("2026-06-01", "2026-06-30", closed=["Sales Invoice"])
	accounting_period("2026-06-01", "2026-06-30", company=NW)
	draft()


def test_posting_date_in_a_closed_year():
	invoice("Anchor Cafe", 100, "2025-01-15")
	close_books(2025)
	frappe.db.commit()
	message = refusal(draft, posting_date="2025-12-31", cutoff_date="2025-12-31")
	assert message.startswith("Posting Date: ") and "closed" in message.lower()
	draft(posting_date="2026-01-01", cutoff_date="2025-12-31")


def test_posting_date_without_a_fiscal_year():
	message = refusal(draft, posting_date="2023-12-31", cutoff_date="2023-12-31")
	assert message.startswith("Posting Date: ") and "Fiscal Year" in message


def test_posting_date_before_the_cutoff():
	assert refusal(draft, cutoff_date="2026-07-01").startswith(
		f"Posting Date: The posting date {formatdate('2026-06-30')} must not be before the cutoff date"
		f" {formatdate('2026-07-01')}."
	)
	draft(cutoff_date="2026-06-30")


def test_books_frozen_after_the_draft_was_saved():
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	freeze_books("2026-06-30")
	frappe.db.commit()
	with as_user(MANAGER):
		assert refusal(run.submit).startswith("Posting Date: ")
	frappe.db.rollback()
	run.reload()
	assert (run.docstatus, run.status, run.selected_count, outstanding(one)) == (0, "Draft", 1, 10)


# ---------------------------------------------------------------------------------------------------- reasons


def test_reason_that_is_disabled_or_for_the_other_side():
	assert refusal(draft, reason="Unclaimed Credit") == (
		"Reason: The reason Unclaimed Credit is for Credit balances, this run is for Debit balances."
	)
	settings(credit_write_off_account=account(CREDITS))
	assert refusal(draft, reason="Uncollectible", balance_type="Credit") == (
		"Reason: The reason Uncollectible is for Debit balances, this run is for Credit balances."
	)
	draft(reason="Small Balance", balance_type="Credit")
	disabled("Write-Off Reason", "Small Balance")
	assert refusal(draft, reason="Small Balance") == "Reason: The reason Small Balance is disabled."


def test_no_account_to_write_off_to():
	run_helpers.settings(bad_debt_account=None)
	frappe.db.set_value("Company", HL, "write_off_account", None)
	frappe.clear_document_cache("Company", HL)
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	assert refusal(run.submit) == (
		f"No offset account is set. Enter one in the Write-Off Reason or in the Write-Off Settings of {HL}."
	)
	assert refusal(run.preview_entries).startswith("No offset account is set.")


def test_nothing_selected():
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	run.set_selection(selected=False)
	assert refusal(run.submit).startswith("No balances are selected.")


# --------------------------------------------------------------------------------------------------- defaults


def from_settings(**values: Any) -> Any:
	"""A run with the minimum of fields, as created by a script."""
	run_helpers.settings(
		max_invoice_amount=50, minimum_age_days=60, ageing_based_on="Posting Date", default_reason="Rounding Difference"
	)  # fmt: skip
	return frappe.get_doc({"doctype": "Write-Off Run", "company": HL, **values}).insert()


def test_defaults_come_from_the_settings_and_dates_are_today():
	run = from_settings()
	assert (run.max_invoice_amount, run.minimum_age_days, run.ageing_based_on, run.reason) == (
		50,
		60,
		"Posting Date",
		"Rounding Difference",
	)
	assert (str(run.cutoff_date), str(run.posting_date)) == (today(), today())
	assert (run.balance_type, run.status, run.docstatus) == ("Debit", "Draft", 0)


def test_defaults_for_a_run_made_with_new_doc():
	run_helpers.settings(max_invoice_amount=50, minimum_age_days=60, ageing_based_on="Posting Date")
	run = frappe.new_doc("Write-Off Run", company=HL, reason="Small Balance").insert()
	assert (run.max_invoice_amount, run.minimum_age_days, run.ageing_based_on) == (50, 60, "Posting Date")


def test_every_default_can_be_overridden():
	run = from_settings(
		max_invoice_amount=7.5,
		minimum_age_days=0,
		ageing_based_on="Due Date",
		reason="Uncollectible",
		cutoff_date="2026-03-31",
		posting_date=TODAY,
	)
	assert (run.max_invoice_amount, run.minimum_age_days, run.ageing_based_on, run.reason) == (
		7.5,
		0,
		"Due Date",
		"Uncollectible",
	)
	assert (str(run.cutoff_date), str(run.posting_date)) == ("2026-03-31", TODAY)


def test_a_maximum_typed_wrong_is_never_replaced_by_the_default():
	assert (
		refusal(from_settings, max_invoice_amount=0)
		== "Maximum Invoice Balance: Enter the maximum balance to write off."
	)
	assert "12abc is not a number" in refusal(from_settings, max_invoice_amount="12abc")


@pytest.fixture
def other_defaults() -> None:
	"""A default of the site for each optional filter; ERPNext sets the first four."""
	setting("Selling Settings", customer_group="Trade Retail", territory="US East")
	for key, value in {
		"currency": "EUR",
		"customer_group": "Schools",
		"territory": "US West",
		"item_group": "Newsletters",
		"cost_center": cost_center("North Pier"),
		"project": project(),
		"company": HL,
	}.items():
		frappe.db.set_default(key, value)
	clear_data_caches()


def test_defaults_of_the_user_never_narrow_a_search(other_defaults: None):
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	for run in (from_settings(max_invoice_amount=100, minimum_age_days=0, reason="Small Balance"), draft()):
		assert [run.get(field) for field in FILTER_FIELDS] == [None] * len(FILTER_FIELDS)
		run.find_invoices()
		assert set(run_helpers.items(run)) == {one.name}
	run = from_settings(currency="USD", customer_group="Trade", reason="Small Balance")
	assert (run.currency, run.customer_group, run.territory) == ("USD", "Trade", None)


@pytest.mark.parametrize("in_import", [False, True])
@pytest.mark.parametrize("doctype", ["Write-Off Run", "Write-Off Schedule"])
def test_a_new_document_has_the_criteria_of_the_settings(doctype: str, in_import: bool, other_defaults: None):
	"""Created over REST, or with frappe.new_doc in a script or by the Data Import."""
	run_helpers.settings(
		max_invoice_amount=50, minimum_age_days=60, ageing_based_on="Posting Date", default_reason="Small Balance"
	)  # fmt: skip
	values = {"schedule_name": f"Monthly {in_import}"} if doctype == "Write-Off Schedule" else {}
	frappe.flags.in_import = in_import
	try:
		docs = [frappe.new_doc(doctype, **values)]
		if not in_import:
			docs.append(frappe.get_doc({"doctype": doctype, "company": HL, **values}))
		for doc in docs:
			doc.insert()
			assert doc.company == HL
			assert [doc.get(field) for field in FILTER_FIELDS] == [None] * len(FILTER_FIELDS)
			assert [doc.get(field) for field in SETTINGS_CRITERIA] == [
				"Small Balance",
				50,
				60,
				"Posting Date",
			]
			assert not doc.get("time")
			doc.delete()
	finally:
		frappe.flags.in_import = False


def test_a_schedule_takes_no_reason_that_schedules_cannot_use():
	run_helpers.settings(max_invoice_amount=50, default_reason="Uncollectible")
	assert get_defaults(HL)["reason"] == "Uncollectible"
	assert get_defaults(HL, "Write-Off Schedule")["reason"] is None
	schedule = {"doctype": "Write-Off Schedule", "schedule_name": "Monthly", "company": HL}
	with pytest.raises(frappe.MandatoryError, match="reason"):
		frappe.get_doc(schedule).insert()


# ------------------------------------------------------------------------------------------------- permissions


def denied(do: Any, *args: Any, **values: Any) -> None:
	with pytest.raises(frappe.PermissionError):
		do(*args, **values)
	frappe.clear_messages()


def as_seen_by(user: str, run: Any) -> Any:
	"""The run as loaded in the form of this user."""
	frappe.set_user(user)
	return frappe.get_doc("Write-Off Run", run.name)


def methods(run: Any) -> list[Callable]:
	return [
		run.check_permission,
		run.save,
		run.submit,
		run.find_invoices,
		run.set_selection,
		run.preview_entries,
		run.get_items,
		run.get_summary,
		run.get_progress,
	]


def test_without_a_role_nothing_can_be_done():
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	frappe.db.commit()
	mine = as_seen_by(OUTSIDER, run)
	for do in methods(mine):
		denied(do)
	denied(draft, user=OUTSIDER)
	denied(get_defaults, HL)
	denied(frappe.get_list, "Write-Off Run Item")


def test_accounts_user_prepares_and_does_not_submit():
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run(user=PREPARER)
	frappe.db.commit()
	mine = as_seen_by(PREPARER, run)
	mine.find_invoices()
	mine.set_selection(selected=True)
	assert mine.preview_entries()["item_count"] == 1
	assert get_defaults(HL)["max_invoice_amount"] == 0
	denied(mine.submit)
	frappe.db.rollback()
	frappe.set_user("Administrator")
	assert outstanding(one) == 10
	assert frappe.db.get_value("Write-Off Run", run.name, ["docstatus", "status"]) == (0, "Draft")
	with as_user(PREPARER):
		denied(frappe.get_doc("Write-Off Settings", HL).save)
		denied(frappe.get_doc("Write-Off Reason", "Small Balance").save)


def test_auditor_reads_and_changes_nothing():
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	frappe.db.commit()
	mine = as_seen_by(AUDITOR, run)
	assert mine.get_items()["total"] == 1
	assert mine.get_summary()["found"]["count"] == 1
	assert mine.preview_entries()["item_count"] == 1
	for do in (mine.save, mine.submit, mine.find_invoices, mine.set_selection, mine.delete):
		denied(do)


def test_manager_of_another_company():
	"""With a User Permission on the other company nothing of this one is visible, for every role."""
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	permit(MANAGER, "Company", NW)
	frappe.db.commit()
	mine = as_seen_by(MANAGER, run)
	for do in methods(mine):
		denied(do)
	denied(draft)
	denied(get_defaults, HL)
	assert frappe.get_list("Write-Off Run") == []
	frappe.db.rollback()
	frappe.set_user("Administrator")
	assert outstanding(one) == 10
	ledger_checks.assert_ple_equals_gl(HL)


def test_over_http_fields_of_the_callers_copy_are_ignored(web):
	"""Methods use the document in the database, not the copy in the request."""
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	frappe.db.commit()
	client = web.session(OUTSIDER)
	sent = {**run.as_dict(no_default_fields=False), "owner": OUTSIDER}
	for method in ("find_invoices", "preview_entries", "get_items", "set_selection"):
		answer = client.post(
			f"{web.url}/api/method/run_doc_method",
			data={"docs": frappe.as_json(sent), "method": method},
			timeout=60,
		)
		assert answer.status_code == 403, f"{method}: {answer.status_code}"
	answer = client.get(f"{web.url}/api/resource/Write-Off Run/{run.name}", timeout=60)
	assert answer.status_code == 403
	assert outstanding(one) == 10
