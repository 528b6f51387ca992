"""Limits: an amount equal to a limit is within it, a balance over it is pending, the most restrictive limit applies."""

from decimal import Decimal

import pytest

from ar_writeoff.approval.rules import Authority, Claim, Limit, MonthTotals, authority_of_roles, over_limit
from ar_writeoff.core import reasons, texts


def claim(name: str, amount: str, customer: str = "Cafe", currency: str = "USD", **more: str) -> Claim:
	return Claim(
		name,
		customer,
		currency,
		Decimal(amount),
		Decimal(more.get("base", amount)),
		Decimal(more["original"]) if "original" in more else None,
	)


def codes(claims: list[Claim], *limits: Limit, month_totals: MonthTotals | None = None) -> dict[str, str]:
	found = over_limit(claims, Authority(limits=limits, limit_required=True), month_totals)
	return {name: reason.code for name, reason in found.items()}


def money(text: str) -> Decimal:
	return Decimal(text)


@pytest.mark.parametrize(
	("amount", "expected"), [("49.99", {}), ("50.00", {}), ("50.01", {"a": reasons.OVER_ITEM_LIMIT})]
)
def test_per_item(amount: str, expected: dict[str, str]) -> None:
	assert codes([claim("a", amount)], Limit("Clerk", per_item=money("50"))) == expected


@pytest.mark.parametrize(("amount", "expected"), [("10.00", {}), ("10.01", {"a": reasons.OVER_SHARE_LIMIT})])
def test_share_of_the_original_amount(amount: str, expected: dict[str, str]) -> None:
	limit = Limit("Clerk", share=money("10"))
	assert codes([claim("a", amount, original="100")], limit) == expected


def test_share_of_an_unknown_original_amount_is_not_guessed() -> None:
	assert codes([claim("a", "1")], Limit("Clerk", share=money("10"))) == {
		"a": reasons.ORIGINAL_AMOUNT_UNKNOWN
	}


@pytest.mark.parametrize(("earlier", "over"), [("39.99", False), ("40.00", False), ("40.01", True)])
def test_customer_and_month_counts_what_is_written_off_already(earlier: str, over: bool) -> None:
	claims = [claim("a", "30"), claim("b", "30"), claim("c", "99", customer="Bar")]
	found = codes(
		claims,
		Limit("Clerk", per_customer_month=money("100")),
		month_totals=MonthTotals({("Cafe", ""): money(earlier)}),
	)
	assert found == ({"a": reasons.OVER_CUSTOMER_LIMIT, "b": reasons.OVER_CUSTOMER_LIMIT} if over else {})


def test_what_is_over_by_itself_does_not_count_for_the_customer() -> None:
	claims = [claim("a", "60"), claim("b", "50")]
	limit = Limit("Clerk", per_item=money("50"), per_customer_month=money("50"))
	assert codes(claims, limit) == {"a": reasons.OVER_ITEM_LIMIT}


def test_a_run_over_its_limit_is_pending_as_a_whole() -> None:
	claims = [claim("a", "60"), claim("b", "40")]
	assert codes(claims, Limit("Clerk", per_run=money("100"))) == {}
	assert codes(claims, Limit("Clerk", per_run=money("99.99"))) == dict.fromkeys(
		"ab", reasons.OVER_RUN_LIMIT
	)


def test_a_row_with_a_currency_measures_in_it() -> None:
	claims = [claim("euro", "40", currency="EUR", base="44"), claim("dollar", "500")]
	limit = Limit("Clerk", currency="EUR", per_item=money("40"))
	everything = Limit("Clerk", per_item=money("500"))
	assert codes(claims, limit, everything) == {}
	assert codes(claims, limit) == {"dollar": reasons.NO_LIMIT}
	assert codes(claims, Limit("Clerk", per_item=money("43"))) == dict.fromkeys(
		("euro", "dollar"), reasons.OVER_ITEM_LIMIT
	)


def test_the_most_restrictive_wins() -> None:
	claims = [claim("a", "80")]
	assert codes(claims, Limit("Clerk", per_item=money("100")), Limit("Keeper", per_item=money("79"))) == {
		"a": reasons.OVER_ITEM_LIMIT
	}


def test_caps_only_restrict() -> None:
	cap = (Limit("Schedule", per_item=money("10")),)
	assert over_limit([claim("a", "10")], Authority(caps=cap)) == {}
	assert set(over_limit([claim("a", "10.01")], Authority(caps=cap))) == {"a"}
	assert set(over_limit([claim("a", "1")], Authority(caps=cap, limit_required=True))) == {"a"}


ROWS = [Limit("Accounts User", per_item=Decimal(50)), Limit("Accounts Manager", per_item=Decimal(500))]


@pytest.mark.parametrize(
	("roles", "maximum"),
	[
		(["Accounts User"], 50),
		(["Accounts User", "Accounts Manager"], 500),
		(["Accounts Manager"], 500),
		(["Auditor"], 0),
	],
)
def test_roles(roles: list[str], maximum: int) -> None:
	authority = authority_of_roles(ROWS, roles, ["Accounts Manager"])
	assert authority.limit_required
	assert over_limit([claim("a", str(maximum))], authority).keys() == ({"a"} if not maximum else set())
	assert over_limit([claim("a", f"{maximum}.01")], authority).keys() == {"a"}


def test_two_roles_that_may_submit_the_lower_one_counts() -> None:
	rows = [*ROWS, Limit("Controller", per_item=Decimal(5000))]
	authority = authority_of_roles(
		rows, ["Controller", "Accounts Manager"], ["Controller", "Accounts Manager"]
	)
	assert over_limit([claim("a", "501")], authority).keys() == {"a"}


def test_no_row_no_limit() -> None:
	authority = authority_of_roles([], ["Accounts Manager"], ["Accounts Manager"])
	assert authority.unlimited and over_limit([claim("a", "1e9")], authority) == {}


def test_a_row_instead_of_others_is_the_only_limit() -> None:
	rows = [*ROWS, Limit("Controller", per_item=Decimal(5000), instead=True)]
	authority = authority_of_roles(rows, ["Controller", "Accounts Manager"], ["Accounts Manager"])
	assert over_limit([claim("a", "5000"), claim("b", "5001")], authority).keys() == {"b"}


# ----------------------------------------------------------------------------------------- what it is limited in


EURO_MONTH = Limit("Clerk", currency="EUR", per_customer_month=Decimal(100))
EVERYTHING = Limit("Keeper")


@pytest.mark.parametrize(("amount", "over"), [("40.00", False), ("40.01", True)])
def test_a_month_in_a_currency_counts_what_was_written_off_in_it(amount: str, over: bool) -> None:
	"""Only the 60 euros of the month count, not the 5,000 in company currency or the 90 of another customer."""
	earlier = MonthTotals(
		{("Cafe", "EUR"): money("60"), ("Cafe", ""): money("5000"), ("Bar", "EUR"): money("90")}
	)
	claims = [claim("euro", amount, currency="EUR", base="999"), claim("dollar", "500")]
	found = codes(claims, EURO_MONTH, EVERYTHING, month_totals=earlier)
	assert found == ({"euro": reasons.OVER_CUSTOMER_LIMIT} if over else {})


def test_a_run_in_a_currency_is_pending_in_that_currency_only() -> None:
	claims = [claim("euro", "101", currency="EUR", base="1"), claim("dollar", "500")]
	limit = Limit("Clerk", currency="EUR", per_run=money("100"))
	assert codes(claims, limit, EVERYTHING) == {"euro": reasons.OVER_RUN_LIMIT}
	assert codes(claims, limit, Limit("Keeper", per_run=money("500"))) == {"euro": reasons.OVER_RUN_LIMIT}
	assert codes(claims, limit, Limit("Keeper", per_run=money("499"))) == {
		"euro": reasons.OVER_RUN_LIMIT,
		"dollar": reasons.OVER_RUN_LIMIT,
	}


def test_a_row_of_another_currency_does_not_end_the_check() -> None:
	rows = [Limit("Clerk", currency="EUR", per_item=money("1")), Limit("Clerk", per_item=money("50"))]
	assert codes([claim("dollar", "51")], *rows) == {"dollar": reasons.OVER_ITEM_LIMIT}


@pytest.mark.parametrize(
	("limit", "original", "message"),
	[
		(
			Limit("Clerk", per_item=Decimal("19.99")),
			None,
			"20.00 is over the limit of 19.99 per balance for Clerk.",
		),
		(
			Limit("Clerk", share=Decimal("10.00")),
			"100.00",
			"20.00 is over 10 % of the original amount of 100.00, the limit for Clerk.",
		),
		(
			Limit("Clerk", share=Decimal("10.00")),
			None,
			"The original amount of this voucher is unknown, and the limit for Clerk is a share of that amount.",
		),
		(
			Limit("Clerk", per_customer_month=Decimal("25.00")),
			None,
			"The customer's write-offs of the month would add up to 27.00, over the limit of 25.00 per customer and"
			" month for Clerk.",
		),
		(
			Limit("Clerk", per_run=Decimal("15.00")),
			None,
			"The total of the run is 20.00, over the limit of 15.00 per run for Clerk.",
		),
		(
			Limit("Clerk", currency="EUR"),
			None,
			"The roles of this user have no limit for balances in USD.",
		),
	],
	ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_reason_tells_amount_limit_and_holder(limit: Limit, original: str | None, message: str) -> None:
	one = claim("a", "20.00", **({"original": original} if original else {}))
	earlier = MonthTotals({("Cafe", ""): money("7.00")})
	found = over_limit([one], Authority(limits=(limit,), limit_required=True), earlier)
	assert texts.message(found["a"]) == message


def test_an_empty_limit_does_not_limit() -> None:
	assert Limit("Clerk") == Limit("Clerk", "", None, None, None, None, False)
	assert Claim("a", "Cafe", "USD", money("1"), money("1")) == Claim(
		"a", "Cafe", "USD", money("1"), money("1"), None, "", Decimal(0)
	)
	assert Authority() == Authority((), (), False)
	assert MonthTotals().of("Cafe", "") == 0
	assert codes([claim("a", "1e9")], Limit("Clerk")) == {}


ROW = (Limit("Clerk"),)


@pytest.mark.parametrize(
	("authority", "unlimited"),
	[
		(Authority(), True),
		(Authority(limits=ROW), False),
		(Authority(caps=ROW), False),
		(Authority(limit_required=True), False),
	],
)
def test_unlimited_is_who_has_neither_rows_nor_needs_one(authority: Authority, unlimited: bool) -> None:
	assert authority.unlimited is unlimited


@pytest.mark.parametrize(
	("row", "limits_something"),
	[
		(Limit("Keeper"), False),
		(Limit("Keeper", instead=True), False),
		(Limit("Keeper", currency="EUR"), True),
		(Limit("Keeper", per_item=Decimal(0)), True),
		(Limit("Keeper", per_customer_month=Decimal(1)), True),
		(Limit("Keeper", per_run=Decimal(1)), True),
		(Limit("Keeper", share=Decimal(1)), True),
	],
)
def test_a_row_without_amounts_limits_nothing(row: Limit, limits_something: bool) -> None:
	"""Who has such rows only may change the controls."""
	assert row.has_amounts is limits_something


@pytest.mark.parametrize("kept_as", ["limits", "caps"])
def test_only_what_the_rows_need_is_asked_for(kept_as: str) -> None:
	"""Original amounts and monthly totals are only queried if a limit needs them."""
	authority = Authority(**{kept_as: (Limit("Clerk"), Limit("Clerk", share=Decimal(0)))})
	assert (authority.needs_original_amounts, authority.has_month_limit) == (True, False)
	authority = Authority(**{kept_as: (Limit("Clerk"), Limit("Clerk", per_customer_month=Decimal(0)))})
	assert (authority.needs_original_amounts, authority.has_month_limit) == (False, True)


# A EUR invoice of 40.00 on an account in USD, at 1.15.
EUR_ON_USD = Claim(
	"a", "Cafe", "USD", Decimal(46), Decimal(46), invoice_currency="EUR", invoice_amount=Decimal(40)
)


@pytest.mark.parametrize(
	("limit", "expected"),
	[
		(Limit("Clerk", "EUR", per_item=Decimal(40)), {}),
		(Limit("Clerk", "EUR", per_item=Decimal("39.99")), {"a": reasons.OVER_ITEM_LIMIT}),
		(Limit("Clerk", "USD", per_item=Decimal(46)), {}),
		(Limit("Clerk", "USD", per_item=Decimal("45.99")), {"a": reasons.OVER_ITEM_LIMIT}),
		(Limit("Clerk", per_item=Decimal("45.99")), {"a": reasons.OVER_ITEM_LIMIT}),
		(Limit("Clerk", "GBP"), {"a": reasons.NO_LIMIT}),
		(Limit("Clerk", "EUR", per_run=Decimal("39.99")), {"a": reasons.OVER_RUN_LIMIT}),
	],
)
def test_a_limit_in_a_currency_covers_invoices_made_out_in_it(limit: Limit, expected: dict[str, str]) -> None:
	assert codes([EUR_ON_USD], limit) == expected


@pytest.mark.parametrize(("earlier", "over"), [("60", False), ("60.01", True)])
def test_the_month_counts_in_the_currency_of_the_invoice(earlier: str, over: bool) -> None:
	limit = Limit("Clerk", "EUR", per_customer_month=Decimal(100))
	found = codes([EUR_ON_USD], limit, month_totals=MonthTotals({("Cafe", "EUR"): Decimal(earlier)}))
	assert found == ({"a": reasons.OVER_CUSTOMER_LIMIT} if over else {})


def test_whether_invoices_in_other_currencies_have_to_be_read() -> None:
	assert not Authority(limits=(Limit("Clerk"),)).has_currency_limit
	assert Authority(caps=(Limit("Clerk", "EUR"),)).has_currency_limit
