"""A return that is marked as filed: nothing of its period changes, whichever run or entry it belongs to."""

from __future__ import annotations

import threading
from typing import Any

import frappe
import pytest

from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.service import post_run
from ar_writeoff.undo import service as undo
from tests.site import run_helpers
from tests.site.concurrency import ConcurrentSession
from tests.site.factories import MANAGER, TODAY, as_user
from tests.site.test_tax_at_once import AU, claim_of, use_method
from tests.site.test_tax_claims import claims, count_queries, taxed
from tests.site.test_tax_rules import UK, use_rule
from tests.site.test_tax_runs import JULY, RELIEF, balance_of, boxes, entries, item_of, tax_run, written_off


def claim_and_second_loss() -> tuple[Any, Any]:
	"""The tax run of June that has claimed 100.00, and another invoice written off, with 20.00 VAT."""
	use_rule()
	written_off()
	june = run_helpers.post(tax_run())
	return june, written_off(100, 20, 0, who="Breakwater Bar")


def file_return(run: Any, filed: int = 1) -> None:
	with as_user(MANAGER):
		run.reload().mark_as_filed(filed)


def change_box(name: str, box: str) -> None:
	rule = frappe.get_doc("Write-Off Tax Rule", name)
	rule.claim_box = rule.repayment_box = box
	for row in rule.accounts:
		row.claim_box = row.repayment_box = ""
	rule.save()


def test_a_queued_run_posts_nothing_into_a_filed_return() -> None:
	june, second = claim_and_second_loss()
	queued = tax_run()
	run_helpers.submit_without_job(queued)
	file_return(june)
	run_helpers.post_now(queued)
	item = item_of(queued)
	assert (queued.status, item.status, entries(queued)) == ("Failed", "Failed", [])
	assert item.message == f"The return with the claims of {june.name} is filed."
	assert (boxes(), claims(second)[0].status) == ([("Claim", "4", 100)], "Claimable")
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{june.name} is filed"):
		queued.retry_failed()
	with as_user(MANAGER):
		queued.reload().cancel()
	run_helpers.post(tax_run(**JULY))
	assert claims(second)[0].status == "Claimed"


def test_a_paused_run_is_not_resumed_into_a_filed_return() -> None:
	june, _second = claim_and_second_loss()
	paused = tax_run()
	run_helpers.submit_without_job(paused)
	with as_user(MANAGER):
		paused.reload().pause()
	file_return(june)
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{june.name} is filed"):
		paused.reload().resume()
	file_return(june, 0)
	with as_user(MANAGER):
		paused.reload().resume()
	run_helpers.post_now(paused)
	assert boxes() == [("Claim", "4", 120)]


def test_the_other_runs_of_a_filed_return_are_frozen() -> None:
	"""Their claims are filed, their boxes are kept, and they are not undone."""
	june, second = claim_and_second_loss()
	other = run_helpers.post(tax_run())
	file_return(june)
	assert claims(second)[0].status == "Filed"
	change_box(UK, "9")
	assert boxes() == [("Claim", "4", 120)]
	[entry] = entries(other)
	for doctype, name, method in (
		("Write-Off Tax Run", other.name, "cancel"),
		("Write-Off Tax Run", other.name, "reverse"),
		("Journal Entry", entry, "cancel"),
	):
		with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{june.name} is filed"):
			frappe.get_doc(doctype, name).run_method(method)
	file_return(june, 0)
	assert (claims(second)[0].status, boxes()) == ("Claimed", [("Claim", "9", 120)])
	with as_user(MANAGER):
		other.reload().cancel()
	assert boxes() == [("Claim", "9", 100)]


def test_two_runs_marked_as_filed() -> None:
	"""The return stays filed until the last mark is removed."""
	june, second = claim_and_second_loss()
	other = run_helpers.post(tax_run())
	file_return(june)
	file_return(other)
	file_return(june, 0)
	change_box(UK, "9")
	assert (claims(second)[0].status, boxes()) == ("Filed", [("Claim", "4", 120)])
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{other.name} is filed"):
		june.reload().cancel()
	file_return(other, 0)
	assert (claims(second)[0].status, boxes()) == ("Claimed", [("Claim", "9", 120)])


def test_an_undo_that_was_requested_before_the_filing() -> None:
	june, second = claim_and_second_loss()
	other = run_helpers.post(tax_run())
	before = entries(other)
	with as_user(MANAGER), pytest.MonkeyPatch.context() as patch:
		patch.setattr(undo, "undo_run", lambda run: None)
		other.reload().reverse("2026-07-15", dated=1)
	file_return(june)
	undo.undo_run(other.name)
	assert (entries(other), other.reload().status) == (before, "Posted")
	assert (claims(second)[0].status, boxes()) == ("Filed", [("Claim", "4", 120)])
	assert f"{june.name} is filed" in run_helpers.events(other)["Not Reversed"]


def test_an_undo_is_not_dated_in_a_filed_return() -> None:
	"""A reversal has a date of its own. It is refused before it is posted, and is not cancelled, while the return is filed."""
	june, second = claim_and_second_loss()
	july = run_helpers.post(tax_run(**JULY))
	before = (entries(june), balance_of(RELIEF))
	file_return(july)
	frappe.db.commit()
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{july.name} is filed"):
		june.reload().reverse("2026-07-15", dated=1)
	frappe.db.rollback()
	with as_user(MANAGER), pytest.MonkeyPatch.context() as patch:
		patch.setattr(undo, "undo_run", lambda run: None)
		file_return(july, 0)
		june.reload().reverse("2026-07-15", dated=1)
	file_return(july)
	undo.undo_run(june.name)
	assert (entries(june), balance_of(RELIEF), june.reload().status) == (*before, "Posted")
	file_return(july, 0)
	with as_user(MANAGER):
		june.reload().reverse("2026-07-15", dated=1)
	file_return(july)
	frappe.db.commit()
	[reversal] = set(entries(june)) - set(before[0])
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"{july.name} is filed"):
		frappe.get_doc("Journal Entry", reversal).cancel()
	frappe.db.rollback()
	assert (balance_of(RELIEF), claims(second)[0].status) == (20, "Filed")


def assert_filing_waits(monkeypatch: pytest.MonkeyPatch, step: str, june: Any, run: str) -> None:
	"""Mark the return as filed while a batch of this run is at this step."""
	reached, go_on = threading.Event(), threading.Event()
	original = getattr(posting, step)

	def slow(*args: Any) -> Any:
		reached.set()
		assert go_on.wait(60)
		return original(*args)

	monkeypatch.setattr(posting, step, slow)
	frappe.db.commit()
	batch = ConcurrentSession(lambda: post_run(run), MANAGER)
	assert reached.wait(60)
	filing = ConcurrentSession(
		lambda: frappe.get_doc("Write-Off Tax Run", june.name).mark_as_filed(), MANAGER
	)
	filing.join(2)
	go_on.set()
	batch.result()
	filing.result()
	frappe.db.rollback()


def test_a_filing_waits_for_a_batch_of_a_tax_run(monkeypatch: pytest.MonkeyPatch) -> None:
	"""The return has what the batch posts."""
	june, second = claim_and_second_loss()
	queued = tax_run()
	run_helpers.submit_without_job(queued)
	assert_filing_waits(monkeypatch, "revalidate_claims", june, queued.name)
	assert (claims(second)[0].status, item_of(queued).tax_box) == ("Filed", "4")


# What entries of write-offs claim


def filed_at_once() -> tuple[Any, Any, Any]:
	"""Net at Once: a tax run of June, and a run that has written off 120.00 with 20.00 VAT in June, of which 60.00 was
	reinstated."""
	june, _second = claim_and_second_loss()
	use_method()
	change_box(AU, "G11")
	sale = taxed(100, 20, who="Dover Council")
	run = run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	with as_user(MANAGER):
		run.reinstate([claim.item], {claim.item: 60}, TODAY)
	return june, run, claim


def test_the_boxes_of_write_offs_are_kept() -> None:
	june, run, claim = filed_at_once()
	own = [("Claim", "G11", 20), ("Repayment", "G11", -10)]
	assert [row for row in boxes() if row[1] == "G11"] == own
	file_return(june)
	change_box(AU, "T4")
	assert [row for row in boxes() if row[1] != "4"] == own
	# The rest is reversed in July: not in the filed return.
	with as_user(MANAGER):
		run.reload().reverse("2026-07-15")
	assert [row for row in boxes() if row[1] != "4"] == [*own, ("Repayment", "T4", -10)]
	file_return(june, 0)
	assert [row[1] for row in boxes() if row[1] != "4"] == ["T4"] * 3
	assert frappe.db.get_value("Write-Off Tax Claim", claim.name, "filed_boxes") is None


def test_a_filing_waits_for_a_batch_of_a_write_off(monkeypatch: pytest.MonkeyPatch) -> None:
	"""The return has what the entry of the write-off claims."""
	june, _run, _claim = filed_at_once()
	taxed(50, 10, who="Breakwater Bar")
	run = run_helpers.run(customers=[{"customer": "Breakwater Bar"}])
	run_helpers.submit_without_job(run)
	assert_filing_waits(monkeypatch, "revalidate_items", june, run.name)
	claim = claim_of(run)
	assert (claim.status, claim.claimed_amount) == ("Filed", 10)
	assert claim.filed_boxes == f'{{"{claim.journal_entry}": "G11"}}'


def test_claims_of_write_offs_are_filed_in_sets() -> None:
	"""As many statements for six claims as for three."""
	june, _second = claim_and_second_loss()
	use_method()
	counts = []
	for number in (1, 2, 3):
		for _ in range(number):
			taxed(100, 20)
		run_helpers.post(run_helpers.run())
		counts.append(count_queries(lambda: file_return(june)))
		assert {claim.status for claim in claims(method="Net at Once")} == {"Filed"}
		file_return(june, 0)
	# The first one fills caches.
	assert counts[1].total() == counts[2].total(), counts[2] - counts[1]
