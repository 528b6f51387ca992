"""Tax that the entry of a write-off took, by the methods Net at Once and Interim Account: what entries that take back the
write-off have to return of it.

An entry of a write-off run always uses the account that took the tax. From and to an interim account only tax runs post
against another account.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Coalesce
from frappe.utils import create_batch
from pypika import Order

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.run_types import TAX_CLAIM, posts_claims
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger, rules
from ar_writeoff.tax_relief.filed import filed_return


@dataclass(frozen=True, slots=True)
class BookedTax:
	"""The tax of a claim that the entry of its write-off took. `left`: without what recoveries have returned."""

	claim: str
	item: str
	account: str
	method: str
	tax: Decimal
	left: Decimal
	decimals: int

	def part(self, share: Fraction) -> Decimal:
		"""Return the tax in a recovery, after which this share of the item is still written off."""
		return rules.tax_to_return(self.left, self.tax, share, self.decimals)


def booked_taxes(items: Iterable[str]) -> dict[str, list[BookedTax]]:
	"""Return the tax that the entries of these items took, by item."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	found: dict[str, list[BookedTax]] = defaultdict(list)
	for row in (
		frappe.qb.from_(claim)
		.select(
			claim.name,
			claim.item,
			claim.booked_account,
			claim.method,
			claim.company,
			claim.tax_amount,
			claim.booked_amount,
		)
		.where(claim.item.isin(sorted(set(items)) or [""]) & (claim.booked_account != ""))
		.orderby(claim.name)
		.run(as_dict=True)
	):
		decimals = precision(company_currency(row.company))
		found[row.item].append(
			BookedTax(
				row.name,
				row.item,
				row.booked_account,
				row.method,
				money(row.tax_amount, decimals),
				money(row.booked_amount, decimals),
				decimals,
			)
		)
	return found


def accounts_of_entries(entries: Iterable[str]) -> dict[str, set[str]]:
	"""Return the accounts that took tax in these entries of write-off runs."""
	claim, item = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType("Write-Off Run Item")
	found: dict[str, set[str]] = defaultdict(set)
	for entry, account in (
		frappe.qb.from_(claim)
		.inner_join(item)
		.on(item.name == claim.item)
		.select(item.journal_entry, claim.booked_account)
		.distinct()
		.where(item.journal_entry.isin(sorted(set(entries)) or [""]) & (claim.booked_account != ""))
		.run()
	):
		found[entry].add(account)
	return found


# Filed returns


def filed_message(run: str) -> str:
	return _("The return with the claims of {0} is filed. Enter a date in a later return period.").format(run)


def return_with_tax(company: str, day: Any, items: Iterable[str]) -> str | None:
	"""Return the tax run with the filed return that has an entry of this day with the tax of these items; None if there is none.
	None is filed until the transaction ends. `items`: those with a claim."""
	names = set(items)
	taxes = booked_taxes(names).values() if names else ()
	if not any(one.method == rules.NET_AT_ONCE for own in taxes for one in own):
		return None
	return filed_return(company, day, lock=True)


def filed_problem(company: str, day: Any, items: Iterable[str]) -> str | None:
	"""Return why an entry of this day with the tax of these items cannot be cancelled; None if it can."""
	run = return_with_tax(company, day, items)
	return in_filed_return(run) if run else None


def in_filed_return(run: str) -> str:
	return _("The return with the claims of {0} is filed.").format(run)


def throw_if_claims_filed(company: str, day: Any) -> None:
	"""Refuse to undo an entry of a tax run of this day in a return that is filed, perhaps since the undo was requested."""
	run = filed_return(company, day, lock=True)
	if run:
		frappe.throw(in_filed_return(run), title=_("Return Filed"))


# Undo of tax runs


@dataclass(slots=True)
class PostedTax:
	"""What tax runs have posted of a claim: `net` on its relief account, and `lapsed` from its interim account to the loss; `more`,
	`more_lapsed`: by an undo, or by the cancellation of one."""

	tax: Decimal
	relief_account: str
	releases: str
	net: Decimal
	lapsed: Decimal
	more: Decimal = ZERO
	more_lapsed: Decimal = ZERO

	def add(self, account: str, amount: Decimal) -> None:
		if account == self.relief_account:
			self.more += amount
		else:
			self.more_lapsed -= amount

	@property
	def problem(self) -> str | None:
		"""Return what a later entry has done, so that the change is not possible; None if it is."""
		if self.more < 0 and self.net + self.more < 0:
			return REPAID
		if self.more_lapsed < 0 and self.lapsed + self.more_lapsed < 0:
			return MOVED_BACK
		more = self.more + self.more_lapsed
		return CLAIMED_AGAIN if more > 0 and self.net + self.lapsed + more > self.tax else None


# What a later entry has done with the tax of a claim.
RELEASED, REPAID, CLAIMED_AGAIN, MOVED_BACK = "released", "repaid", "claimed again", "moved back"


def undo_problem(run: str, entry: str | None = None, *, alone: bool = False) -> str | None:
	"""Return why a tax run cannot be undone; None if it can. A later one may have repaid, released or claimed again what it has
	posted: without it more would be repaid or released than is claimed, or more claimed than the tax.

	`entry`: look only at the claims of this Journal Entry. `alone`: only this entry is cancelled. It may have undone another one.
	"""
	if not posts_claims(run):
		return None
	of_run = {"run": run, "voucher_type": TAX_CLAIM}
	undone = {**of_run, "status": ("in", ITEM_POSTED)}
	taken_back = _amounts({**undone, "journal_entry": entry} if entry else undone)
	again = _amounts({**of_run, "reversal_entry": entry}) if alone else []
	names = sorted({row.voucher_no for row in (*taken_back, *again)})
	for part in create_batch(names, ledger.CLAIMS_PER_QUERY):
		posted = _posted_taxes(part)
		if entry and not alone:
			taken_back = _amounts({**undone, "voucher_no": ("in", list(posted))})
		for sign, rows in ((-1, taken_back), (1, again)):
			for row in rows:
				if row.voucher_no in posted:
					posted[row.voucher_no].add(row.receivable_account, sign * money(row.amount, 9))
		problem = _problem(posted, entry if alone and entry else run)
		if problem:
			return problem
	return None


def _amounts(filters: dict[str, Any]) -> list[Any]:
	"""Return claim, account and amount of these items."""
	return frappe.get_all(
		"Write-Off Run Item",
		filters=filters,
		fields=["voucher_no", "receivable_account", "base_write_off_amount as amount"],
		order_by="name asc",
	)


def _posted_taxes(names: Iterable[str]) -> dict[str, PostedTax]:
	"""Return what is posted of these claims, with the claims by age that they release, and all that release these."""
	claim, own = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(TAX_CLAIM).as_("own")
	by_age = (
		frappe.qb.from_(own)
		.select(Coalesce(own.releases, own.name))
		.where(own.name.isin(list(names)) & (own.item.isnull() | own.releases.isnotnull()))
		.run(pluck=True)
	)
	return {
		name: PostedTax(money(tax, 9), account, releases or "", money(net, 9), money(lapsed, 9))
		for name, tax, account, releases, net, lapsed in frappe.qb.from_(claim)
		.select(
			claim.name,
			claim.tax_amount,
			claim.relief_account,
			claim.releases,
			claim.claimed_amount - claim.repaid_amount,
			claim.lapsed_amount,
		)
		.where(claim.name.isin([*names, *by_age]) | claim.releases.isin(by_age or [""]))
		.orderby(claim.name)
		.run()
	}


def _problem(posted: Mapping[str, PostedTax], undone: str) -> str | None:
	releases: dict[str, list[str]] = defaultdict(list)
	for name, one in posted.items():
		if one.problem:
			return _message(one.problem, undone, name, [name])
		if one.releases:
			releases[one.releases].append(name)
	for name, own in releases.items():
		of_age, of_losses = posted[name], [posted[release] for release in own]
		more = sum((one.more for one in of_losses), ZERO)
		if of_age.net + of_age.more < sum((one.net for one in of_losses), ZERO) + more:
			if of_age.more < 0:
				return _message(RELEASED, undone, name, own)
			if more > 0:
				return _message(REPAID, undone, name, [name])
	return None


def _message(what: str, undone: str, claim: str, posted: list[str]) -> str:
	"""Return that `undone`, a tax run or one of its entries, cannot be undone, with the last tax run that has done this with
	claims in `posted`. Without one it was an entry of the write-off, or the end of one: by Net at Once these claim and repay."""
	item, own = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType(TAX_CLAIM)
	entry = frappe.qb.DocType("Journal Entry")
	is_lapse = item.receivable_account != own.relief_account
	is_taken = Case().when(is_lapse, -item.base_write_off_amount).else_(item.base_write_off_amount) > 0
	rows = (
		frappe.qb.from_(item)
		.inner_join(own)
		.on(own.name == item.voucher_no)
		.inner_join(entry)
		.on(entry.name == item.journal_entry)
		.select(item.run, is_lapse)
		.where(
			item.voucher_no.isin(posted)
			& (item.voucher_type == TAX_CLAIM)
			& item.status.isin(ITEM_POSTED)
			& (item.run != undone)
			& (item.journal_entry != undone)
			& (is_taken if what in (RELEASED, CLAIMED_AGAIN) else is_taken.negate())
		)
		.orderby(entry.creation, order=Order.desc)
		.limit(1)
		.run()
	)
	if not rows:
		return _(
			"{0} cannot be undone. What the write-off or a recovery has claimed or repaid of the tax of {1} has changed since."
		).format(undone, claim)
	[[run, is_lapsed]] = rows
	text = {
		RELEASED: _("{0} cannot be undone. The tax of {1} was released by {2}. Undo {2} first."),
		REPAID: _("{0} cannot be undone. The tax of {1} was repaid by {2}. Undo {2} first."),
		CLAIMED_AGAIN: _("{0} cannot be undone. The tax of {1} was claimed again by {2}. Undo {2} first."),
		MOVED_BACK: _(
			"{0} cannot be undone. The tax of {1} was moved back from the loss by {2}. Undo {2} first."
		),
	}[what]
	if what == CLAIMED_AGAIN and is_lapsed:
		text = _("{0} cannot be undone. The tax of {1} was moved to the loss by {2}. Undo {2} first.")
	return text.format(undone, claim, run)


def throw_if_not_undoable(run: str, entry: str | None = None, *, alone: bool = False) -> None:
	problem = undo_problem(run, entry, alone=alone)
	if problem:
		frappe.throw(problem, title=_("Undo"))
