"""The site proves by itself that posting in sets leaves ERPNext's rows, and posts the slower way where it does not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import frappe
import pytest
from erpnext.accounts import general_ledger, utils
from erpnext.accounts.doctype.sales_invoice.sales_invoice import SalesInvoice
from rq.timeouts import JobTimeoutException

from ar_writeoff.jobs import prove_posting
from ar_writeoff.ledger import messages
from ar_writeoff.patches import fast_posting_reasons
from ar_writeoff.posting import fast, preview, proof
from ar_writeoff.posting.proof import combination, containment
from ar_writeoff.run import log
from tests.site import heard, ledger_checks, run_helpers
from tests.site.factories import HL, MANAGER, TODAY, account, as_user, invoice, many_invoices
from tests.site.heard import listening

DOCTYPE = "Write-Off Posting Proof"


def proofs(**filters: Any) -> list[Any]:
	return frappe.get_all(DOCTYPE, filters=filters, fields=["*"], order_by="creation asc")


def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
	"""The ways in which entries are posted from now on, with those of rehearsals."""
	used: list[str] = []
	submit = fast.submit
	monkeypatch.setattr(
		fast, "submit", lambda entry, name, cache: (used.append(cache.method), submit(entry, name, cache))
	)
	return used


def big_run(count: int = 24, **values: Any) -> Any:
	many_invoices(count)
	return run_helpers.run(**values)


def hindrance() -> str:
	reason = proof.hindrance(HL)
	return messages.message(reason) if reason else ""


# ---------------------------------------------------------------------------------------------------- proofs


def test_the_first_batch_is_posted_both_ways_and_the_next_in_sets(monkeypatch: pytest.MonkeyPatch):
	used = ways(monkeypatch)
	run = run_helpers.post(big_run())
	assert run.status == "Posted" and used == [proof.BY_ROW, proof.IN_SETS, proof.IN_SETS]
	[found] = proofs()
	assert (found.verdict, found.method, found.run) == ("Equal", "In Sets", run.name)
	assert not found.differences and found.rows_compared == 99
	counts = dict(line.split(": ") for line in found.tables.splitlines())
	assert {
		"GL Entry",
		"Payment Ledger Entry",
		"Journal Entry",
		"Journal Entry Account",
		"Sales Invoice",
	} <= counts.keys()
	assert int(counts["Sales Invoice"]) == 24 and int(counts["GL Entry"]) == 25
	used.clear()
	assert run_helpers.post(big_run()).status == "Posted" and used == [proof.IN_SETS]
	assert len(proofs()) == 1 and hindrance() == ""
	ledger_checks.assert_ple_equals_gl(HL)


def test_a_kind_that_is_not_proven_yet(monkeypatch: pytest.MonkeyPatch):
	"""A foreign invoice among others: that batch is compared as well."""
	run_helpers.post(big_run())
	invoice("Helios SARL", 33.33, "2026-01-16", currency="EUR", rate=1.0931)
	run_helpers.post(big_run())
	assert [found.verdict for found in proofs()] == ["Equal", "Equal"]
	assert any("EUR" in kind for kind in json.loads(proofs()[1].kinds))


def test_a_small_batch_is_not_compared(monkeypatch: pytest.MonkeyPatch):
	"""It is posted by entry, unless its kinds are proven."""
	used = ways(monkeypatch)
	run_helpers.post(big_run(3))
	assert used == [proof.BY_ENTRY] and not proofs()
	run_helpers.post(big_run())
	used.clear()
	run_helpers.post(big_run(3))
	assert used == [proof.IN_SETS]


def test_switched_off(monkeypatch: pytest.MonkeyPatch):
	used = ways(monkeypatch)
	run_helpers.settings(fast_posting=0)
	assert run_helpers.post(big_run()).status == "Posted"
	assert used == [proof.BY_ROW] and "switched off" in hindrance()


def test_a_method_that_another_app_replaces(monkeypatch: pytest.MonkeyPatch):
	class Other(SalesInvoice):
		def set_status(self, *args: Any, **kwargs: Any) -> None:
			super().set_status(*args, **kwargs)

	used = ways(monkeypatch)
	monkeypatch.setitem(frappe.controllers[frappe.local.site], "Sales Invoice", Other)
	assert run_helpers.post(big_run()).status == "Posted"
	assert used == [proof.BY_ENTRY] and "replaces methods of Sales Invoice" in hindrance()


def test_a_reversing_entry_is_compared_as_well():
	"""Its kinds are others than those of the write-off."""
	run = run_helpers.post(big_run())
	before = len(proofs())
	with as_user(MANAGER):
		run.reverse(TODAY, dated=1)
	assert run.reload().status == "Reversed"
	assert [(found.verdict, found.method) for found in proofs()[before:]] == [("Equal", "In Sets")]
	ledger_checks.assert_ple_equals_gl(HL)


# ------------------------------------------------------------------------------- a release that writes otherwise


def another_gl_row(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
	"""ERPNext writes one more column of each General Ledger row."""
	make_entry = general_ledger.make_entry

	def changed(row: Any, *args: Any, **kwargs: Any) -> None:
		make_entry({**row, "transaction_date": row.posting_date}, *args, **kwargs)

	monkeypatch.setattr(general_ledger, "make_entry", changed)
	return lambda: frappe.db.count(
		"GL Entry", {"voucher_type": "Journal Entry", "transaction_date": ("is", "set")}
	)


def another_invoice(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
	"""ERPNext writes one more column of each invoice that it updates."""
	update = utils.update_voucher_outstanding

	def changed(voucher_type: str, name: str, *args: Any) -> None:
		update(voucher_type, name, *args)
		frappe.db.set_value(voucher_type, name, "remarks", "Settled")

	from erpnext.accounts.doctype.payment_ledger_entry import payment_ledger_entry

	monkeypatch.setattr(payment_ledger_entry, "update_voucher_outstanding", changed)
	return lambda: frappe.db.count("Sales Invoice", {"remarks": "Settled"})


@pytest.mark.parametrize(
	"change, method, rows", ((another_gl_row, proof.BY_ENTRY, 25), (another_invoice, proof.BY_ROW, 24))
)
def test_a_release_that_writes_one_column_otherwise(
	change: Callable, method: str, rows: int, monkeypatch: pytest.MonkeyPatch
):
	"""The rehearsal finds it, entries are posted the way that leaves ERPNext's rows, and people are told."""
	run = big_run()
	count = change(monkeypatch)
	used = ways(monkeypatch)
	assert run_helpers.post(run).status == "Posted"
	assert used[-1] == method and count() == rows
	[found] = proofs()
	assert (found.verdict, found.method) == ("Different", method)
	column = "transaction_date" if change is another_gl_row else "remarks"
	assert column in found.differences and column in hindrance() and found.name in hindrance()
	used.clear()
	run_helpers.post(big_run())
	assert used == [method] and len(proofs()) == 1
	ledger_checks.assert_debits_equal_credits(HL)


def test_a_later_sample_that_differs_ends_it(monkeypatch: pytest.MonkeyPatch):
	run_helpers.post(big_run())
	run = big_run()
	another_gl_row(monkeypatch)
	monkeypatch.setattr(proof.random, "randrange", lambda number: 0)
	key = combination.key(HL)
	monkeypatch.setattr(combination, "key", lambda company, cancels=False: key)
	used = ways(monkeypatch)
	run_helpers.post(run)
	assert used[-1] == proof.BY_ENTRY
	assert [found.verdict for found in proofs()] == ["Equal", "Different"]
	monkeypatch.setattr(proof.random, "randrange", lambda number: 1)
	used.clear()
	run_helpers.post(big_run())
	assert used == [proof.BY_ENTRY]


def test_another_combination_is_proven_anew(monkeypatch: pytest.MonkeyPatch):
	"""Changed code, another app, a Custom Field, a setting, a listener."""
	key = combination.key(HL)
	assert combination.key(HL) == key
	with listening(("GL Entry", "validate")):
		assert combination.key(HL) != key
	monkeypatch.setattr(combination, "versions", lambda: {"another_app": "1.0"})
	assert combination.key(HL) != key
	monkeypatch.undo()
	field = frappe.get_meta("GL Entry").get_field("remarks")
	monkeypatch.setattr(field, "reqd", 1)
	assert combination.key(HL) != key
	monkeypatch.undo()
	frappe.db.set_single_value("Accounts Settings", "merge_similar_account_heads", 1)
	assert combination.key(HL) != key
	frappe.db.set_single_value("Accounts Settings", "merge_similar_account_heads", 0)
	assert combination.key(HL) == key


def test_code_is_compared_by_its_syntax_tree():
	"""Not by layout or comments; the site's own functions are read, not the files of a release."""

	def one(value):
		return [value + 1]

	def two(value):
		# The same.
		return [
			value + 1,
		]

	def three(value):
		if value:
			pass
		return [value]

	def four(value):
		if value:
			pass
			return [value]

	two.__name__ = "one"
	tree = combination.syntax_tree
	assert tree(one).replace("'one'", "") == tree(two).replace("'two'", "")
	assert tree(three).replace("'three'", "") != tree(four).replace("'four'", "")


# ----------------------------------------------------------------------------------------- nothing gets out


def test_nothing_of_a_rehearsal_gets_out(monkeypatch: pytest.MonkeyPatch):
	"""Jobs, realtime events, callbacks and messages come once: from the entry that is kept."""
	import rq

	told: list[str] = []
	monkeypatch.setattr(rq.Queue, "enqueue_call", lambda self, *args, **kwargs: told.append("job"))

	def react(doc: Any, event: str) -> None:
		frappe.utils.background_jobs.get_queue("default").enqueue_call("frappe.ping")
		frappe.db.after_commit.add(lambda: told.append("after commit"))
		frappe.publish_realtime("heard", {"name": doc.name}, user="Administrator", after_commit=True)
		frappe.msgprint("Heard")
		frappe.flags.heard = True

	run = big_run()
	with listening(("Journal Entry", "on_submit"), react=react):
		run_helpers.post(run)
		assert [call[1] for call in heard.calls] == ["on_submit"] * 3
	assert proofs()[0].verdict == "Equal"
	assert sorted(told) == ["after commit", "job"]


def request(doc: Any, event: str) -> None:
	import requests

	with contextlib.suppress(requests.RequestException):
		requests.get("http://192.0.2.1/heard", timeout=0.01)


def commit(doc: Any, event: str) -> None:
	frappe.db.sql("commit")


@pytest.mark.parametrize("react, found", ((request, "192.0.2.1"), (commit, "commit")))
def test_what_cannot_be_rehearsed(react: Callable, found: str, monkeypatch: pytest.MonkeyPatch):
	"""A call to the outside is not made; entries are posted by entry, and the proof says why."""
	run = big_run()
	used = ways(monkeypatch)
	with listening(("Journal Entry", "on_submit"), react=react):
		frappe.db.commit()
		if react is request:
			assert run_helpers.post(run).status == "Posted"
			assert used[-1] == proof.BY_ENTRY and proof.IN_SETS not in used
			assert found in hindrance()
		else:
			from ar_writeoff.posting.proof.rehearsal import rehearse

			rehearsed = rehearse(lambda: react(None, ""))
			assert rehearsed.breach == found
	if react is request:
		[row] = proofs()
		assert row.verdict == "Not Possible" and found in row.differences


@pytest.mark.parametrize("error", (JobTimeoutException, KeyboardInterrupt))
def test_a_rehearsal_that_is_interrupted_leaves_nothing(error: type[BaseException]):
	run = big_run()
	before = {
		doctype: frappe.db.count(doctype) for doctype in ("GL Entry", "Payment Ledger Entry", "Journal Entry")
	}
	interrupted = []

	def react(doc: Any, event: str) -> None:
		if not interrupted:
			interrupted.append(doc.name)
			raise error("enough")

	with listening(("Journal Entry", "on_submit"), react=react), contextlib.suppress(error):
		run_helpers.post(run)
	frappe.db.rollback()
	assert interrupted and not containment.active and not proofs()
	assert {doctype: frappe.db.count(doctype) for doctype in before} == before
	assert account("Debtors")


# ---------------------------------------------------------------------------------------------------- ahead


def test_ahead_of_the_first_run():
	"""Open balances are posted both ways; nothing is posted, and the first run needs no rehearsal."""
	names = many_invoices(30)
	invoice("Breakwater Bar", 25, "2026-01-16", is_return=True)
	run_helpers.settings(credit_write_off_account=account("Write Off"), customer_credits="Ignore")
	frappe.db.commit()
	before = frappe.db.count("GL Entry")
	frappe.get_doc("Write-Off Settings", HL).prove_fast_posting()
	assert [(found.verdict, found.method) for found in proofs()] == [("Equal", "In Sets")] * 2
	assert frappe.db.count("GL Entry") == before and not frappe.db.exists(
		"Journal Entry", {"write_off_run": ("is", "set")}
	)
	assert names and [row.company for row in prove_posting(HL)] == [HL, HL]


def test_the_preview_says_who_slows_the_run():
	run = big_run(3)
	assert not preview.posting_notes(HL)
	with listening(("GL Entry", "validate")):
		[note] = preview.posting_notes(HL)
		assert heard.PATH in note and "GL Entry" in note and note in run.preview_entries()["notes"]
	run_helpers.settings(fast_posting=0)
	[note] = run.preview_entries()["notes"]
	assert "more slowly" in note and "Write-Off Settings" in note


def test_the_preview_and_the_form_say_how_a_run_is_posted():
	run = big_run(3)
	assert "one by one, and the invoices" in run.preview_entries()["way"], "too few to compare"
	many = big_run(30)
	assert "both one by one and in sets" in many.preview_entries()["way"]
	run_helpers.post(many)
	run = big_run(3)
	assert run.preview_entries()["way"] == "Entries of kinds that were compared before are posted in sets."
	run_helpers.submitted_but_not_posted(run)
	assert run.get_summary()["posting_notes"] == [
		"Entries of kinds that were compared before are posted in sets."
	]
	run_helpers.settings(fast_posting=0)
	[note] = run.get_summary()["posting_notes"]
	assert "more slowly" in note
	assert "as ERPNext does" in run.preview_entries()["way"]


def test_the_log_of_earlier_runs_keeps_its_reasons():
	run = run_helpers.run()
	name = log.record(run.name, "Started")
	values = {
		"reason_code": "fast_not_proven",
		"reason_facts": "{}",
		"message": "Fast posting is not proven.",
	}
	frappe.db.set_value("Write-Off Run Event", name, values)
	fast_posting_reasons.execute()
	row = frappe.db.get_value("Write-Off Run Event", name, ["reason_code", "reason_facts"], as_dict=True)
	assert messages.row_message(row) == "Fast posting is not proven."
