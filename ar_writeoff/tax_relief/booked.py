"""Tax that the entry of a write-off took, by the methods Net at Once and Interim Account: what entries that take back the
write-off have to return of it.

An entry of a write-off run always uses the account that took the tax. From and to an interim account only tax runs post
against another account.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch, flt

from ar_writeoff.core.money import money
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


# Tax that was released


def released_problem(run: str, entry: str | None = None) -> str | None:
	"""Return why a tax run, or one `entry` of it, cannot be undone; None if it can. Tax that was claimed by age and released to
	the loss since would be a debit on the account it was deferred on."""
	if not posts_claims(run):
		return None
	filters = {"run": run, "voucher_type": TAX_CLAIM, "status": ("in", ITEM_POSTED)}
	rows = frappe.get_all(
		"Write-Off Run Item",
		filters=filters | ({"journal_entry": entry} if entry else {}),
		fields=["voucher_no", "base_write_off_amount"],
		order_by="name asc",
	)
	undone = {row.voucher_no: row.base_write_off_amount for row in rows}
	claim, release = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(TAX_CLAIM).as_("release")
	for names in create_batch(
		[name for name, amount in undone.items() if amount > 0], ledger.CLAIMS_PER_QUERY
	):
		left: dict[str, float] = {}
		for name, net, of_release, released, tax_run in (
			frappe.qb.from_(claim)
			.inner_join(release)
			.on(release.releases == claim.name)
			.select(
				claim.name,
				claim.claimed_amount - claim.repaid_amount,
				release.name,
				release.claimed_amount - release.repaid_amount,
				release.tax_run,
			)
			.where(claim.name.isin(names))
			.orderby(release.name)
			.run()
		):
			left.setdefault(name, net - undone[name])
			left[name] -= released - undone.get(of_release, 0)
			if flt(left[name], 6) < 0:
				return _("{0} cannot be undone. The tax of {1} was released by {2}. Undo {2} first.").format(
					run, name, tax_run
				)
	return None


def throw_if_released(run: str, entry: str | None = None) -> None:
	problem = released_problem(run, entry)
	if problem:
		frappe.throw(problem, title=_("Tax Released"))
