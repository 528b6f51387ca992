"""The approval's digest and seals."""

import hashlib
import hmac
from datetime import date
from decimal import Decimal

from ar_writeoff.approval import seal_rules as approval


def test_the_same_values_make_the_same_text_however_they_were_read() -> None:
	one = {"amount": 14.1, "customer": "Café <b>", "on": date(2026, 1, 31), "note": None, "names": ["b", "a"]}
	two = {"names": ("b", "a"), "on": "2026-01-31", "customer": "Café <b>", "amount": Decimal("14.100000000")}
	assert approval.canonical(one) == approval.canonical(two)
	assert approval.canonical({"n": 0}) == approval.canonical({"n": 0.0}) != approval.canonical({})
	assert approval.canonical({"n": 100}) == '{"n":"100"}'


def test_a_seal_fits_its_text_and_its_secret_only() -> None:
	made = approval.seal("secret", "text")
	assert approval.is_valid("secret", "text", made)
	assert not approval.is_valid("secret", "texT", made)
	assert not approval.is_valid("other", "text", made)
	assert not approval.is_valid("secret", "text", None)
	assert not approval.is_valid("secret", "text", "")


def test_the_digest_sees_every_item_and_no_order() -> None:
	whole = approval.digest("criteria", ["a", "b"])
	assert whole == approval.digest("criteria", ["b", "a"])
	assert len({whole, approval.digest("criteria", ["a"]), approval.digest("other", ["a", "b"])}) == 3
	assert approval.digest("criteria", ["a", "b"]) != approval.digest("criteria", ["a\nb", ""])


def test_the_text_is_what_was_written_down_for_earlier_approvals() -> None:
	"""The canonical text must not change: earlier approvals would be void."""
	values = {
		"customer": "Café",
		"amount": Decimal("-14.10"),
		"count": 1000,
		"zero": Decimal("-0.00"),
		"large": 1e20,
		"ticked": True,
		"unticked": False,
		"names": ["b", 2.50, None],
		"on": date(2026, 1, 31),
		"empty": "",
		"missing": None,
	}
	assert approval.canonical(values) == (
		'{"amount":"-14.1","count":"1000","customer":"Café","large":"100000000000000000000",'
		'"names":["b","2.5","None"],"on":"2026-01-31","ticked":"1","unticked":"0","zero":"0"}'
	)


def test_digest_and_seal_are_those_that_anybody_can_compute() -> None:
	assert approval.digest("criteria", ["b", "a"]) == hashlib.sha256(b"criteria\na\nb").hexdigest()
	assert approval.seal("secret", "text") == hmac.new(b"secret", b"text", hashlib.sha256).hexdigest()
