"""Dimensions of an entry: cost center, project, finance book and all Accounting Dimensions of the site.

The receivable side has the dimensions of the voucher's ledger row. The offset side has the same, with the cost center of
the Settings and the company's default dimensions where the voucher has none. A setting forces one cost center on the
whole offset side.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

import frappe
from erpnext.accounts.doctype.accounting_dimension.accounting_dimension import (
	get_accounting_dimensions,
	get_checks_for_pl_and_bs_accounts,
)
from erpnext.accounts.doctype.accounting_dimension_filter.accounting_dimension_filter import (
	get_dimension_filter_map,
)
from frappe import _
from frappe.utils import create_batch

from ar_writeoff.core import dimensions, reasons
from ar_writeoff.core.dimensions import DimensionRule
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.open_items import Key, vouchers_by_type
from ar_writeoff.posting.rules import PlanItem

AccountRules = Mapping[str, list[DimensionRule]]


@dataclass(frozen=True, slots=True)
class Offset:
	"""Account and dimensions of the offset side of a run's entries. `account` is None if none is set. `defaults`: the
	company's default Accounting Dimensions, by fieldname."""

	company: str
	account: str | None
	cost_center: str | None
	force_cost_center: bool = False
	defaults: tuple[tuple[str, str], ...] = ()

	@property
	def has_rules(self) -> bool:
		"""Whether any dimension is mandatory or restricted."""
		return bool(get_dimension_filter_map() or _checks(self.company))

	def values(self, own: Mapping[str, str]) -> dict[str, str]:
		"""Return the dimensions of the offset side for a voucher with these dimensions."""
		values = {**dict(self.defaults), **own}
		if self.cost_center and (self.force_cost_center or not values.get("cost_center")):
			values["cost_center"] = self.cost_center
		return values

	def exclusions(self, keys: Iterable[Key], own_rows: Mapping[Key, frappe._dict]) -> dict[Key, Reason]:
		"""Return the reasons why entries of these balances would be refused: no account, or invalid dimensions."""
		if not self.account:
			no_account = Reason.of(reasons.NO_OFFSET_ACCOUNT, company=self.company).with_link(
				"Write-Off Settings", self.company
			)
			return dict.fromkeys(keys, no_account)
		if not self.has_rules:
			return {}
		fields = dimension_fields()
		rules = account_rules(self.company, {key.account for key in keys} | {self.account})
		result = {}
		for key in keys:
			own = row_dimensions(own_rows.get(key), fields)
			reason = dimensions.violation(key.account, rules[key.account], own) or dimensions.violation(
				self.account, rules[self.account], self.values(own)
			)
			if reason:
				result[key] = reason
		return result


def dimension_fields() -> list[str]:
	"""Return the dimension fields of a Journal Entry row: cost center, project and Accounting Dimensions."""
	return ["cost_center", "project", *get_accounting_dimensions()]


def with_dimensions(items: list[PlanItem], offset: Offset) -> list[PlanItem]:
	"""Return the items with dimensions for both sides of the entry, from their vouchers' ledger rows."""
	fields = dimension_fields()
	rows = voucher_ledger_rows([plan_item_key(item) for item in items])
	result = []
	for item in items:
		row = rows.get(plan_item_key(item))
		own = row_dimensions(row, fields)
		result.append(
			replace(
				item,
				receivable_dimensions=tuple(sorted(own.items())),
				offset_dimensions=tuple(sorted(offset.values(own).items())),
				finance_book=(row.finance_book or "") if row else "",
			)
		)
	return result


def offset_rows(keys: Mapping[str, Key], offset: Offset) -> dict[str, Hashable]:
	"""Return what decides on the offset row of each item: its finance book and the dimensions of the offset side."""
	fields = dimension_fields()
	rows = voucher_ledger_rows(keys.values())
	result: dict[str, Hashable] = {}
	for name, key in keys.items():
		row = rows.get(key)
		values = offset.values(row_dimensions(row, fields))
		result[name] = (row.finance_book if row else None, tuple(sorted(values.items())))
	return result


def row_dimensions(row: Mapping[str, str] | None, fields: Iterable[str]) -> dict[str, str]:
	return {field: row[field] for field in fields if row.get(field)} if row else {}


def plan_item_key(item: PlanItem) -> Key:
	return Key(item.voucher_type, item.voucher_no, item.receivable_account, item.customer)


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


def company_defaults(company: str) -> dict[str, str]:
	"""Return the company's default Accounting Dimensions by fieldname."""
	return {
		row.fieldname: row.default_dimension for row in _dimension_details(company) if row.default_dimension
	}


def account_rules(company: str, accounts: Iterable[str]) -> AccountRules:
	"""Return the rules of these accounts: mandatory dimensions by report type, and Accounting Dimension Filters."""
	result: dict[str, list[DimensionRule]] = {}
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
		for (field, for_account), value in get_dimension_filter_map().items():
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
