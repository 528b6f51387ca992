"""Dimensions of an entry: cost center, project, finance book and all Accounting Dimensions of the site.

The receivable side has the dimensions of the voucher's ledger row. The offset side has the same; a dimension that the
ledger row of an invoice lacks is taken from the lines of the invoice, by their share, and what the lines lack as well
from the Settings (cost center) and from the company's default dimensions. A default also fills the receivable side where
the account requires it. A setting forces one cost center on the whole offset side.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import frappe
from erpnext.accounts.doctype.accounting_dimension.accounting_dimension import (
	get_accounting_dimensions,
	get_checks_for_pl_and_bs_accounts,
)
from erpnext.accounts.doctype.accounting_dimension_filter.accounting_dimension_filter import (
	get_dimension_filter_map,
)
from frappe import _
from frappe.query_builder.functions import Min, Sum
from frappe.utils import create_batch

from ar_writeoff.core import dimensions, reasons
from ar_writeoff.core.dimensions import DimensionRule
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.accounts import account_blocker, no_offset_account
from ar_writeoff.ledger.open_items import Key, balance_key, vouchers_by_type
from ar_writeoff.posting.rules import Dimensions, PlanItem, SetOffRow, Shares

AccountRules = Mapping[str, list[DimensionRule]]
# Dimensions of a voucher by fieldname, with the weight of each set.
VoucherShares = list[tuple[dict[str, str], Decimal]]

INVOICE = "Sales Invoice"
# Types of vouchers whose credits are allocated, see `posting/credits.py`.
ALLOCATED_TYPES = ("Payment Entry", "Journal Entry")

# More rows of the offset side of one invoice do not fit into a Journal Entry.
MAX_OFFSET_ROWS = 90


@dataclass(frozen=True, slots=True)
class VoucherDimensions:
	"""Dimensions of a voucher: `own` of its receivable row, `shares` with those of the lines where the row has none."""

	own: dict[str, str]
	shares: VoucherShares
	finance_book: str = ""

	def values(self, field: str) -> set[str]:
		"""Return the values of a dimension over all shares; an empty text where there is none."""
		return {values.get(field, "") for values, _weight in self.shares}


NO_DIMENSIONS = VoucherDimensions({}, [({}, Decimal(1))])


@dataclass(frozen=True)
class Offset:
	"""Account and dimensions of the offset side of a run's entries. `account` is None if none is set. `defaults`: the
	company's default Accounting Dimensions, by fieldname. `is_for_set_offs`: for credits to set off, which have no offset
	side. `accounts`: the number of accounts that an entry has on this side."""

	company: str
	account: str | None
	cost_center: str | None
	force_cost_center: bool = False
	reason: str = ""
	defaults: tuple[tuple[str, str], ...] = ()
	is_for_set_offs: bool = False
	accounts: int = 1

	@cached_property
	def has_rules(self) -> bool:
		"""Whether any dimension is mandatory or restricted. Read once for a batch."""
		return bool(get_dimension_filter_map() or _checks(self.company))

	def values(self, own: Mapping[str, str]) -> dict[str, str]:
		"""Return the dimensions of the offset side for a voucher with these dimensions."""
		values = {**dict(self.defaults), **own}
		if self.cost_center and (self.force_cost_center or not values.get("cost_center")):
			values["cost_center"] = self.cost_center
		return values

	def receivable_values(self, own: Mapping[str, str], rules: Iterable[DimensionRule]) -> dict[str, str]:
		"""Return the dimensions of the receivable side: the voucher's own, and the defaults that its account requires."""
		defaults = dict(self.defaults)
		required = {
			rule.field: defaults[rule.field]
			for rule in rules
			if rule.mandatory and rule.field in defaults and not own.get(rule.field)
		}
		return {**own, **required}

	def shares(self, shares: VoucherShares) -> Shares:
		"""Return the dimensions of the offset side by weight."""
		weights: dict[Dimensions, Decimal] = {}
		for own, weight in shares:
			values = tuple(sorted(self.values(own).items()))
			weights[values] = weights.get(values, ZERO) + weight
		most = MAX_OFFSET_ROWS // self.accounts
		if len(weights) > most:
			largest = sorted(weights, key=lambda values: weights[values], reverse=True)
			rest = sum((weights.pop(values) for values in largest[most:]), ZERO)
			weights[largest[0]] += rest
		return tuple(weights.items())

	def exclusions(
		self, amounts: Mapping[Key, Decimal], dimensions_of: Mapping[Key, VoucherDimensions]
	) -> dict[Key, Reason]:
		"""Return the reasons why entries of these balances would be rejected: no account, or invalid dimensions."""
		offset_account = (not self.is_for_set_offs and self.account) or ""
		if not self.is_for_set_offs:
			blocker = (
				account_blocker(self.account, self.company)
				if self.account
				else no_offset_account(self.company, self.reason)
			)
			if blocker:
				return dict.fromkeys(amounts, blocker)
		if not self.has_rules:
			return {}
		accounts = {key.account for key in amounts} | {offset_account}
		rules = account_rules(self.company, accounts - {""})
		result = {}
		for key, amount in amounts.items():
			voucher = dimensions_of.get(key, NO_DIMENSIONS)
			if amount < 0 and key.voucher_type in ALLOCATED_TYPES:
				reason = credit_violation(key, rules[key.account], voucher.own)
			else:
				receivable = self.receivable_values(voucher.own, rules[key.account])
				reason = dimensions.violation(key.account, rules[key.account], receivable)
			for values, _weight in self.shares(voucher.shares) if offset_account else ():
				reason = reason or dimensions.violation(offset_account, rules[offset_account], dict(values))
			if reason:
				result[key] = reason
		return result


def credit_violation(key: Key, rules: Iterable[DimensionRule], own: Mapping[str, str]) -> Reason | None:
	"""Return why ERPNext cannot allocate a payment or journal credit: it posts the ledger rows of the credit again, with its
	own dimensions only."""
	reason = dimensions.violation(key.account, rules, own)
	if reason and reason.code == reasons.DIMENSION_MISSING:
		facts = dict(reason.facts)
		reason = Reason.of(
			reasons.CREDIT_DIMENSION_MISSING,
			account=key.account,
			dimension=facts["dimension"],
			doctype=key.voucher_type,
			voucher=key.voucher_no,
		).with_link(key.voucher_type, key.voucher_no)
	return reason


class RequiredDimensions:
	"""Adds the company's defaults that an account requires today to dimensions of rows of earlier entries. One object for an
	entry reads the rules of each account once."""

	def __init__(self, company: str):
		self.offset = Offset(company, None, None, defaults=tuple(company_defaults(company).items()))
		self.rules: dict[str, list[DimensionRule]] = {}

	def add_to(self, values: Dimensions, account: str) -> Dimensions:
		if not self.offset.has_rules:
			return values
		if account not in self.rules:
			self.rules |= account_rules(self.offset.company, [account])
		return tuple(sorted(self.offset.receivable_values(dict(values), self.rules[account]).items()))


def dimension_fields() -> list[str]:
	"""Return the dimension fields of a Journal Entry row: cost center, project and Accounting Dimensions."""
	return ["cost_center", "project", *get_accounting_dimensions()]


def with_dimensions(items: list[PlanItem], offset: Offset) -> list[PlanItem]:
	"""Return the items with dimensions for both sides of the entry, from their vouchers."""
	set_off = [set_off_key(item, row) for item in items for row in item.set_off_rows]
	found = voucher_dimensions([*(balance_key(item) for item in items), *set_off])
	rules: AccountRules = {}
	if offset.has_rules:
		accounts = {item.receivable_account for item in items} | {key.account for key in set_off}
		rules = account_rules(offset.company, accounts)
	result = []
	for item in items:
		voucher = found.get(balance_key(item), NO_DIMENSIONS)
		result.append(
			replace(
				item,
				receivable_dimensions=receivable_dimensions(balance_key(item), found, offset, rules),
				offset_shares=offset.shares(voucher.shares),
				finance_book=voucher.finance_book,
				set_off_rows=tuple(
					replace(
						row, dimensions=receivable_dimensions(set_off_key(item, row), found, offset, rules)
					)
					for row in item.set_off_rows
				),
			)
		)
	return result


def receivable_dimensions(
	key: Key, found: Mapping[Key, VoucherDimensions], offset: Offset, rules: AccountRules
) -> Dimensions:
	"""Return the dimensions of the receivable side for a voucher."""
	own = found.get(key, NO_DIMENSIONS).own
	return tuple(sorted(offset.receivable_values(own, rules.get(key.account, ())).items()))


def offset_rows(keys: Mapping[str, Key], offset: Offset) -> dict[str, frozenset[Hashable]]:
	"""Return the values that determine the offset rows of each item: its finance book and the dimensions of the offset
	side."""
	found = voucher_dimensions(keys.values())
	result: dict[str, frozenset[Hashable]] = {}
	for name, key in keys.items():
		voucher = found.get(key, NO_DIMENSIONS)
		result[name] = frozenset(
			(voucher.finance_book, values) for values, _weight in offset.shares(voucher.shares)
		)
	return result


def voucher_dimensions(keys: Iterable[Key]) -> dict[Key, VoucherDimensions]:
	"""Return the dimensions of these vouchers."""
	keys = list(keys)
	fields = dimension_fields()
	rows = voucher_ledger_rows(keys)
	own = {key: row_dimensions(rows.get(key), fields) for key in keys}
	incomplete = {
		key.voucher_no for key in keys if key.voucher_type == INVOICE and len(own[key]) < len(fields)
	}
	lines = invoice_lines(incomplete, fields)
	result = {}
	for key in keys:
		shares: VoucherShares = [(own[key], Decimal(1))]
		if key.voucher_type == INVOICE and lines.get(key.voucher_no):
			shares = [({**values, **own[key]}, weight) for values, weight in lines[key.voucher_no]]
		row = rows.get(key)
		result[key] = VoucherDimensions(own[key], shares, (row.finance_book or "") if row else "")
	return result


def dimensions_of(row: Any) -> Dimensions:
	"""Return the dimensions of a row of a Journal Entry."""
	return tuple(sorted((field, row.get(field)) for field in dimension_fields() if row.get(field)))


def offset_shares(voucher: VoucherDimensions, rows: list[Dimensions]) -> Shares:
	"""Return the shares of the offset rows of an entry for one of its balances: for each share of the voucher the row with
	its dimensions, which may also have a cost center and dimensions from the Settings of then. As in `Offset.shares`, the largest
	share takes those without a row."""
	weights: dict[Dimensions, Decimal] = {}
	rest = ZERO
	for values, weight in voucher.shares:
		own = set(values.items())
		found = [row for row in rows if set(row) == own] or [row for row in rows if own <= set(row)]
		if found:
			weights[found[0]] = weights.get(found[0], ZERO) + weight
		else:
			rest += weight
	if rest:
		largest = max(weights, key=lambda row: weights[row], default=rows[0])
		weights[largest] = weights.get(largest, ZERO) + rest
	return tuple(weights.items())


def invoice_lines(names: Iterable[str], fields: Iterable[str]) -> dict[str, VoucherShares]:
	"""Return the dimensions of the lines of these invoices, with their net amounts as weights.

	Dimensions whose lines add up to nothing, such as those of a discount, have no share.
	"""
	item = frappe.qb.DocType("Sales Invoice Item")
	meta = frappe.get_meta("Sales Invoice Item")
	on_lines = [field for field in fields if meta.has_field(field)]
	found: dict[str, VoucherShares] = {}
	for batch in create_batch(sorted(names), 1000):
		for name, amount, *values in (
			frappe.qb.from_(item)
			.select(item.parent, Sum(item.base_net_amount), *[item[field] for field in on_lines])
			.where(item.parent.isin(batch) & (item.parenttype == INVOICE))
			.groupby(item.parent, *[item[field] for field in on_lines])
			.orderby(item.parent)
			.orderby(Min(item.idx))
			.run()
		):
			given = {field: value for field, value in zip(on_lines, values, strict=True) if value}
			found.setdefault(name, []).append((given, Decimal(str(amount or 0))))
	return {name: _positive(shares) for name, shares in found.items()}


def _positive(shares: VoucherShares) -> VoucherShares:
	"""Return the shares with the sign of their total, as positive weights; none if they add up to nothing."""
	total = sum((weight for _values, weight in shares), ZERO)
	return [(values, abs(weight)) for values, weight in shares if weight * total > 0]


def row_dimensions(row: Mapping[str, str] | None, fields: Iterable[str]) -> dict[str, str]:
	return {field: row[field] for field in fields if row.get(field)} if row else {}


def set_off_key(item: PlanItem, row: SetOffRow) -> Key:
	return Key(*row.voucher, row.account, item.customer)


def voucher_ledger_rows(keys: Iterable[Key]) -> dict[Key, frappe._dict]:
	"""Return the receivable row of each voucher in the General Ledger, which has the dimensions of the balance.

	If a voucher has several (payment terms, several lines), it is the first one. If a Cost Center Allocation split the
	row, it has the cost center of the voucher: ERPNext splits the write-off again.
	"""
	wanted = set(keys)
	rows: dict[Key, frappe._dict] = {}
	spread: set[Key] = set()
	gl = frappe.qb.DocType("GL Entry")
	fields = ["cost_center", "project", "finance_book", *get_accounting_dimensions()]
	for voucher_type, vouchers in vouchers_by_type(wanted):
		for batch in create_batch(vouchers, 1000):
			for row in (
				frappe.qb.from_(gl)
				.select(gl.voucher_no, gl.account, gl.party, *[gl[field] for field in fields])
				.where(
					(gl.voucher_type == voucher_type)
					& gl.voucher_no.isin(batch)
					& (gl.party_type == "Customer")
					& (gl.is_cancelled == 0)
				)
				.orderby(gl.creation)
				.orderby(gl.name)
				.run(as_dict=True)
			):
				key = Key(voucher_type, row.voucher_no, row.account, row.party)
				if key in wanted and rows.setdefault(key, row).cost_center != row.cost_center:
					spread.add(key)
	for key, cost_center in booked_cost_centers(spread).items():
		rows[key].cost_center = cost_center
	return rows


def booked_cost_centers(keys: Iterable[Key]) -> dict[Key, str]:
	"""Return the cost centers of the vouchers before Cost Center Allocation."""
	result = {}
	for key in keys:
		if key.voucher_type == "Journal Entry":
			cost_center = frappe.db.get_value(
				"Journal Entry Account",
				{"parent": key.voucher_no, "account": key.account, "party": key.customer},
				"cost_center",
				order_by="idx asc",
			)
		else:
			cost_center = frappe.db.get_value(key.voucher_type, key.voucher_no, "cost_center")
		if cost_center:
			result[key] = cost_center
	return result


# Validation by ERPNext


def unusable_values(items: Iterable[PlanItem], company: str) -> dict[str, Reason]:
	"""Return the items with a value that ERPNext refuses in an entry, by name, with the reason: it does not exist, belongs to
	another company, or is a group of cost centers."""
	used: dict[tuple[str, str], list[PlanItem]] = {}
	for item in items:
		for values in (
			item.receivable_dimensions,
			*(values for values, _weight in item.offset_shares),
			*(row.dimensions for row in item.set_off_rows),
		):
			for pair in values:
				used.setdefault(pair, []).append(item)
	found: dict[str, Reason] = {}
	for pair, problem in _refused_values(used, company).items():
		field, value = pair
		for item in used[pair]:
			found[item.name] = Reason.caused(
				reasons.VALUE_UNUSABLE,
				problem,
				dimension=dimension_doctypes()[field],
				voucher=item.voucher_no,
				value=value,
			).with_link(dimension_doctypes()[field], value)
	return found


def _refused_values(pairs: Iterable[tuple[str, str]], company: str) -> dict[tuple[str, str], Reason]:
	"""Return the dimension fields and values that ERPNext refuses, with the reason."""
	found: dict[tuple[str, str], Reason] = {}
	for field, of_field in groupby(sorted(pairs), key=itemgetter(0)):
		doctype = dimension_doctypes()[field]
		values = [value for _field, value in of_field]
		columns = [name for name in ("company", "is_group") if frappe.get_meta(doctype).has_field(name)]
		rows = frappe.get_all(
			doctype, filters={"name": ("in", values)}, fields=["name", *columns], order_by=None
		)
		known = {row.name: row for row in rows}
		for value in values:
			row = known.get(value)
			if not row:
				found[field, value] = Reason.of(reasons.DOES_NOT_EXIST, doctype=doctype, name=value)
			elif row.get("company") and row.company != company:
				found[field, value] = Reason.of(
					reasons.OTHER_COMPANY, doctype=doctype, name=value, owner=row.company, company=company
				)
			elif doctype == "Cost Center" and row.is_group:
				found[field, value] = Reason.of(reasons.IS_GROUP, doctype=doctype, name=value)
	return found


def dimension_doctypes() -> dict[str, str]:
	"""Return the DocType of each dimension field of a Journal Entry row."""
	return {
		"cost_center": "Cost Center",
		"project": "Project",
		**{row.fieldname: row.document_type for row in get_accounting_dimensions(as_list=False)},
	}


def company_defaults(company: str) -> dict[str, str]:
	"""Return the company's default Accounting Dimensions by fieldname."""
	return {
		row.fieldname: row.default_dimension for row in _dimension_details(company) if row.default_dimension
	}


def account_rules(company: str, accounts: Iterable[str]) -> AccountRules:
	"""Return the rules of these accounts: mandatory dimensions by report type, and Accounting Dimension Filters."""
	result: dict[str, list[DimensionRule]] = {}
	filters = get_dimension_filter_map()
	for account in accounts:
		rules = []
		profit_and_loss = frappe.get_cached_value("Account", account, "report_type") == "Profit and Loss"
		if profit_and_loss:
			rules.append(DimensionRule("cost_center", _("Cost Center"), ("Company", company), mandatory=True))
		for row in _checks(company):
			if row.mandatory_for_pl if profit_and_loss else row.mandatory_for_bs:
				rules.append(
					DimensionRule(
						row.fieldname, _(row.label), ("Accounting Dimension", row.label), mandatory=True
					)
				)
		for (field, for_account), value in filters.items():
			if for_account == account:
				listed = frozenset(value["allowed_dimensions"])
				allow = value["allow_or_restrict"] == "Allow"
				rules.append(
					DimensionRule(
						field,
						_(frappe.unscrub(field)),
						_filter_link(field, account),
						mandatory=bool(value["is_mandatory"]),
						allowed=listed if allow else None,
						forbidden=frozenset() if allow else listed,
					)
				)
		result[account] = rules
	return result


def _filter_link(field: str, account: str) -> tuple[str, str]:
	names = frappe.get_all("Applicable On Account", {"applicable_on_account": account}, pluck="parent")
	for row in frappe.get_all(
		"Accounting Dimension Filter",
		filters={"name": ("in", names or [""]), "disabled": 0},
		fields=["name", "accounting_dimension"],
		order_by="name asc",
	):
		# Depending on the release, the filter uses the dimension's fieldname (from its label) or the scrubbed DocType.
		own_field = frappe.db.get_value(
			"Accounting Dimension", {"document_type": row.accounting_dimension}, "fieldname"
		)
		if field in (own_field, frappe.scrub(row.accounting_dimension)):
			return "Accounting Dimension Filter", row.name
	return "Account", account


def _dimension_details(company: str) -> list[frappe._dict]:
	return [row for row in get_checks_for_pl_and_bs_accounts() if row.company == company]


def _checks(company: str) -> list[frappe._dict]:
	return [row for row in _dimension_details(company) if row.mandatory_for_pl or row.mandatory_for_bs]
