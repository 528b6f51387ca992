"""Every reason has a message with exactly its facts, and is used."""

from __future__ import annotations

import ast
import string
from collections.abc import Callable
from functools import cache

import pytest

from ar_writeoff.core import reasons, texts
from ar_writeoff.core.reasons import Reason
from tests.unit.app_files import modules

CODES = {name: value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}

# The fact that the cause adds.
CAUSED = {"Reason.caused": {"why"}}

# Shown at a field, or the cause of another reason, so they never head a group of items.
AT_A_FIELD = {
	reasons.DOES_NOT_EXIST,
	reasons.OTHER_COMPANY,
	reasons.IS_GROUP,
	reasons.IS_DISABLED,
	reasons.VALUES_MISSING,
	reasons.MAXIMUM_REQUIRED,
	reasons.MAXIMUM_NOT_POSITIVE,
	reasons.MINIMUM_NOT_IN_RANGE,
	reasons.SHARE_NOT_IN_RANGE,
	reasons.THRESHOLD_TWICE,
	reasons.NO_ACCOUNT_TO_REINSTATE,
	reasons.THRESHOLD_NOT_POSITIVE,
	reasons.THRESHOLD_MINIMUM_NOT_IN_RANGE,
	reasons.NOT_A_NUMBER,
	reasons.NOT_FINITE,
	reasons.AMBIGUOUS_AMOUNT,
	reasons.AGE_NEGATIVE,
	reasons.CUTOFF_AFTER_POSTING,
}


@cache
def uses() -> dict[str, list[set[str]]]:
	"""For each code, the names of the facts in every `Reason.of(reasons.X, …)` and `Reason.caused` of the app."""
	found: dict[str, list[set[str]]] = {code: [] for code in CODES.values()}
	# an AmountError carries its code, the text that was typed, and its readings
	found[reasons.NOT_A_NUMBER].append({"text"})
	found[reasons.NOT_FINITE].append({"text"})
	found[reasons.AMBIGUOUS_AMOUNT].append({"text", "one", "other"})
	for _path, tree in modules():
		for node in ast.walk(tree):
			function = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
			if function not in ("Reason.of", "Reason.caused"):
				continue
			code = node.args[0]
			if isinstance(code, ast.Attribute) and code.attr in CODES:
				found[CODES[code.attr]].append(
					{str(keyword.arg) for keyword in node.keywords} | CAUSED.get(function, set())
				)
	return found


def placeholders(text: str) -> set[str]:
	return {field for _literal, field, *_rest in string.Formatter().parse(text) if field is not None}


def test_codes_are_named_as_they_are() -> None:
	assert {name.lower() for name in CODES} == set(CODES.values())


def test_every_reason_has_a_sentence() -> None:
	assert set(texts.MESSAGES) == set(CODES.values())


def test_every_reason_of_an_item_has_a_heading() -> None:
	assert set(texts.LABELS) == set(CODES.values()) - AT_A_FIELD


@pytest.mark.parametrize("code", sorted(CODES.values()))
def test_sentence_says_what_a_person_understands(code: str) -> None:
	text = texts.MESSAGES[code]
	assert text.endswith((".", "?")), "a sentence"
	facts = dict.fromkeys(placeholders(text), "12.50 USD")
	assert "{" not in texts.message(Reason.of(code, **facts))


@pytest.mark.parametrize("code", sorted(CODES.values()))
def test_reason_is_given_somewhere_with_the_facts_of_its_sentence(code: str) -> None:
	calls = uses()[code]
	assert calls, "a reason that nothing gives"
	for facts in calls:
		assert facts == placeholders(texts.MESSAGES[code])


def test_facts_are_text_in_the_order_given() -> None:
	reason = Reason.of("balance_changed", before=10, now="7.50 USD")
	assert reason == Reason("balance_changed", (("before", "10"), ("now", "7.50 USD")))
	assert texts.message(reason).startswith("The balance changed from 10 to 7.50 USD since the search.")


def test_a_reason_can_name_the_document_that_mends_it() -> None:
	assert Reason("discounted") == Reason("discounted", (), None)
	reason = Reason.of("in_another_run", run="WOR-1")
	assert reason.with_link("Write-Off Run", "WOR-1") == Reason(
		"in_another_run", (("run", "WOR-1"),), ("Write-Off Run", "WOR-1")
	)
	assert reason.link is None


def test_an_unknown_code_is_its_own_heading() -> None:
	assert texts.label("customer_frozen") == "Customer frozen"
	assert texts.label("of_an_older_version") == "of_an_older_version"


def test_over_a_limit_is_what_a_second_person_can_approve() -> None:
	codes = {code for name, code in CODES.items() if name.startswith("OVER_") or name == "NO_LIMIT"}
	assert set(reasons.OVER_LIMIT) == codes | {reasons.ORIGINAL_AMOUNT_UNKNOWN}


# ------------------------------------------------------------------------------------------------- as it is stored


def test_a_stored_reason_is_the_reason() -> None:
	reason = Reason.of(reasons.REFUSED, why='Müller & Söhne: "no"\n<b>{braces}</b>').with_link(
		"Customer", "Müller"
	)
	facts = reason.stored_facts
	assert facts == '{"why":"Müller & Söhne: \\"no\\"\\n<b>{braces}</b>"}', "readable, and searched as text"
	assert Reason.from_row(reason.code, facts) == Reason(reason.code, reason.facts)
	assert "{braces}" in texts.message(reason), "a fact is no place for other facts"


@pytest.mark.parametrize(("code", "facts"), [("", ""), (None, None), ("", None)])
def test_no_reason(code: str | None, facts: str | None) -> None:
	assert Reason.from_row(code, facts) is None


def test_what_was_said_is_stored_without_a_code() -> None:
	said = Reason.verbatim("No")
	assert (said.code, said.stored_facts) == ("", '{"said":"No"}')
	assert Reason.from_row("", said.stored_facts) == Reason.from_row(None, said.stored_facts) == said


def test_facts_are_stored_readably() -> None:
	reason = Reason.of(reasons.BALANCE_CHANGED, before="1", now="ü")
	assert reason.stored_facts == '{"before":"1","now":"ü"}'
	assert Reason.of(reasons.BALANCE_CHANGED, before="1").with_facts(now="ü") == reason


def test_lists_among_the_facts_in_english() -> None:
	assert texts.message(Reason.of(reasons.RUN_CHANGED_SINCE_APPROVAL, fields="Reason\nCompany")).count(
		"Reason, Company"
	)
	assert texts.english_fact("why", "one\nother") == "one\nother", "what was said stays as it is"
	assert texts.SCHEDULE_PREFIX == "Schedule ", "as approval stores it before the name of a schedule"


@pytest.mark.parametrize(
	("fact", "value", "shown"),
	[
		("credits", "5.00 USD Debtors - HL", "5.00 USD on Debtors - HL"),
		("debits", "5.00 USD Debtors\n7.00 EUR Fees", "5.00 USD on Debtors, 7.00 EUR on Fees"),
		("credits", "5.00 USD", "5.00 USD"),
		("written_off", "5.00 USD WOR-1 INV 1", "5.00 USD of INV 1, written off by WOR-1"),
		(
			"written_off",
			"5.00 USD WOR-1 INV-1\n6.00 USD WOR-2 INV-2\n4",
			"5.00 USD of INV-1, written off by WOR-1; 6.00 USD of INV-2, written off by WOR-2; 4 more",
		),
		("enough", "Clerk\nController", "Clerk or Controller"),
		("fields", "Reason\nCompany", "Reason, Company"),
		("why", "one\nother", "one\nother"),
	],
)
def test_facts_in_english(fact: str, value: str, shown: str) -> None:
	assert texts.english_fact(fact, value) == shown


@pytest.mark.parametrize(
	("format_lines", "value", "template", "shown"),
	[
		(texts.on_accounts, "5.00 USD Debtors", texts.ON_ACCOUNT, "Debtors: $5"),
		(texts.of_vouchers, "5.00 USD WOR-1 INV-1", texts.OF_VOUCHER, "INV-1: $5"),
		(texts.of_vouchers, "4", texts.MORE, "und 4"),
	],
)
def test_lines_of_amounts_are_shown_in_the_format_and_words_of_the_reader(
	format_lines: Callable[..., str], value: str, template: str, shown: str
) -> None:
	words = {
		texts.ON_ACCOUNT: "{account}: {amount}",
		texts.OF_VOUCHER: "{voucher}: {amount}",
		texts.MORE: "und {count}",
	}
	assert (
		format_lines(value, {"5.00 USD": "$5"}.__getitem__, {template: words[template]}.__getitem__) == shown
	)


@pytest.mark.parametrize(
	("code", "by_balance"),
	[
		(reasons.BALANCE_CHANGED, True),
		(reasons.CREDIT_AVAILABLE, True),
		(reasons.WRITTEN_OFF_DEBTS, True),
		(reasons.CUSTOMER_FROZEN, False),
		(reasons.IN_ANOTHER_RUN, False),
	],
)
def test_messages_with_amounts_differ_from_balance_to_balance(code: str, by_balance: bool) -> None:
	assert (code in texts.BY_BALANCE) is by_balance


def test_a_note_follows_the_reason() -> None:
	reason = Reason.of(reasons.NOT_SELECTED).with_facts(note="Half {returned}")
	assert texts.reason_texts(reason) == [texts.MESSAGES[reasons.NOT_SELECTED], texts.NOTE]
	assert texts.message(reason).endswith(" Note: Half {returned}")


def test_a_reason_without_facts_is_stored_without() -> None:
	reason = Reason.of(reasons.NOT_SELECTED)
	assert reason.stored_facts == ""
	assert Reason.from_row(reasons.NOT_SELECTED, "") == reason


def test_verbatim_reasons_are_not_translated() -> None:
	assert (
		texts.message(Reason.verbatim("Das Budget {reicht} nicht"), str.upper) == "Das Budget {reicht} nicht"
	)
	assert texts.message(Reason(reasons.REFUSED, (("said", "Nein"),)), str.upper) == "Nein"


def test_a_cause_is_translated_with_what_it_caused() -> None:
	cause = Reason.of(reasons.IS_DISABLED, doctype="Account", name="Müller {x}")
	both = Reason.caused(reasons.MANDATORY_FIELD, cause, company="HL")
	assert texts.message(both).startswith("Account Müller {x} is disabled. ")
	assert "Settings of HL" in texts.message(both)
	assert Reason.from_row(both.code, both.stored_facts) == both
	assert "Müller" in both.stored_facts, "searched as text"
	german = {
		texts.MESSAGES[reasons.IS_DISABLED]: "{doctype} {name} ist deaktiviert.",
		texts.MESSAGES[reasons.REFUSED]: "Abgelehnt: {why}",
	}
	refused = Reason.caused(reasons.REFUSED, cause)
	shown = {"doctype": "Konto", "name": "Müller"}
	assert texts.message(refused, german.__getitem__, lambda fact, value: shown.get(fact, value)) == (
		"Abgelehnt: Konto Müller ist deaktiviert."
	)
	said = Reason.caused(reasons.REFUSED, Reason.verbatim("No"))
	assert said == Reason.of(reasons.REFUSED, why="No"), "as before there were causes"
	said = Reason.caused(reasons.MANDATORY_FIELD, Reason.verbatim("No."), company="HL")
	assert dict(said.facts) == {"why": "No.", "company": "HL"}


def test_whose_limit_is_enough_follows_what_is_over_one() -> None:
	over = Reason.of(reasons.OVER_ITEM_LIMIT, amount="400.00", maximum="50.00", holder="Accounts User")
	said = "400.00 is over the limit of 50.00 per balance for Accounts User."
	assert texts.message(over) == said, "nobody was looked for"
	both = over.with_facts(enough="Accounts Manager\nController")
	assert texts.message(both) == f"{said} The limit of Accounts Manager or Controller is sufficient."
	assert texts.message(over.with_facts(enough="")) == f"{said} {texts.NOBODY}"
	assert texts.message(Reason.of(reasons.NOT_SELECTED).with_facts(enough="Controller")) == (
		"Not selected by the user who prepared the run."
	), "of limits only"


def test_facts_are_shown_and_texts_translated_by_whoever_reads() -> None:
	reason = Reason.of(reasons.REVERSED_BY, entry="ACC-JV-1", on="2026-06-30")
	shown = texts.message(
		reason, {"Reversed by {entry} on {on}.": "{on}: {entry}"}.__getitem__, "{}={}".format
	)
	assert shown == "on=2026-06-30: entry=ACC-JV-1"


def test_a_code_of_another_version_is_shown_as_it_is() -> None:
	assert texts.message(Reason.of("not_known_here", why="x")) == "not_known_here"


def test_every_fact_has_one_kind() -> None:
	kinds = (
		texts.AMOUNT_FACTS,
		texts.ACCOUNT_FACTS,
		texts.VOUCHER_FACTS,
		texts.DATE_FACTS,
		texts.TRANSLATED_FACTS,
	)
	named = {fact for text in (*texts.MESSAGES.values(), texts.ENOUGH) for fact in placeholders(text)}
	assert set().union(*kinds) <= named, "kinds of facts that there are"
	assert sum(len(kind) for kind in kinds) == len(set().union(*kinds))
