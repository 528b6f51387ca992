"""Reasons for exclusion by voucher kind, customer, voucher and credits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ar_writeoff.core import texts
from ar_writeoff.core.criteria import DEDUCT, IGNORE, LEAVE_OUT, NET_FIRST, Criteria, Threshold
from ar_writeoff.core.reasons import Reason
from ar_writeoff.search import rules
from ar_writeoff.search.rules import (
	AccountTotal,
	Balance,
	CustomerFacts,
	PartyFacts,
	Unrecorded,
	Verdict,
	VoucherFacts,
	WrittenOff,
	apply_customer_maximum,
	base_of_part,
	judge,
	voucher_type_blocker,
)

CUTOFF = date(2026, 6, 30)


def criteria(balance_type: str = "Debit", **more: object) -> Criteria:
	return Criteria(balance_type, CUTOFF, Decimal(25), **more)  # type: ignore[arg-type]


def balance(amount: str = "10.00", customer: str = "Cafe", **more: object) -> Balance:
	made = Balance(
		voucher_type="Sales Invoice",
		voucher_no="INV-1",
		customer=customer,
		receivable_account="Debtors",
		currency="EUR",
		posting_date=date(2026, 1, 15),
		due_date=date(2026, 2, 14),
		at_cutoff=Decimal(amount),
		base_at_cutoff=Decimal(amount),
		now=Decimal(amount),
		base_now=Decimal(amount),
	)
	return replace(made, **more)  # type: ignore[arg-type]


def reason(
	of: Balance,
	by: Criteria,
	customer: CustomerFacts = rules.NO_CUSTOMER_FACTS,
	voucher: VoucherFacts = rules.NO_VOUCHER_FACTS,
	party: PartyFacts = rules.NO_PARTY_FACTS,
) -> Reason | None:
	verdict = judge(of, by, customer, voucher, party)
	assert verdict, "it matches the criteria"
	return verdict.reason


# --------------------------------------------------------------------------------------- kinds of voucher


@pytest.mark.parametrize(
	("voucher_type", "amount", "expected"),
	[
		("Sales Invoice", "10", None),
		("Sales Invoice", "-10", None),
		("Journal Entry", "10", None),
		("Journal Entry", "-10", None),
		("Payment Entry", "-10", None),  # money that came in and was not allocated
		("Payment Entry", "0", None),
		("Payment Entry", "0.01", ("refund", {})),  # money that went out
		("Sales Order", "-10", ("on_order", {"order": "V-1"})),
		("Exchange Rate Revaluation", "10", ("revaluation", {})),
		("Dunning", "10", None),
		("Dunning", "0.50", None),
		("Dunning", "0", None),
		("Fees", "10", None),
		("Dunning", "-10", ("unknown_voucher", {"doctype": "Dunning"})),
		("Loan", "10", ("unknown_voucher", {"doctype": "Loan"})),
	],
)
def test_kind_of_voucher(voucher_type: str, amount: str, expected: tuple[str, dict[str, str]] | None) -> None:
	found = voucher_type_blocker(voucher_type, "V-1", Decimal(amount))
	assert (found and (found.code, dict(found.facts))) == expected
	assert found is None or found.link == (voucher_type, "V-1"), "it opens the voucher"


def test_kinds_that_credits_settle_and_kinds_that_are_no_credits() -> None:
	"""A credit settles what a customer can owe: all that can be written off but payments."""
	assert set(rules.INVOICE_TYPES) == set(rules.VOUCHER_TYPES) - {"Payment Entry"}
	assert rules.NO_CREDITS_OF_CUSTOMER == ("Exchange Rate Revaluation", "Invoice Discounting")
	assert all(voucher_type_blocker(kind, "V-1", Decimal(-1)) for kind in rules.NO_CREDITS_OF_CUSTOMER)


def test_the_kind_is_judged_by_the_balance_of_now() -> None:
	refund = balance(voucher_type="Payment Entry", voucher_no="PE-1")
	found = reason(refund, criteria())
	assert found == Reason("refund", (), ("Payment Entry", "PE-1"))
	assert reason(replace(refund, voucher_type="Sales Order"), criteria()) == Reason(
		"on_order", (("order", "PE-1"),), ("Sales Order", "PE-1")
	)


# -------------------------------------------------------------------- facts of customer, voucher and account

RUN = Reason("in_another_run", (("run", "WOR-7"),), ("Write-Off Run", "WOR-7"))
RECONCILIATION = Reason(
	"reconciliation_running", (("reconciliation", "PPR-1"),), ("Process Payment Reconciliation", "PPR-1")
)
CREDIT = Reason(
	"credit_available",
	(("credits", "3.00 EUR Debtors"),),
	("Payment Reconciliation", "Payment Reconciliation"),
)
THREE = AccountTotal("Debtors", "EUR", Decimal("3.00"), Decimal("3.30"))
DRAFT = Reason("draft_settles", (("doctype", "Payment Entry"), ("draft", "PE-1")), ("Payment Entry", "PE-1"))
OBSTACLE = Reason("write_off_entry", (("run", "WOR-1"),))
HELD = Reason("on_hold_without_end", (("by", "Ada"),), ("Write-Off Hold", "WOH-1"))
UNFIT = Reason("no_offset_account", (("company", "Harbour"),))

# From what comes first to what comes last. What is beside a fact is the reason that it gives.
IN_ORDER: list[tuple[dict[str, object], Reason]] = [
	({"opted_out": True}, Reason("customer_opted_out", (), ("Customer", "Cafe"))),
	({"hold": HELD}, HELD),
	({"disabled": True}, Reason("customer_disabled", (), ("Customer", "Cafe"))),
	({"frozen": True}, Reason("customer_frozen", (), ("Customer", "Cafe"))),
	(
		{"internal": True, "represents": "Nordwind"},
		Reason("internal_customer", (("represents", "Nordwind"),), ("Customer", "Cafe")),
	),
	({"blocker": OBSTACLE}, OBSTACLE),
	({"discounted": True}, Reason("discounted")),
	({"other_run": "WOR-7"}, RUN),
	({"reconciliation": "PPR-1"}, RECONCILIATION),
	({"pending": DRAFT}, DRAFT),
	({"credits": (THREE,)}, CREDIT),
	({"entry_problem": UNFIT}, UNFIT),
]


def facts(*given: dict[str, object]) -> tuple[CustomerFacts, VoucherFacts, PartyFacts]:
	values = {name: value for one in given for name, value in one.items()}

	def of(kind: type) -> dict[str, object]:
		return {name: value for name, value in values.items() if name in kind.__slots__}  # type: ignore[attr-defined]

	customer, voucher, party = of(CustomerFacts), of(VoucherFacts), of(PartyFacts)
	return CustomerFacts(**customer), VoucherFacts(**voucher), PartyFacts(**party)  # type: ignore[arg-type]


@pytest.mark.parametrize("position", range(len(IN_ORDER)), ids=[code.code for _fact, code in IN_ORDER])
def test_each_fact_has_its_reason_and_comes_before_the_ones_after_it(position: int) -> None:
	fact, expected = IN_ORDER[position]
	assert reason(balance(), criteria(), *facts(fact)) == expected
	assert reason(balance(), criteria(), *facts(*(fact for fact, _reason in IN_ORDER[position:]))) == expected


def test_without_facts_nothing_is_excluded() -> None:
	assert CustomerFacts() == CustomerFacts("", False, False, False, False, "")
	assert VoucherFacts() == VoucherFacts(False, None, None, None, False, None, None, None)
	assert PartyFacts() == PartyFacts((), (), None, ())
	assert PartyFacts().base_credit.is_zero() and PartyFacts().base_unrecorded.is_zero()
	assert reason(balance(), criteria()) is None


def test_the_discounting_is_opened_where_it_is_known() -> None:
	known = VoucherFacts(discounted=True, discounting="ID-1")
	assert reason(balance(), criteria(), voucher=known) == Reason(
		"discounted", (), ("Invoice Discounting", "ID-1")
	)
	assert reason(balance(), criteria(), voucher=VoucherFacts(discounting="ID-1")) is None


def test_a_currency_difference_comes_before_a_credit_and_after_a_reconciliation() -> None:
	residue = balance("0.00", base_now=Decimal("0.40"))
	assert reason(residue, criteria(), *facts({"credits": (THREE,)})) == Reason("base_residue")
	assert reason(residue, criteria(), *facts({"reconciliation": "PPR-1"})) == RECONCILIATION


@pytest.mark.parametrize(
	("amount", "base", "code"),
	[("10.00", "-0.01", "base_residue"), ("10.00", "0.00", "worth_nothing"), ("0.01", "0.01", None)],
)
def test_both_currencies_are_of_one_side(amount: str, base: str, code: str | None) -> None:
	found = reason(balance(amount, base_now=Decimal(base)), criteria())
	assert (found and found.code) == code
	if code == "worth_nothing":
		assert found == Reason(code, (("amount", "10.00"), ("currency", "EUR")))


def test_a_credit_worth_nothing_or_a_difference_the_other_way() -> None:
	assert reason(balance("-10.00", base_now=Decimal(0)), criteria("Credit")).code == "worth_nothing"  # type: ignore[union-attr]
	assert reason(balance("0.00", base_now=Decimal("-0.40")), criteria("Credit")) == Reason("base_residue")


def test_a_voucher_that_fits_stays_as_it_is() -> None:
	voucher = VoucherFacts(discounting="ID-1")
	assert voucher.with_problems(None, None, None) is voucher
	assert voucher.with_problems(None, None, UNFIT) == VoucherFacts(discounting="ID-1", entry_problem=UNFIT)
	assert voucher.with_problems(None, DRAFT, None) == VoucherFacts(discounting="ID-1", pending=DRAFT)
	assert voucher.with_problems(OBSTACLE, None, None) == VoucherFacts(discounting="ID-1", blocker=OBSTACLE)
	blocked = VoucherFacts(blocker=UNFIT)
	assert blocked.with_problems(OBSTACLE, None, None) == blocked, "the first one stays"


# -------------------------------------------------------------------------------------------------- credits


@pytest.mark.parametrize(
	("balance_type", "amount", "policy", "left_out"),
	[
		("Debit", "10.00", LEAVE_OUT, True),
		("Debit", "10.00", DEDUCT, False),
		("Debit", "10.00", IGNORE, False),
		("Credit", "-10.00", LEAVE_OUT, False),  # the credit itself is what is written off
	],
)
def test_a_credit_leaves_debit_balances_out(
	balance_type: str, amount: str, policy: str, left_out: bool
) -> None:
	by = criteria(balance_type, customer_credits=policy)
	found = reason(balance(amount), by, party=PartyFacts(credits=(THREE,)))
	assert found == (CREDIT if left_out else None)


@pytest.mark.parametrize(
	("balance_type", "amount", "policy", "left_out"),
	[
		("Credit", "-10.00", LEAVE_OUT, True),
		("Credit", "-10.00", DEDUCT, False),
		("Credit", "-10.00", IGNORE, False),
		("Debit", "10.00", LEAVE_OUT, False),
	],
)
def test_open_invoices_leave_credit_balances_out(
	balance_type: str, amount: str, policy: str, left_out: bool
) -> None:
	by = criteria(balance_type, customer_credits=policy)
	found = reason(balance(amount), by, party=PartyFacts(debits=(THREE,)))
	open_invoices = Reason(
		"invoices_open",
		(("debits", "3.00 EUR Debtors"),),
		("Payment Reconciliation", "Payment Reconciliation"),
	)
	assert found == (open_invoices if left_out else None)


@pytest.mark.parametrize(("threshold", "left_out"), [("0", True), ("3.29", True), ("3.30", False)])
def test_c21_a_credit_up_to_the_threshold_counts_on_neither_side(threshold: str, left_out: bool) -> None:
	by = {kind: criteria(kind, credit_threshold=Decimal(threshold)) for kind in ("Debit", "Credit")}
	both = PartyFacts(credits=(THREE,), debits=(replace(THREE, base_amount=Decimal(99)),))
	assert bool(reason(balance(), by["Debit"], party=both)) is left_out
	assert bool(reason(balance("-3.00"), by["Credit"], party=both)) is left_out


@pytest.mark.parametrize("threshold", ["0", "1.00"])
def test_c32_a_credit_that_is_zero_in_company_currency_excludes_no_invoice(threshold: str) -> None:
	worthless = AccountTotal("Debtors IDR", "IDR", Decimal("50.00"), Decimal("0.00"))
	by = {kind: criteria(kind, credit_threshold=Decimal(threshold)) for kind in ("Debit", "Credit")}
	assert reason(balance(), by["Debit"], party=PartyFacts(credits=(worthless,))) is None
	damaged = PartyFacts(credits=(worthless,), unrecorded=(unrecorded("cancelled"),))
	assert reason(balance(), by["Debit"], party=damaged)
	assert reason(balance("-3.00"), by["Credit"], party=PartyFacts(credits=(worthless,), debits=(THREE,)))


def test_c01_credits_of_all_accounts_are_named() -> None:
	advance = AccountTotal("Advances", "USD", Decimal("50.00"), Decimal("50.00"))
	found = reason(balance(), criteria(), party=PartyFacts(credits=(advance, THREE)))
	assert found and texts.message(found).startswith(
		"The customer has credits that can settle this balance: 50.00 USD on Advances, 3.00 EUR on Debtors."
	)
	assert texts.on_accounts("4.00 USD") == "4.00 USD", "of an earlier version"


def unrecorded(state: str = "draft", amount: str = "2.00", number: int = 1) -> Unrecorded:
	amounts = (Decimal(amount), Decimal(amount))
	return Unrecorded(state, "Payment Entry", f"PE-{number}", "Debtors", "EUR", CUTOFF, *amounts)


@pytest.mark.parametrize(
	("state", "code", "facts"),
	[
		("draft", "draft_of_customer", {"draft": "PE-1", "amount": "2.00 EUR"}),
		("without rows", "not_in_ledger", {"voucher": "PE-1", "amount": "2.00 EUR"}),
		("cancelled", "cancelled_in_ledger", {"voucher": "PE-1", "balance": "2.00 EUR"}),
	],
)
def test_c13_what_the_ledger_does_not_show_leaves_balances_out(
	state: str, code: str, facts: dict[str, str]
) -> None:
	party = PartyFacts(unrecorded=(unrecorded(state),))
	for balance_type, amount in (("Debit", "10.00"), ("Credit", "-10.00")):
		found = reason(balance(amount), criteria(balance_type), party=party)
		assert found and (found.code, found.link) == (code, ("Payment Entry", "PE-1"))
		assert dict(found.facts) == {"doctype": "Payment Entry", **facts}
		for policy in (DEDUCT, IGNORE):
			by = criteria(balance_type, customer_credits=policy)
			assert reason(balance(amount), by, party=party) is None


def test_c13_damage_comes_before_credits_and_credits_before_drafts() -> None:
	for states, code in (
		(("draft",), "credit_available"),
		(("cancelled", "draft"), "cancelled_in_ledger"),
		(("without rows",), "not_in_ledger"),
	):
		party = PartyFacts(credits=(THREE,), unrecorded=tuple(unrecorded(state) for state in states))
		found = reason(balance(), criteria(), party=party)
		assert found and found.code == code


@pytest.mark.parametrize(
	("states", "total"), [(("draft", "without rows"), "7.30"), (("cancelled",), "3.30"), (("draft",), "5.30")]
)
def test_c21_drafts_and_credits_without_rows_count_towards_the_threshold(
	states: tuple[str, ...], total: str
) -> None:
	party = PartyFacts(credits=(THREE,), unrecorded=tuple(unrecorded(state) for state in states))
	for threshold, left_out in ((total, False), (str(Decimal(total) - Decimal("0.01")), True)):
		by = criteria(credit_threshold=Decimal(threshold))
		assert bool(reason(balance(), by, party=party)) is left_out
	alone = PartyFacts(unrecorded=(unrecorded(),))
	assert reason(balance(), criteria(credit_threshold=Decimal(2)), party=alone) is None
	of_credits = criteria("Credit", credit_threshold=Decimal(2))
	assert reason(balance("-10.00"), of_credits, party=alone), "a refund is no credit"


DEBTS = tuple(WrittenOff(Decimal(amount), "EUR", f"INV-{amount}", "WOR-7") for amount in (9, 8, 7, 6, 5))


@pytest.mark.parametrize("policy", [LEAVE_OUT, DEDUCT, IGNORE])
def test_c02_a_credit_of_a_customer_with_debts_written_off_is_left_out(policy: str) -> None:
	party = PartyFacts(debits=(THREE,), written_off=DEBTS[:1])
	found = reason(balance("-10.00"), criteria("Credit", customer_credits=policy), party=party)
	assert found == Reason(
		"written_off_debts", (("written_off", "9 EUR WOR-7 INV-9"),), ("Write-Off Run", "WOR-7")
	)
	assert "9 EUR of INV-9, written off by WOR-7." in texts.message(found)
	assert reason(balance(), criteria(), party=party) is None, "a debit balance is no late money"


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, "; 1 more"), (5, "; 2 more")])
def test_c02_three_debts_are_named_and_the_others_counted(count: int, more: str) -> None:
	found = reason(balance("-10.00"), criteria("Credit"), party=PartyFacts(written_off=DEBTS[:count]))
	assert found and f"7 EUR of INV-7, written off by WOR-7{more}." in texts.message(found)


def test_customers_that_the_settings_include() -> None:
	for fact, setting in (
		("disabled", "include_disabled_customers"),
		("internal", "include_internal_customers"),
	):
		found = reason(balance(), criteria(**{setting: True}), CustomerFacts(**{fact: True}))  # type: ignore[arg-type]
		assert found is None


def test_c26_an_inter_company_voucher_of_a_customer_that_is_internal_no_longer() -> None:
	voucher = VoucherFacts(internal=True)
	assert reason(balance(), criteria(), voucher=voucher) == Reason(
		"internal_voucher", (), ("Sales Invoice", "INV-1")
	)
	assert reason(balance(), criteria(include_internal_customers=True), voucher=voucher) is None
	nameless = reason(balance(), criteria(), CustomerFacts(internal=True))
	assert nameless and dict(nameless.facts) == {"represents": "Cafe"}


def test_the_policy_on_credits_is_that_of_the_settings() -> None:
	assert (LEAVE_OUT, DEDUCT, IGNORE) == ("Leave Out", "Deduct", "Ignore")
	assert criteria().customer_credits == LEAVE_OUT


@pytest.mark.parametrize("balance_type", ["Debit", "Credit"])
def test_net_first_sets_off_balances_of_any_amount(balance_type: str) -> None:
	"""Debit balances that match the criteria otherwise, and credits of any age and kind, today's ones as well."""
	narrow = Criteria(
		balance_type,
		CUTOFF,
		Decimal(25),
		min_invoice_amount=Decimal(5),
		max_customer_amount=Decimal(50),
		minimum_age_days=30,
		max_original_share=Decimal(5),
		only_remainders=True,
		voucher_kind="Sales Invoice",
		thresholds=(Threshold("EUR", Decimal(5), Decimal(20)),),
		customer_credits=NET_FIRST,
		include_disabled_customers=True,
	)
	same = {"customer_credits": IGNORE, "include_disabled_customers": True}
	largest = Decimal("999999999999999.99")
	debits, credits = rules.any_amount(narrow), rules.any_credit(narrow)
	assert debits.max_invoice_amount == credits.max_invoice_amount > largest
	assert replace(debits, max_invoice_amount=largest) == Criteria(
		"Debit",
		CUTOFF,
		largest,
		minimum_age_days=30,
		voucher_kind="Sales Invoice",
		**same,  # type: ignore[arg-type]
	)
	assert replace(credits, max_invoice_amount=largest) == Criteria("Credit", date.max, largest, **same)  # type: ignore[arg-type]


def total(by: Criteria, credits: dict[str, Decimal], *of: Balance) -> list[dict[str, str] | None]:
	"""The facts of the balances excluded by the maximum per customer."""
	found = [judge(one, by) for one in of]
	judged = apply_customer_maximum([one for one in found if one], by, credits)
	return [dict(one.reason.facts) if one.reason else None for one in judged]


@pytest.mark.parametrize(
	("policy", "credit", "expected"),
	[
		(DEDUCT, "0.00", {"total": "30.00", "maximum": "20"}),
		(DEDUCT, "9.99", {"total": "20.01", "maximum": "20"}),
		(DEDUCT, "10.00", None),
		(LEAVE_OUT, "10.00", {"total": "30.00", "maximum": "20"}),
		(IGNORE, "10.00", {"total": "30.00", "maximum": "20"}),
	],
)
def test_credits_lower_the_total_of_their_customer_only(
	policy: str, credit: str, expected: dict[str, str] | None
) -> None:
	by = criteria(max_customer_amount=Decimal(20), customer_credits=policy)
	found = total(
		by,
		{"Cafe": Decimal(credit), "Hotel": Decimal(99)},
		balance("10.00"),
		balance("20.00"),
		balance("20.01", "Bar"),
		balance("5.00", "School"),
	)
	assert found == [expected, expected, {"total": "20.01", "maximum": "20"}, None]


def test_credits_do_not_lower_a_total_of_credits() -> None:
	by = criteria("Credit", max_customer_amount=Decimal(20), customer_credits=DEDUCT)
	found = total(by, {"Cafe": Decimal(10)}, balance("-20.01"))
	assert found == [{"total": "20.01", "maximum": "20"}]


def test_a_maximum_below_one_counts() -> None:
	by = criteria(max_customer_amount=Decimal("0.50"))
	assert total(by, {}, balance("0.51")) == [{"total": "0.51", "maximum": "0.50"}]


def test_without_known_credits_nothing_is_deducted() -> None:
	by = criteria(max_customer_amount=Decimal(20), customer_credits=DEDUCT)
	verdict = judge(balance("20.01"), by)
	assert verdict and [one.reason is None for one in apply_customer_maximum([verdict], by)] == [False]


def test_what_is_left_out_keeps_its_reason_where_the_customer_is_over_the_maximum() -> None:
	by = criteria(max_customer_amount=Decimal(20))
	found = [judge(balance("20.01"), by), judge(balance("5.00"), by, CustomerFacts(frozen=True))]
	judged = apply_customer_maximum([one for one in found if one], by)
	assert [one.reason and one.reason.code for one in judged] == ["customer_over_maximum", "customer_frozen"]


@pytest.mark.parametrize(
	("amount", "more", "matches"),
	[
		("10.00", {}, True),
		("25.01", {}, False),
		("-10.00", {}, False),
		("0.00", {}, False),
		("0.00", {"base_now": Decimal("0.40")}, True),
		("0.00", {"now": Decimal("10.00"), "base_now": Decimal("10.00")}, False),  # made since the cutoff
	],
)
def test_balance_type_and_amount(amount: str, more: dict[str, object], matches: bool) -> None:
	assert rules.amounts_match(balance(amount, **more), criteria()) is matches


# ---------------------------------------------------------------------------------------- parts of a balance


def test_a_part_has_its_share_of_the_base_amount_and_the_whole_has_all_of_it() -> None:
	verdict = Verdict(balance(), Decimal("3.00"), Decimal("1.00"), 120)
	assert [verdict.base_of(Decimal(part)) for part in ("3.00", "1.00", "2.00")] == [
		Decimal("1.00"),
		Decimal("0.33"),
		Decimal("0.67"),
	]
	assert base_of_part(Decimal("1.50"), Decimal("3.00"), Decimal("0.01")) == Decimal("0.01")  # half up
	assert verdict.reason is None
	nothing = Decimal("0.00")
	assert base_of_part(nothing, nothing, Decimal("0.40")) == Decimal("0.40"), "a currency difference"


def test_a_balance_is_judged_as_it_stands_in_the_list() -> None:
	verdict = judge(balance(), criteria())
	assert verdict == Verdict(balance(), Decimal("10.00"), Decimal("10.00"), 136, None, Decimal(0), ())
	without_due_date = judge(balance(due_date=None), criteria())
	assert without_due_date and without_due_date.age_days == 166
	left_out = judge(balance(), criteria(), voucher=VoucherFacts(other_run="WOR-7"))
	assert left_out and left_out.reason
	assert texts.message(left_out.reason) == "Write-Off Run WOR-7 already includes this balance."
