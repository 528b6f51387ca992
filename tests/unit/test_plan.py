"""From items to balanced entries: debit, credit, and the division into entries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest

from ar_writeoff.core.set_off import SetOff, Voucher
from ar_writeoff.posting.rules import (
	BATCH,
	CUSTOMER,
	INVOICE,
	MAX_ROWS_PER_ENTRY,
	EntryPlan,
	PlanItem,
	Row,
	SetOffRow,
	batches,
	plan_entries,
	receivable_rows,
	set_off_vouchers,
)
from tests.unit.app_files import select_options
from tests.unit.tables import rows


def item(name: str, amount: str = "10.00", **more: object) -> PlanItem:
	values: dict[str, object] = {
		"name": name,
		"voucher_type": "Sales Invoice",
		"voucher_no": f"INV-{name}",
		"customer": "Anchor Cafe",
		"receivable_account": "Debtors",
		"currency": "USD",
		"amount": Decimal(amount),
		"base_amount": Decimal(amount),
		"offset_account": "Bad Debt Expense",
		"receivable_dimensions": (("cost_center", "Main"),),
		"offset_shares": (((("cost_center", "Main"),), Decimal(1)),),
	}
	return PlanItem(**{**values, **more})  # type: ignore[arg-type]


def items_of(text: str) -> list[PlanItem]:
	"""Items from a table; every column is optional but `item` and `amount`."""
	result = []
	for row in rows(text):
		dimensions = tuple((field, row[field]) for field in ("cost_center", "project") if row.get(field))
		more: dict[str, object] = {
			"receivable_dimensions": dimensions,
			"offset_shares": ((dimensions, Decimal(1)),),
		}
		if row.get("base"):
			more["base_amount"] = Decimal(row["base"])
		for column, field in (
			("customer", "customer"),
			("account", "receivable_account"),
			("currency", "currency"),
			("offset", "offset_account"),
			("book", "finance_book"),
		):
			if row.get(column):
				more[field] = row[column]
		result.append(item(row["item"], row["amount"], **more))
	return result


def plan(items: Sequence[PlanItem], **more: object) -> list[EntryPlan]:
	return plan_entries(items, company_currency="USD", **more)  # type: ignore[arg-type]


def ledger(entry: EntryPlan) -> list[tuple[str, ...]]:
	"""(account, customer, reference, cost center, debit, credit) of each row, in company currency."""
	return [
		(
			row.account,
			row.customer,
			row.reference_name,
			dict(row.dimensions).get("cost_center", ""),
			str(row.base_amount) if row.base_amount > 0 else "",
			str(-row.base_amount) if row.base_amount < 0 else "",
		)
		for row in entry.rows
	]


def expected(text: str) -> list[tuple[str, ...]]:
	return [
		tuple(row[key] for key in ("account", "customer", "against", "cost_center", "debit", "credit"))
		for row in rows(text)
	]


# ------------------------------------------------------------------------------------------- one entry


def test_debit_balances_are_credited_and_the_expense_debited_in_one_row() -> None:
	[entry] = plan(
		items_of("""
			item  customer        amount
			1     Anchor_Cafe      10.00
			2     Breakwater_Bar    5.50
		""")
	)
	assert ledger(entry) == expected("""
		account           customer        against  cost_center  debit  credit
		----------------  --------------  -------  -----------  -----  ------
		Debtors           Anchor_Cafe     INV-1    -            -      10.00
		Debtors           Breakwater_Bar  INV-2    -            -       5.50
		Bad_Debt_Expense  -               -        -            15.50  -
	""")
	assert (entry.total, entry.difference, entry.items) == (Decimal("15.50"), 0, ("1", "2"))


def test_credit_balances_are_debited_and_the_income_credited() -> None:
	[entry] = plan(
		items_of("""
			item  amount  offset
			1      -7.00  Credit_Balances_Written_Off
			2      -3.00  Credit_Balances_Written_Off
		""")
	)
	assert ledger(entry) == expected("""
		account                      customer     against  cost_center  debit  credit
		---------------------------  -----------  -------  -----------  -----  ------
		Debtors                      Anchor_Cafe  INV-1    -            7.00   -
		Debtors                      Anchor_Cafe  INV-2    -            3.00   -
		Credit_Balances_Written_Off  -            -        -            -      10.00
	""")
	assert (entry.total, entry.difference) == (Decimal("10.00"), 0)


OWN, OLDER = Voucher("Sales Invoice", "INV-1"), Voucher("Sales Invoice", "INV-0")
CREDIT_NOTE, PAYMENT = Voucher("Sales Invoice", "CN-1"), Voucher("Payment Entry", "PE-1")
SET_OFFS = (
	SetOff("Debtors", CREDIT_NOTE, OLDER, Decimal("7.00")),
	SetOff("Debtors", CREDIT_NOTE, OWN, Decimal("3.00")),
	SetOff("Debtors", PAYMENT, OWN, Decimal("2.00")),
)


def test_only_credit_notes_are_set_off_by_rows() -> None:
	assert set_off_vouchers(SET_OFFS, OWN) == (
		SetOffRow(CREDIT_NOTE, "Debtors", Decimal("7.00"), ()),
		SetOffRow(OLDER, "Debtors", Decimal("-7.00"), ()),
		SetOffRow(CREDIT_NOTE, "Debtors", Decimal("3.00"), ()),
	)
	assert set_off_vouchers(SET_OFFS[2:], OWN) == ()


def test_credit_notes_settle_the_invoice_and_an_older_one_in_the_entry_of_the_write_off() -> None:
	one = item("1", set_offs=SET_OFFS, set_off_rows=set_off_vouchers(SET_OFFS, OWN))
	[entry] = plan([one])
	assert ledger(entry) == expected("""
		account           customer     against  cost_center  debit  credit
		----------------  -----------  -------  -----------  -----  ------
		Debtors           Anchor_Cafe  INV-1    Main         -      13.00
		Debtors           Anchor_Cafe  CN-1     -             7.00  -
		Debtors           Anchor_Cafe  INV-0    -            -       7.00
		Debtors           Anchor_Cafe  CN-1     -             3.00  -
		Bad_Debt_Expense  -            -        Main         10.00  -
	""")
	assert (entry.difference, entry.items) == (0, ("1",))
	seven = Decimal("7.00")
	assert entry.rows[1] == Row(
		"Debtors", "USD", seven, seven, "Anchor Cafe", "Sales Invoice", "CN-1", (), "1"
	)
	assert entry.rows[0].amount == Decimal("-13.00")
	south = (("cost_center", "South"),)
	of_south = SetOffRow(CREDIT_NOTE, "Debtors", seven, south)
	assert [row.dimensions for row in receivable_rows(item("1", set_off_rows=(of_south,)))][1:] == [south]
	assert (item("1").set_offs, item("1").set_off_rows, item("1").settled_by_rows.is_zero()) == ((), (), True)


def test_shares_of_the_same_dimensions_are_one_row() -> None:
	north, south = (("cost_center", "North"),), (("cost_center", "South"),)
	shares = ((north, Decimal(1)), (south, Decimal(1)), (north, Decimal(2)))
	assert item("1", "8.00", offset_shares=shares).offset_parts == {
		("Bad Debt Expense", north): Decimal("6.00"),
		("Bad Debt Expense", south): Decimal("2.00"),
	}


def test_half_a_cent_is_rounded_up_for_the_first_share() -> None:
	shares = (((("cost_center", "North"),), Decimal(1)), ((("cost_center", "South"),), Decimal(1)))
	assert list(item("1", "0.05", offset_shares=shares).offset_parts.values()) == [
		Decimal("0.03"),
		Decimal("0.02"),
	]


def test_the_rows_of_set_offs_count_for_the_length_of_an_entry() -> None:
	one = item("1", set_off_rows=set_off_vouchers(SET_OFFS, OWN))
	assert [len(entry.rows) for entry in plan([one, item("2")], rows_per_entry=6)] == [6]
	assert [len(entry.rows) for entry in plan([one, item("2")], rows_per_entry=5)] == [5, 2]


def test_the_expense_is_summed_per_cost_center() -> None:
	[entry] = plan(
		items_of("""
			item  amount  cost_center
			1      10.00  North_Pier
			2       4.00  South_Pier
			3       1.00  North_Pier
		""")
	)
	assert ledger(entry) == expected("""
		account           customer     against  cost_center  debit  credit
		----------------  -----------  -------  -----------  -----  ------
		Debtors           Anchor_Cafe  INV-1    North_Pier   -      10.00
		Debtors           Anchor_Cafe  INV-2    South_Pier   -       4.00
		Debtors           Anchor_Cafe  INV-3    North_Pier   -       1.00
		Bad_Debt_Expense  -            -        North_Pier   11.00  -
		Bad_Debt_Expense  -            -        South_Pier    4.00  -
	""")


def test_every_dimension_and_every_offset_account_has_its_own_expense_row() -> None:
	[entry] = plan(
		items_of("""
			item  amount  cost_center  project  offset
			1      10.00  North        -        Bad_Debt
			2      10.00  North        Refit    Bad_Debt
			3      10.00  North        Refit    Allowance
			4      10.00  North        Refit    Allowance
		""")
	)
	offset_rows = [row for row in entry.rows if not row.item]
	assert [(row.account, dict(row.dimensions).get("project"), str(row.amount)) for row in offset_rows] == [
		("Bad Debt", None, "10.00"),
		("Bad Debt", "Refit", "10.00"),
		("Allowance", "Refit", "20.00"),
	]


def test_foreign_balance_leaves_in_both_currencies_and_the_expense_is_in_company_currency() -> None:
	[entry] = plan(
		items_of("""
			item  account      currency  amount  base
			1     Debtors_EUR  EUR       10.00   11.37
			2     Debtors_EUR  EUR        3.00    3.30
		""")
	)
	assert [(row.account, row.currency, str(row.amount), str(row.base_amount)) for row in entry.rows] == [
		("Debtors EUR", "EUR", "-10.00", "-11.37"),
		("Debtors EUR", "EUR", "-3.00", "-3.30"),
		("Bad Debt Expense", "USD", "14.67", "14.67"),
	]
	assert entry.rows[0].exchange_rate == Decimal("1.137000000")
	assert entry.rows[2].exchange_rate == 1


def test_three_times_four_seventy_are_fourteen_ten() -> None:
	[entry] = plan([item(str(number), "4.70") for number in range(3)])
	assert (entry.total, entry.difference) == (Decimal("14.10"), 0)


@pytest.mark.parametrize(
	("amount", "base", "exact"),
	[
		("10.00", "11.37", True),
		("3.00", "1.00", True),  # three times 0.333333333 is 0.999999999, a cent once rounded
		("10000000.00", "3333333.33", True),
		("100000000000.00", "33333333333.33", False),  # nine decimals of a rate do not reach that far
	],
)
def test_rate_gives_the_carrying_value_back(amount: str, base: str, exact: bool) -> None:
	row = Row("Debtors", "EUR", -Decimal(amount), -Decimal(base))
	assert row.rate_is_exact(2) is exact


# ------------------------------------------------------------------------------------- several entries


def sizes(plans: list[EntryPlan]) -> list[int]:
	return [len(entry.rows) for entry in plans]


@pytest.mark.parametrize(
	("count", "rows_per_entry", "expected_rows"),
	[
		(1, 100, [2]),
		(98, 100, [99]),
		(99, 100, [100]),  # 99 receivable rows and the expense
		(100, 100, [100, 2]),
		(250, 100, [100, 100, 53]),
		(250, 500, [100, 100, 53]),  # never more than ERPNext submits at once
		(10, 4, [4, 4, 4, 2]),
		(3, 2, [2, 2, 2]),
		(3, 1, [2, 2, 2]),  # an entry has two sides
		(3, 0, [2, 2, 2]),
	],
)
def test_rows_per_entry(count: int, rows_per_entry: int, expected_rows: list[int]) -> None:
	plans = plan([item(str(number)) for number in range(count)], rows_per_entry=rows_per_entry)
	assert sizes(plans) == expected_rows
	assert [name for entry in plans for name in entry.items] == [str(number) for number in range(count)]


def test_no_items_no_entries() -> None:
	assert plan([]) == []


def test_many_dimensions_make_more_entries_never_a_longer_one() -> None:
	"""250 items, each with a cost center of its own: 50 items and 50 expense rows fill an entry."""
	own = [
		item(str(number), receivable_dimensions=dimension, offset_shares=((dimension, Decimal(1)),))
		for number in range(250)
		for dimension in [(("cost_center", f"CC {number}"),)]
	]
	assert sizes(plan(own)) == [100] * 5


CUSTOMERS = """
	item  customer        amount  book
	1     Anchor_Cafe     10.00   -
	2     Breakwater_Bar  10.00   -
	3     Anchor_Cafe     10.00   -
	4     Breakwater_Bar  10.00   Tax
	5     Anchor_Cafe     10.00   Tax
	6     Anchor_Cafe     10.00   Tax
"""


@pytest.mark.parametrize(
	("entries_per", "entries"),
	[
		("Batch", [("1", "2", "3"), ("4", "5", "6")]),
		("Customer", [("1", "3"), ("2",), ("4",), ("5", "6")]),
		("Invoice", [("1",), ("2",), ("3",), ("4",), ("5",), ("6",)]),
	],
)
def test_entries_per_batch_customer_or_invoice(entries_per: str, entries: list[tuple[str, ...]]) -> None:
	"""The finance book is a field of the entry, so items of different ones are in different entries."""
	plans = plan(items_of(CUSTOMERS), entries_per=entries_per)
	assert [entry.items for entry in plans] == entries
	assert {entry.finance_book for entry in plans} == {"", "Tax"}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_items_entries_are_balanced_and_complete(seed: int) -> None:
	rng = random.Random(seed)
	items = [
		item(
			str(number),
			f"{rng.randint(-99_999, 99_999) or 1}e-2",
			customer=f"Customer {rng.randint(1, 9)}",
			currency=rng.choice(["USD", "EUR"]),
			base_amount=Decimal(rng.randint(-99_999, 99_999) or 1) / 100,
			offset_account=rng.choice(["Bad Debt", "Allowance"]),
			offset_shares=(((("cost_center", f"CC {rng.randint(1, 30)}"),), Decimal(1)),),
			finance_book=rng.choice(["", "", "Tax"]),
		)
		for number in range(rng.randint(1, 400))
	]
	limit = rng.choice([2, 3, 10, 50, 100])
	plans = plan(items, rows_per_entry=limit, entries_per=rng.choice(["Batch", "Customer", "Invoice"]))
	for entry in plans:
		assert entry.difference == 0
		assert 2 <= len(entry.rows) <= min(limit, MAX_ROWS_PER_ENTRY)
	posted = Counter(
		(row.item, -row.amount, -row.base_amount) for entry in plans for row in entry.rows if row.item
	)
	assert posted == Counter((one.name, one.amount, one.base_amount) for one in items)


# --------------------------------------------------------------------------------------------- credits


@pytest.mark.parametrize(
	("voucher_type", "amount", "alone"),
	[
		("Payment Entry", "-0.50", True),
		("Journal Entry", "-0.50", True),
		("Sales Invoice", "-0.50", False),  # a return: it can be referred to
		("Payment Entry", "0.50", False),
		("Journal Entry", "0.50", False),  # owed by the customer
		("Journal Entry", "0.00", False),
	],
)
def test_a_credit_to_allocate_is_a_payment_or_journal_credit(
	voucher_type: str, amount: str, alone: bool
) -> None:
	assert item("1", amount, voucher_type=voucher_type).is_credit_to_allocate is alone


def test_a_credit_to_allocate_has_an_entry_to_itself_that_refers_to_nothing() -> None:
	payments = [item(name, "-5.00", voucher_type="Payment Entry") for name in ("1", "2")]
	debts = [item("3"), item("4")]
	first, second, third = plan([payments[0], debts[0], payments[1], debts[1]])
	assert [entry.items for entry in (first, second, third)] == [("1",), ("3", "4"), ("2",)]
	assert [entry.credit for entry in (first, second, third)] == [payments[0], None, payments[1]]
	main = (("cost_center", "Main"),)
	five = Decimal("5.00")
	assert first.rows == (
		Row("Debtors", "USD", five, five, "Anchor Cafe", "", "", main, "1"),
		Row("Bad Debt Expense", "USD", -five, -five, "", "", "", main, ""),
	)


def test_a_row_has_the_reference_of_its_voucher() -> None:
	[entry] = plan([item("1", voucher_type="Journal Entry", receivable_dimensions=(("project", "Refit"),))])
	ten = Decimal("10.00")
	assert entry == EntryPlan(
		rows=(
			Row(
				"Debtors",
				"USD",
				-ten,
				-ten,
				"Anchor Cafe",
				"Journal Entry",
				"INV-1",
				(("project", "Refit"),),
				"1",
			),
			Row("Bad Debt Expense", "USD", ten, ten, "", "", "", (("cost_center", "Main"),), ""),
		),
		finance_book="",
		credit=None,
	)


def test_what_is_not_given_is_empty() -> None:
	one = Decimal(1)
	assert Row("Debtors", "USD", one, one) == Row("Debtors", "USD", one, one, "", "", "", (), "")
	assert EntryPlan(()) == EntryPlan((), "", None)
	needed = ("1", "Sales Invoice", "INV-1", "Cafe", "Debtors", "USD", one, one, "Bad Debt")
	assert PlanItem(*needed) == PlanItem(*needed, (), (((), one),), "")


def test_ways_to_divide_are_those_of_the_settings() -> None:
	assert select_options("Write-Off Settings", "entries_per") == [BATCH, CUSTOMER, INVOICE]


def test_total_and_difference_are_amounts_of_any_size() -> None:
	assert all(isinstance(amount, Decimal) for amount in (EntryPlan(()).total, EntryPlan(()).difference))
	[entry] = plan([item("1", "0.40")])
	assert entry.total == Decimal("0.40")
	unbalanced = EntryPlan((Row("Debtors", "USD", Decimal(-1), Decimal(-1)),))
	assert (unbalanced.total, unbalanced.difference) == (0, -1)


def test_the_rate_has_nine_decimals_rounded_half_up() -> None:
	def rate(amount: str, base: str) -> str:
		return str(Row("Debtors", "EUR", Decimal(amount), Decimal(base)).exchange_rate)

	assert rate("3.00", "1.00") == "0.333333333"
	assert rate("10240.00", "10.00") == "0.000976563"  # 0.0009765625


def test_the_rate_is_exact_to_the_decimals_of_the_company() -> None:
	row = Row("Debtors", "EUR", Decimal(300_000_000), Decimal(100_000_000))
	assert row.rate_is_exact(0), "99,999,999.9 are 100,000,000 yen"
	assert not row.rate_is_exact(2)


# --------------------------------------------------------------------------------------------- batches


def pairs(text: str) -> list[tuple[str, str]]:
	"""'A1 A2 B1': item A1 of customer A, and so on."""
	return [(name, name[0]) for name in text.split()]


@pytest.mark.parametrize(
	("items", "size", "keep_customers", "expected_batches"),
	[
		("", 3, False, []),
		("A1", 3, False, ["A1"]),
		("A1 A2 B1", 3, False, ["A1 A2 B1"]),
		("A1 A2 B1 B2", 3, False, ["A1 A2 B1", "B2"]),
		("A1 A2 B1 B2", 3, True, ["A1 A2", "B1 B2"]),  # B would be divided: it begins a batch
		("A1 A2 B1 C1", 3, True, ["A1 A2 B1", "C1"]),
		("A1 B1 B2 B3 C1", 3, True, ["A1", "B1 B2 B3", "C1"]),
		("A1 A2 A3 A4 B1", 3, True, ["A1 A2 A3", "A4 B1"]),  # over the size alone: it has to be divided
		("A1 A2 A3 A4 A5 A6", 3, True, ["A1 A2 A3", "A4 A5 A6"]),
		("A1 A2", 1, False, ["A1", "A2"]),
		("A1 A2", 1, True, ["A1", "A2"]),
	],
)
def test_batches(items: str, size: int, keep_customers: bool, expected_batches: list[str]) -> None:
	made = list(batches(pairs(items), size, keep_customers=keep_customers))
	assert made == [names.split() for names in expected_batches]


def test_a_small_rest_goes_with_the_batch_before() -> None:
	def sizes(count: int, size: int) -> list[int]:
		items = [(f"A{number:04d}", "A") for number in range(count)]
		return [len(batch) for batch in batches(items, size, keep_customers=False)]

	assert sizes(100, 99) == [100]
	assert sizes(108, 99) == [108]
	assert sizes(109, 99) == [99, 10]
	assert sizes(121, 110) == [121]
	assert sizes(122, 110) == [110, 12]
	assert sizes(10_000, 99) == [99] * 100 + [100]


@pytest.mark.parametrize(
	("items", "keep_customers", "expected_batches"),
	[
		("A1 A2 B1 B2 C1", False, ["A1 A2 B1 B2", "C1"]),
		("A1 A2 B1 x1 y1", False, ["A1 A2 B1", "x1 y1"]),  # two offset rows: three items
		("x1 x2 y1 y2 A1", False, ["x1 x2 y1", "y2 A1"]),
		("A1 x1 y1 z1 z2", False, ["A1 x1", "y1 z1 z2"]),
		("A1 A2 x1 x2 B1", True, ["A1 A2", "x1 x2 B1"]),
	],
)
def test_a_batch_has_room_for_its_offset_rows(
	items: str, keep_customers: bool, expected_batches: list[str]
) -> None:
	names = items.split()
	offsets = {name: name[0] for name in names if name.islower()}
	made = list(batches(pairs(items), 4, keep_customers=keep_customers, offsets=offsets))
	assert made == [batch.split() for batch in expected_batches]


@pytest.mark.parametrize(
	("amount", "weights", "expected"),
	[
		("30.00", "10 20", "10.00 20.00"),
		("10.00", "1 1 1", "3.33 3.34 3.33"),
		("0.02", "1 1 1 1", "0.01 0.01"),
		("-0.05", "1 3", "-0.01 -0.04"),
		("100.00", "0.001 99.999", "100.00"),
		("7.00", "5", "7.00"),
	],
)
def test_c04_the_offset_side_is_divided_by_the_shares_of_the_lines(
	amount: str, weights: str, expected: str
) -> None:
	shares = tuple(
		((("cost_center", str(number)),), Decimal(weight)) for number, weight in enumerate(weights.split())
	)
	made = item("1", amount, offset_shares=shares)
	assert [str(part) for part in made.offset_parts.values()] == expected.split()
	[entry] = plan_entries([made], company_currency="USD")
	assert entry.difference == 0
	assert [str(row.base_amount) for row in entry.rows[1:]] == expected.split()


@pytest.mark.parametrize(
	("amount", "base", "rows"),
	[
		("31358023.00", "1920.46", 1),
		("51234567.00", "3137.53", 2),
		("51234567.37", "3137.53", 2),
		("-51234567.00", "-3137.53", 2),
		("500000000000.00", "11904761.90", 2),
		("40.00", "46.00", 1),
		("1000000.00", "61.24", 1),
	],
)
def test_c31_a_large_balance_of_small_units_is_cleared_by_two_rows(amount: str, base: str, rows: int) -> None:
	made = item("1", amount, currency="IDR", base_amount=Decimal(base))
	[entry] = plan_entries([made], company_currency="USD")
	own = [row for row in entry.rows if row.item]
	assert len(own) == rows and entry.items == ("1",)
	assert all(row.rate_is_exact(2) and row.amount * row.base_amount > 0 for row in entry.rows)
	assert sum(row.amount for row in own) == -Decimal(amount)
	assert sum(row.base_amount for row in own) == -Decimal(base)
	assert abs(sum(float(row.amount) for row in own)) <= abs(float(amount))
	assert {row.reference_name for row in own} == {"INV-1"}


@pytest.mark.parametrize(
	"case",
	rows("""
		amount           base       small       base_small
		---------------  ---------  ----------  ----------
		   164744856.83  815289.48  5000000.00    24744.13
		   272546350.96      60.87  4000000.00        0.98
		    20065711.31     447.86  3000000.00       66.97
		    18997548.31       0.45  2000000.00        0.06
		    17896361.63     801.19  1000000.00       44.77
		     2428863.04     88.995   500000.00      18.321
		277514141344.23     123.03  -           -
	"""),
	ids=lambda case: case["amount"],
)
def test_c31_the_smaller_row_has_the_highest_digit_with_a_rate(case: dict[str, str]) -> None:
	"""Without one the balance has a single row, whose rate is not exact."""
	made = item("1", case["amount"], currency="IDR", base_amount=Decimal(case["base"]))
	found = [(str(-row.amount), str(-row.base_amount)) for row in receivable_rows(made)]
	assert found[1:] == ([(case["small"], case["base_small"])] if case["small"] else [])
	assert sum(Decimal(base) for _amount, base in found) == Decimal(case["base"])


def test_c31_every_balance_worth_something_can_be_posted() -> None:
	rng = random.Random(31)
	for _time in range(2000):
		amount = Decimal(rng.randint(10**7, 10**11)).scaleb(-rng.choice((0, 2))).quantize(Decimal("0.01"))
		base = (amount * Decimal(str(rng.uniform(0.00001, 0.0002)))).quantize(Decimal("0.01"))
		rows = receivable_rows(item("1", str(amount), currency="VND", base_amount=base))
		assert all(row.rate_is_exact(2) for row in rows), (amount, base)
		assert sum(row.base_amount for row in rows) == -base


def test_c31_two_rows_count_for_the_length_of_an_entry() -> None:
	items = [
		item(str(number), "51234567.00", currency="IDR", base_amount=Decimal("3137.53"))
		for number in range(4)
	]
	plans = plan_entries(items, company_currency="USD", rows_per_entry=5)
	assert [len(plan.rows) for plan in plans] == [5, 5]


def test_c04_an_item_of_many_shares_has_an_entry_of_its_own_that_may_be_longer() -> None:
	shares = tuple(((("cost_center", str(number)),), Decimal(1)) for number in range(4))
	items = [item("1"), item("2", offset_shares=shares), item("3")]
	plans = plan_entries(items, company_currency="USD", rows_per_entry=3)
	assert [len(plan.rows) for plan in plans] == [2, 5, 2]
	plans = plan_entries(items[1:], company_currency="USD", rows_per_entry=3)
	assert [len(plan.rows) for plan in plans] == [5, 2]
	offsets = {"a": ("x", "y"), "b": ("y",), "c": ("z",)}
	assert list(batches(pairs("a b c"), 4, keep_customers=False, offsets=offsets)) == [
		["a", "b"],
		["c"],
	]


@pytest.mark.parametrize("keep_customers", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_batches_keep_order_and_size_and_lose_nothing(seed: int, keep_customers: bool) -> None:
	rng = random.Random(seed)
	customers = sorted(rng.choice("ABCDEFGH") for _ in range(rng.randint(0, 200)))
	items = [(f"{customer}{number:04d}", customer) for number, customer in enumerate(customers)]
	size = rng.randint(1, 99)
	made = list(batches(items, size, keep_customers=keep_customers))
	assert [name for batch in made for name in batch] == [name for name, _ in items]
	assert all(0 < len(batch) <= size + size // 10 for batch in made)
	if keep_customers:
		for customer, count in Counter(customers).items():
			touched = sum(any(name[0] == customer for name in batch) for batch in made)
			assert touched == 1 or count > size, f"{customer} fits in one batch"


def test_tax_has_rows_of_its_own() -> None:
	"""700.00 with 100.00 tax, and a balance without tax: the loss is 610.00."""
	[entry] = plan_entries(
		[
			item("1", "700.00", taxes=(("Tax to Claim", Decimal("100.00")),)),
			item("2", "10.00"),
		],
		company_currency="USD",
	)
	assert [(row.account, row.base_amount) for row in entry.rows] == [
		("Debtors", Decimal("-700.00")),
		("Debtors", Decimal("-10.00")),
		("Bad Debt Expense", Decimal("610.00")),
		("Tax to Claim", Decimal("100.00")),
	]
	assert (entry.difference, entry.items) == (0, ("1", "2"))


def test_two_taxes_on_one_account_are_one_row() -> None:
	parts = item("1", "10.00", taxes=(("Tax", Decimal("1.00")), ("Tax", Decimal("0.50")))).offset_parts
	assert list(parts.values()) == [Decimal("8.50"), Decimal("1.50")]


@pytest.mark.parametrize("sign", (1, -1))
def test_each_account_is_divided_by_the_shares_and_adds_up(sign: int) -> None:
	shares = tuple(((("cost_center", name),), Decimal(1)) for name in "ABC")
	taxes = (("Tax 1", sign * Decimal("0.05")), ("Tax 2", sign * Decimal("0.01")))
	made = item("1", str(sign * Decimal("0.40")), offset_shares=shares, taxes=taxes)
	parts: dict[str, list[Decimal]] = {}
	for (account, _dimensions), amount in made.offset_parts.items():
		assert amount * sign > 0
		parts.setdefault(account, []).append(amount * sign)
	assert parts == {
		"Bad Debt Expense": [Decimal("0.11"), Decimal("0.12"), Decimal("0.11")],
		"Tax 1": [Decimal("0.02"), Decimal("0.01"), Decimal("0.02")],
		"Tax 2": [Decimal("0.01")],
	}
	[entry] = plan_entries([made], company_currency="USD")
	assert entry.difference == 0


def test_tax_rows_count_for_the_length_of_an_entry() -> None:
	taxes = (("Tax", Decimal("1.00")),)
	entries = plan_entries(
		[item(str(number), taxes=taxes) for number in range(9)], company_currency="USD", rows_per_entry=6
	)
	assert [len(entry.rows) for entry in entries] == [6, 6, 3]


def test_both_sides_may_have_the_shares_of_the_offset_side() -> None:
	shares = tuple(((("cost_center", name),), Decimal(1)) for name in "AB")
	[entry] = plan_entries(
		[item("1", "0.05", offset_shares=shares, shares_both_sides=True)], company_currency="USD"
	)
	found: dict[tuple, Decimal] = {}
	for row in entry.rows:
		found[row.dimensions] = found.get(row.dimensions, Decimal(0)) + row.base_amount
	assert len(entry.rows) == 4 and not any(found.values())
	assert entry.items == ("1",)


def test_amounts_that_cancel_each_other_make_no_row_of_zero() -> None:
	"""A claim of 70 and a repayment of 70 on one account."""
	[entry] = plan([item("1", "-70.00"), item("2", "70.00")])
	assert [(row.account, row.amount) for row in entry.rows] == [
		("Debtors", Decimal("70.00")),
		("Debtors", Decimal("-70.00")),
	]
