"""User Permissions as query conditions for the app's own SQL.

`erpnext.accounts.utils.build_qb_match_conditions` assumes column names and excludes rows with an empty field, so User
Permissions are resolved to names here, once per search or batch.
"""

from dataclasses import dataclass, replace
from typing import Any

import frappe
from frappe import _
from frappe.core.doctype.file.file import has_permission as file_has_permission
from frappe.permissions import get_user_permissions
from frappe.query_builder.functions import Coalesce
from frappe.query_builder.terms import NamedParameterWrapper
from pypika import Field, Table
from pypika.terms import Criterion, ExistsCriterion

from ar_writeoff.core import run_types
from ar_writeoff.core.run_types import TAX_CLAIM, TAX_RUN, doctype_of


@dataclass(frozen=True, slots=True)
class Access:
	"""Names that a user may see. None: no restriction. Groups and territories include their descendants."""

	customers: frozenset[str] | None = None
	customer_groups: frozenset[str] | None = None
	territories: frozenset[str] | None = None
	companies: frozenset[str] | None = None
	cost_centers: frozenset[str] | None = None

	@property
	def is_unrestricted(self) -> bool:
		"""Whether there is no restriction within a company."""
		return not any(
			names is not None
			for names in (self.customers, self.customer_groups, self.territories, self.cost_centers)
		)

	def allows_company(self, company: str) -> bool:
		return self.companies is None or company in self.companies


def of_user(user: str | None = None) -> Access:
	"""Return the User Permissions of a user (default: the current one) that apply to receivables."""
	permissions = get_user_permissions(user or frappe.session.user)

	def allowed(doctype: str) -> frozenset[str] | None:
		names = [
			permission.get("doc")
			for permission in permissions.get(doctype, [])
			if permission.get("applicable_for") in (None, "", "Sales Invoice", "Customer", "Write-Off Run")
		]
		return frozenset(names) if names else None

	return Access(
		customers=allowed("Customer"),
		customer_groups=allowed("Customer Group"),
		territories=allowed("Territory"),
		companies=allowed("Company"),
		cost_centers=allowed("Cost Center"),
	)


def check_company(company: str) -> Access:
	"""Return the access of the current user, who must be allowed to see the company.

	Raises:
	    frappe.PermissionError: the user is not.
	"""
	access = of_user()
	if not access.allows_company(company):
		frappe.throw(
			_("You have no permission for company {0}.").format(company),
			frappe.PermissionError,
			title=_("Not permitted"),
		)
	return access


def items_allowed(item: Table, access: Access) -> Criterion | None:
	"""Return the condition for the Write-Off Run Items that this access allows; None for all."""
	conditions = customers_allowed(item, access)
	if access.cost_centers is not None:
		gl = frappe.qb.DocType("GL Entry")
		conditions.append(
			_has_cost_centers(item, access.cost_centers, gl, gl.account == item.receivable_account)
		)
	return Criterion.all(conditions) if conditions else None


def customers_allowed(table: Table, access: Access) -> list[Criterion]:
	"""Return the conditions on the columns `customer` and `company` of a table."""
	conditions = []
	for field, allowed in ((table.customer, access.customers), (table.company, access.companies)):
		if allowed is not None:
			conditions.append(field.isin(list(allowed)))
	customer = frappe.qb.DocType("Customer")
	for field, allowed in (
		(customer.customer_group, access.customer_groups),
		(customer.territory, access.territories),
	):
		if allowed is not None:
			conditions.append(
				table.customer.isin(
					frappe.qb.from_(customer).select(customer.name).where(field.isin(list(allowed)))
				)
			)
	return conditions


def _has_cost_centers(table: Table, cost_centers: frozenset[str], gl: Table, *more: Criterion) -> Criterion:
	"""Return the condition that the voucher has one of these cost centers on a ledger row of its customer, or none there
	and only these on the lines of the invoice."""
	line = frappe.qb.DocType("Sales Invoice Item")
	allowed = list(cost_centers)

	def on_a_row(condition: Criterion) -> ExistsCriterion:
		of_voucher = (gl.voucher_type == table.voucher_type) & (gl.voucher_no == table.voucher_no)
		rows = frappe.qb.from_(gl).select(gl.name)
		return ExistsCriterion(
			rows.where(Criterion.all([of_voucher, *more, gl.party == table.customer, condition]))
		)

	def on_a_line(condition: Criterion) -> ExistsCriterion:
		lines = frappe.qb.from_(line).select(line.name)
		return ExistsCriterion(lines.where((line.parent == table.voucher_no) & condition))

	of_lines = (
		(table.voucher_type == "Sales Invoice")
		& on_a_row(gl.cost_center != "").negate()
		& on_a_line(line.cost_center.isin(allowed))
		& on_a_line(line.cost_center.notin(allowed) | line.cost_center.isnull()).negate()
	)
	return on_a_row(gl.cost_center.isin(allowed)) | of_lines


def holds_allowed(hold: Table, access: Access) -> Criterion | None:
	"""Return the condition for the Write-Off Holds that this access allows; None for all. A hold on a customer has no cost
	center."""
	conditions = customers_allowed(hold, access)
	if access.cost_centers is not None:
		conditions.append(
			(Coalesce(hold.voucher_no, "") == "")
			| _has_cost_centers(hold, access.cost_centers, frappe.qb.DocType("GL Entry"))
		)
	return Criterion.all(conditions) if conditions else None


def runs_allowed(name: Field, access: Access) -> Criterion | None:
	"""Return the condition, on the name of a run, for runs of which this access allows all items; None for all runs.

	Totals, log and exports of a run are only for users who may see all of its items.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	# A run has one company, which is checked separately.
	allowed = items_allowed(item, replace(access, companies=None))
	if allowed is None:
		return None
	hidden = frappe.qb.from_(item).select(item.name).where((item.run == name) & allowed.negate())
	return ExistsCriterion(hidden).negate()


def can_see_whole_run(run: str, user: str | None = None) -> bool:
	"""Whether a user may see all items of this run."""
	access = of_user(user)
	if access.is_unrestricted:
		return True
	table = frappe.qb.DocType(doctype_of(run))
	allowed = runs_allowed(table.name, access)
	return bool(frappe.qb.from_(table).select(table.name).where((table.name == run) & allowed).run())


def check_whole_run(run: str, title: str) -> None:
	"""Refuse if the current user may not see all items of this run. `title`: of the message.

	Raises:
	    frappe.PermissionError: the user may not.
	"""
	if not can_see_whole_run(run):
		frappe.throw(
			_("You may not see all balances of {0}.").format(run), frappe.PermissionError, title=title
		)


# Hooks for Frappe's lists and documents. v15 takes the first result of `has_permission` that is not None, v16 requires
# all to be true.


def items_query_conditions(user: str | None = None) -> str:
	return _sql(items_allowed(frappe.qb.DocType("Write-Off Run Item"), of_user(user)))


def recoveries_query_conditions(user: str | None = None) -> str:
	"""Recoveries of the items that the user may see."""
	item, recovery = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Write-Off Recovery")
	allowed = items_allowed(item, of_user(user))
	return _sql(allowed and recovery.item.isin(frappe.qb.from_(item).select(item.name).where(allowed)))


def claims_query_conditions(user: str | None = None) -> str:
	return _sql(claims_allowed(frappe.qb.DocType(TAX_CLAIM), of_user(user)))


def claims_allowed(claim: Table, access: Access) -> Criterion | None:
	"""Return the condition for the tax claims that this access allows: those of allowed items, and those by age of allowed
	invoices. None for all."""
	item, gl = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("GL Entry")
	allowed = items_allowed(item, access)
	if allowed is None:
		return None
	by_age = [claim.item.isnull(), *customers_allowed(claim, access)]
	if access.cost_centers is not None:
		rows = frappe.qb.from_(gl).select(gl.name)
		of_invoice = (gl.voucher_type == "Sales Invoice") & (gl.voucher_no == claim.sales_invoice)
		of_customer = (gl.party == claim.customer) & gl.cost_center.isin(list(access.cost_centers))
		by_age.append(ExistsCriterion(rows.where(of_invoice & of_customer)))
	return claim.item.isin(frappe.qb.from_(item).select(item.name).where(allowed)) | Criterion.all(by_age)


def holds_query_conditions(user: str | None = None) -> str:
	return _sql(holds_allowed(frappe.qb.DocType("Write-Off Hold"), of_user(user)))


def letters_query_conditions(user: str | None = None) -> str:
	"""Letters of runs of which the user may see all items."""
	return _sql(runs_allowed(frappe.qb.DocType("Write-Off Letter").run, of_user(user)))


def runs_query_conditions(user: str | None = None) -> str:
	"""Runs of which the user may see all items, since the list shows and sums the totals."""
	return _sql(runs_allowed(frappe.qb.DocType("Write-Off Run").name, of_user(user)))


def tax_runs_query_conditions(user: str | None = None) -> str:
	return _sql(runs_allowed(frappe.qb.DocType(TAX_RUN).name, of_user(user)))


def events_query_conditions(user: str | None = None) -> str:
	return _sql(runs_allowed(frappe.qb.DocType("Write-Off Run Event").run, of_user(user)))


def batches_query_conditions(user: str | None = None) -> str:
	"""Batches of the companies that the user may see, by their run."""
	return _of_company("Write-Off Run Batch", user)


def workers_query_conditions(user: str | None = None) -> str:
	return _of_company("Write-Off Run Worker", user)


def _of_company(doctype: str, user: str | None) -> str:
	companies = of_user(user).companies
	if companies is None:
		return ""
	part = frappe.qb.DocType(doctype)
	runs = [frappe.qb.DocType(run_type.doctype) for run_type in run_types.ALL]
	return _sql(
		Criterion.any(
			part.run.isin(frappe.qb.from_(run).select(run.name).where(run.company.isin(list(companies))))
			for run in runs
		)
	)


def _sql(condition: Criterion | None) -> str:
	"""Return the condition as SQL text with escaped values; empty for None."""
	if condition is None:
		return ""
	values = NamedParameterWrapper()
	text = condition.get_sql(param_wrapper=values, quote_char="`", with_namespace=True, subquery=True)
	return text % {name: _literal(value) for name, value in values.get_parameters().items()}


def _literal(value: Any) -> str:
	"""Return the value as a SQL literal without a percent sign: v16 formats the query that it puts the condition into,
	v15 does not."""
	literal = str(frappe.db.escape(value, percent=False))
	return f"_utf8mb4 X'{str(value).encode().hex()}'" if "%" in literal else literal


def has_item_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	return _is_allowed(doc.name, of_user(user))


def has_hold_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Permission for a hold by its company, customer and voucher, also before it is stored."""
	access = of_user(user)
	if not doc.customer:
		return True
	group, territory = frappe.db.get_value("Customer", doc.customer, ["customer_group", "territory"]) or (
		"",
		"",
	)
	names = (
		(doc.company, access.companies),
		(doc.customer, access.customers),
		(group, access.customer_groups),
		(territory, access.territories),
	)
	if any(allowed is not None and name not in allowed for name, allowed in names):
		return False
	if access.cost_centers is None or not doc.voucher_no:
		return True
	voucher = {"voucher_type": doc.voucher_type, "voucher_no": doc.voucher_no, "party": doc.customer}
	on_rows = set(frappe.get_all("GL Entry", voucher, pluck="cost_center", order_by=None)) - {None, ""}
	if on_rows or doc.voucher_type != "Sales Invoice":
		return bool(on_rows & access.cost_centers)
	on_lines = set(
		frappe.get_all("Sales Invoice Item", {"parent": doc.voucher_no}, pluck="cost_center", order_by=None)
	)
	return bool(on_lines) and on_lines <= access.cost_centers


def has_recovery_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Permission for a recovery, by its item."""
	return _is_allowed(doc.item, of_user(user))


def has_claim_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	claim = frappe.qb.DocType(TAX_CLAIM)
	allowed = claims_allowed(claim, of_user(user))
	if allowed is None:
		return True
	return bool(frappe.qb.from_(claim).select(claim.name).where((claim.name == doc.name) & allowed).run())


def _is_allowed(name: str, access: Access) -> bool:
	item = frappe.qb.DocType("Write-Off Run Item")
	allowed = items_allowed(item, access)
	if allowed is None:
		return True
	return bool(frappe.qb.from_(item).select(item.name).where((item.name == name) & allowed).run())


def has_letter_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	return can_see_whole_run(doc.run, user) and of_user(user).allows_company(doc.company)


def has_event_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	return can_see_whole_run(doc.run, user)


def has_run_part_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Permission for batches and workers of a run, which have no amounts."""
	return of_user(user).allows_company(frappe.db.get_value(doctype_of(doc.run), doc.run, "company"))


def has_file_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Permission for an exported list: its author, and users who may see all items of the run.

	Also calls Frappe's own check, which v15 would skip after this hook.
	"""
	user = user or frappe.session.user
	is_of_run = doc.attached_to_doctype in {run_type.doctype for run_type in run_types.ALL}
	if is_of_run and doc.owner != user:
		if not can_see_whole_run(doc.attached_to_name, user):
			return False
	return file_has_permission(doc, ptype, user)
