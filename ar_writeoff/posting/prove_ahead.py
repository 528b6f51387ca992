"""Compares posting in sets with ERPNext's own posting ahead of the first run of a company."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import frappe
from frappe.utils import today

from ar_writeoff.core.criteria import CREDIT, DEBIT
from ar_writeoff.ledger import open_items
from ar_writeoff.ledger.transactions import read_committed, run_in_transaction
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import proof
from ar_writeoff.posting.proof import combination, verdicts
from ar_writeoff.run.terms import current_terms, rules_of
from ar_writeoff.search import ledger as search

# Balances of each type that are posted and undone.
BATCH_SIZE = 99


def prove(company: str | None = None) -> list[dict[str, Any]]:
	"""Post open balances of the company (default: of each company with Write-Off Settings) in both ways, undo both, and
	return the new proofs: one for debit and one for credit balances and each account that a reason posts to, as far as
	there are any. Any open balance is used, whether or not it would be written off."""
	companies = (
		[company] if company else frappe.get_all("Write-Off Settings", pluck="name", order_by="name asc")
	)
	proofs = []
	with read_committed():
		for name in companies:
			for balance_type in (DEBIT, CREDIT):
				proofs += run_in_transaction(partial(prove_type, name, balance_type))
	return frappe.get_all(
		verdicts.DOCTYPE,
		filters={"name": ("in", proofs)},
		fields=["name", "company", "verdict", "method", "rows_compared", "differences"],
		order_by="creation asc",
	)


def prove_type(company: str, balance_type: str) -> list[str]:
	"""Post up to `BATCH_SIZE` balances of this type in both ways, to each account. Returns the proofs; none without a
	balance or an account, or if ERPNext rejects all of them."""
	proofs = []
	for rules in rules_of_company(company, balance_type):
		items = list(islice(open_balances(rules), BATCH_SIZE))
		if not items:
			break
		posting.lock_vouchers(item.key for item in items)
		batch = posting.Batch(items, rules, posting.Names("ACC-JV-PROOF"))
		before = verdicts.latest(company)
		try:
			proof.prove(company, combination.key(company), batch, batch.kinds())
		except posting.SharedFault:
			# ERPNext rejects all of them.
			continue
		found = verdicts.latest(company)
		if found and found != before:
			proofs.append(found)
	return proofs


def rules_of_company(company: str, balance_type: str) -> Iterator[posting.Rules]:
	"""Yield the rules of runs over all balances of this type, one for each account that a reason, or no reason, posts
	to."""
	reasons = frappe.get_all(
		"Write-Off Reason",
		filters={"disabled": 0, "applies_to": ("in", (balance_type, "Both"))},
		pluck="name",
		order_by="name asc",
	)
	seen = set()
	for reason in ("-", *reasons):
		run = frappe.new_doc("Write-Off Run")
		run.update(
			{
				"name": "WOR-PROOF",
				"reason": reason,
				"company": company,
				"balance_type": balance_type,
				"posting_date": today(),
				"cutoff_date": today(),
				"max_invoice_amount": 10**12,
			}
		)
		terms = current_terms(run)
		if terms.offset_account and terms.offset_account not in seen:
			seen.add(terms.offset_account)
			yield replace(rules_of(terms), run="")


def open_balances(rules: posting.Rules) -> Any:
	"""Open balances as items of no run."""
	for found in search.search(rules.scope, rules.criteria, offset=rules.offset):
		for verdict in found.verdicts:
			if not verdict.reason:
				balance = verdict.balance
				yield posting.Item(
					name=f"{balance.voucher_no} {balance.receivable_account} {balance.customer}",
					key=open_items.balance_key(balance),
					currency=balance.currency,
					outstanding_amount=verdict.amount,
					base_outstanding_amount=verdict.base_amount,
					write_off_amount=verdict.amount,
					set_offs=verdict.set_offs,
				)
