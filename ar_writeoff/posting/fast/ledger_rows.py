"""General Ledger and Payment Ledger rows of a Journal Entry that is submitted or cancelled.

ERPNext's own functions make the rows and check the entry. Two of the functions that they call are replaced: those that
save one row at a time. Most of ERPNext's validation of a row depends only on its account and dimensions, so one row of
each kind is validated. Validations of the party run for all parties at once. Rows are inserted together, or saved as
documents if they have listeners.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import frappe
from erpnext.accounts import general_ledger, utils
from erpnext.accounts.doctype.budget.budget import validate_expense_against_budget
from erpnext.accounts.doctype.gl_entry import gl_entry
from erpnext.accounts.party import validate_party_gle_currency
from frappe.utils import now
from pypika import Tuple

from ar_writeoff.ledger import parties
from ar_writeoff.posting.fast import invoices, rows
from ar_writeoff.posting.fast.links import all_valid, linked_documents
from ar_writeoff.posting.fast.listeners import GL_ENTRY, PAYMENT_LEDGER_ENTRY
from ar_writeoff.posting.fast.rebind import Overlay, rebind
from ar_writeoff.posting.fast.validation_cache import ValidationCache

# Fields that the validation of a row may depend on, besides amounts and party. Dimensions and custom fields are
# added.
KIND_FIELDS = (
	"company",
	"account",
	"account_currency",
	"account_type",
	"cost_center",
	"project",
	"finance_book",
	"fiscal_year",
	"party_type",
	"is_opening",
	"posting_date",
	"transaction_currency",
	"is_cancelled",
	"delinked",
)
# Fields that ERPNext compares to find the rows that the row of a cancellation reverses.
DELINKED_BY = (
	"company",
	"account_type",
	"account",
	"party_type",
	"party",
	"voucher_type",
	"voucher_no",
	"against_voucher_type",
	"against_voucher_no",
)

Row = frappe._dict


class MadeRow(frappe._dict):
	"""A Payment Ledger row as ERPNext's function makes it, in place of a document."""

	flags = property(lambda _row: frappe._dict())

	def submit(self) -> None:
		"""The rows are saved together."""


class RowWriter:
	"""Writes the ledger rows that ERPNext's functions make for one entry."""

	def __init__(self, cache: ValidationCache):
		self.cache = cache
		self.pending: dict[str, list[Row]] = defaultdict(list)
		# Rows of the entry being cancelled, which wait for the rows before them.
		self.delinked: list[Row] = []

	def make_gl_entries(self) -> Callable:
		"""ERPNext's function that posts the rows of an entry; it writes them here."""
		memoize = self.cache.memoize
		distribute = rebind(
			general_ledger.distribute_gl_based_on_cost_center_allocation,
			validate_expense_against_budget=self.validate_budget,
			get_cost_center_allocation_data=memoize(general_ledger.get_cost_center_allocation_data),
		)
		replaced = {
			"make_entry": self.make_entry,
			"create_payment_ledger_entry": self.create_payment_ledger_entry,
			"check_freezing_date": memoize(general_ledger.check_freezing_date),
			"validate_against_pcv": memoize(general_ledger.validate_against_pcv),
			"validate_accounting_period": self.once_for_accounts(general_ledger.validate_accounting_period),
		}
		save_entries = rebind(
			general_ledger.save_entries,
			validate_cwip_accounts=self.once_for_accounts(general_ledger.validate_cwip_accounts),
			**replaced,
		)
		return rebind(
			general_ledger.make_gl_entries,
			make_acc_dimensions_offsetting_entry=self.make_offsetting_entry,
			validate_disabled_accounts=self.once_for_accounts(general_ledger.validate_disabled_accounts),
			process_gl_map=rebind(
				general_ledger.process_gl_map, distribute_gl_based_on_cost_center_allocation=distribute
			),
			save_entries=save_entries,
			make_reverse_gl_entries=rebind(general_ledger.make_reverse_gl_entries, **replaced),
			**replaced,
			**({} if self.has_budgets() else {"BudgetValidation": NoBudgets}),
		)

	# Checks of the whole entry

	def once_for_accounts(self, validate: Callable) -> Callable:
		"""The validation, run once for each date and set of accounts."""

		def call(gl_rows: list[Row]) -> None:
			first = gl_rows[0]
			accounts = frozenset(row.account for row in gl_rows)
			key = (validate.__name__, first.company, first.posting_date, first.voucher_type, accounts)
			self.cache.get_or_run(key, lambda: validate(gl_rows))

		return call

	def make_offsetting_entry(self, gl_rows: list[Row]) -> None:
		company = gl_rows[0].company
		if self.cache.get_or_run(("offsetting", company), partial(has_offsetting_dimension, company)):
			general_ledger.make_acc_dimensions_offsetting_entry(gl_rows)

	def has_budgets(self) -> bool:
		return bool(self.cache.get_or_run("budgets", lambda: frappe.get_all("Budget", limit=1)))

	def validate_budget(self, row: Row, **kwargs: Any) -> None:
		"""Check the budget of a row. ERPNext counts the rows already inserted."""
		if self.has_budgets() and frappe.get_cached_value("Account", row.account, "root_type") == "Expense":
			self.flush()
			validate_expense_against_budget(row, **kwargs)

	# Rows

	def create_payment_ledger_entry(self, gl_rows: list[Row], **kwargs: Any) -> None:
		"""Insert the Payment Ledger rows of these General Ledger rows, and record the invoices they settle. Of an entry
		that is cancelled, the rows that they reverse are delinked first."""
		made, reverses = self.make_payment_rows(gl_rows, **kwargs)
		settled: list[Row] = []
		# ERPNext updates an invoice with each row, and a listener is called for each update.
		names = [row.against_voucher_no for row in made if row.doctype == PAYMENT_LEDGER_ENTRY]
		at_once = len(names) > len(set(names)) and self.cache.has_listener(invoices.INVOICE)
		for row in made:
			if reverses:
				self.delinked.append(row)
			if row.doctype != PAYMENT_LEDGER_ENTRY:
				self.flush()
				other = frappe.get_doc(row)
				other.flags.update(ignore_permissions=True, update_outstanding="Yes")
				other.submit()
				continue
			self.add(row)
			if at_once and not self.cache.has_listener(PAYMENT_LEDGER_ENTRY):
				self.flush()
				invoices.settle([row], self.cache)
			else:
				settled.append(row)
		self.flush()
		if not self.cache.has_listener(PAYMENT_LEDGER_ENTRY):
			invoices.settle(settled, self.cache)

	def make_payment_rows(self, gl_rows: list[Row], **kwargs: Any) -> tuple[list[Row], bool]:
		"""The Payment Ledger rows that ERPNext would save, and whether they reverse others."""
		made: list[Row] = []
		reversing: list[Row] = []

		def make(values: Row) -> MadeRow:
			row = MadeRow(values)
			made.append(row)
			return row

		rebind(
			utils.create_payment_ledger_entry,
			frappe=Overlay(frappe, get_doc=make),
			get_payment_ledger_entries=rebind(
				utils.get_payment_ledger_entries, get_dimensions=self.cache.memoize(utils.get_dimensions)
			),
			delink_original_entry=lambda row, **_kwargs: reversing.append(row),
		)(gl_rows, **kwargs)
		return made, bool(reversing)

	def make_entry(self, row: Row, *_args: Any, **_kwargs: Any) -> None:
		"""Insert a General Ledger row."""
		row.doctype = GL_ENTRY
		self.add(row)
		if frappe.get_cached_value("Account", row.account, "balance_must_be"):
			self.flush()
			gl_entry.validate_balance_type(row.account)
		self.validate_budget(row)

	def add(self, row: Row) -> None:
		"""Save the row if its DocType has listeners; otherwise it is inserted with the next ones."""
		if self.cache.has_listener(row.doctype):
			self.flush()
			save_document(row, self)
		else:
			self.validate(row)
			self.pending[row.doctype].append(row)

	def flush(self) -> None:
		"""Delink and insert the rows that wait for it."""
		if self.delinked:
			delink(self.delinked)
			self.delinked.clear()
		for doctype, waiting in self.pending.items():
			fixed = {}
			if doctype == GL_ENTRY:
				fixed["to_rename"] = int(frappe.get_meta(GL_ENTRY).autoname != "hash")
			rows.insert(doctype, waiting, self.default_values(doctype), **fixed)
			waiting.clear()

	def default_values(self, doctype: str) -> Row:
		"""Default values of a new document."""
		return self.cache.get_or_run(("new", doctype), lambda: frappe.new_doc(doctype, as_dict=True))

	# Validation of rows

	def validate(self, row: Any) -> None:
		"""Validate a row, or a document that is being saved, and set the values that ERPNext sets."""
		if row.doctype == GL_ENTRY:
			self.validate_party(row)
		fields, required = self.cache.get_or_run(("kind", row.doctype), partial(kind_fields, row.doctype))
		kind = (
			row.doctype,
			*(row.get(field) for field in fields),
			*(bool(row.get(field)) for field in required),
			bool(row.get("debit") or row.get("credit")),
		)
		row.update(self.cache.get_or_run(kind, partial(self.validate_as_document, row)))
		if row.doctype == GL_ENTRY and hasattr(gl_entry.GLEntry, "set_amount_in_reporting_currency"):
			rebind(
				gl_entry.GLEntry.set_amount_in_reporting_currency,
				get_exchange_rate=self.cache.memoize(gl_entry.get_exchange_rate),
			)(row)

	def validate_as_document(self, row: Any) -> dict[str, Any]:
		"""Validate one row with ERPNext's code; returns the values it sets."""
		doctype = row.doctype
		document = frappe.new_doc(doctype)
		document.update(
			{
				field: row.get(field)
				for field in document.meta.get_valid_columns()
				if row.get(field) is not None
			}
		)
		document.docstatus, document._action = 1, "submit"
		document._set_defaults()
		document.flags.update_outstanding = "Yes"
		if not all_valid(linked_documents(doctype, [row]), self.cache.valid_links):
			document._validate_links()
		controller = type(document)
		on_update = rebind(
			controller.on_update,
			validate_balance_type=do_nothing,
			update_voucher_outstanding=do_nothing,
			update_outstanding_amt=do_nothing,
		)
		# The customers are validated by `validate_party`.
		with parties.skip_party_validation():
			document.validate()
			on_update(document)
		document._validate()
		return {
			field: document.get(field)
			for field in ("fiscal_year", "account_currency")
			if document.get(field) and not row.get(field)
		}

	def validate_party(self, row: Any) -> None:
		"""Check that the row's customer is not disabled, frozen or booked in another currency."""
		if row.get("party_type") != "Customer" or not row.get("party"):
			return
		name, cache = row.party, self.cache
		customer = get_customers({name}, cache).get(name)
		if not customer:
			return
		if customer.disabled or customer.is_frozen:
			parties.validate_state(row.company, "Customer", name)
		if row.get("is_cancelled"):
			return
		currency = row.account_currency
		if customer.gle_currency and customer.gle_currency != currency:
			validate_party_gle_currency("Customer", name, cache.company, currency)
		customer.gle_currency = customer.gle_currency or currency


class NoBudgets:
	"""In place of ERPNext's BudgetValidation where the site has no budgets."""

	def __init__(self, **_kwargs: Any) -> None:
		pass

	def validate(self) -> None:
		pass


def delink(rows: list[Row]) -> None:
	"""Delink the Payment Ledger rows that these ones reverse, as ERPNext does it for each. With an immutable ledger, of
	which some releases delink nothing, a row that stays linked reverses rows that stay linked."""
	together: dict[bool, list[tuple]] = defaultdict(list)
	for row in rows:
		key = tuple(row.get(field) for field in DELINKED_BY)
		if row.doctype != PAYMENT_LEDGER_ENTRY or None in key:
			utils.delink_original_entry(row)
		else:
			together[bool(row.delinked)].append(key)
	table = frappe.qb.DocType(PAYMENT_LEDGER_ENTRY)
	for delinked, keys in together.items():
		query = frappe.qb.update(table).set(table.modified, now()).set(table.modified_by, frappe.session.user)
		if delinked:
			query = query.set(table.delinked, 1)
		fields = Tuple(*(table[field] for field in DELINKED_BY))
		# Of these entries only, by the index.
		vouchers = sorted({key[DELINKED_BY.index("voucher_no")] for key in keys})
		query.where(table.voucher_no.isin(vouchers) & fields.isin(sorted(set(keys)))).run()


def do_nothing(*_args: Any, **_kwargs: Any) -> None:
	pass


def kind_fields(doctype: str) -> tuple[list[str], list[str]]:
	"""The fields whose values decide on the kind of a row, and those of which only their presence does."""
	meta = frappe.get_meta(doctype)
	fields = sorted({*KIND_FIELDS, *(field.fieldname for field in meta.get_custom_fields())})
	return fields, [field.fieldname for field in meta.get("fields", {"reqd": 1})]


def has_offsetting_dimension(company: str) -> bool:
	"""Whether entries of the company are balanced by an accounting dimension."""
	return bool(
		frappe.get_all(
			"Accounting Dimension Detail",
			filters={"company": company, "automatically_post_balancing_accounting_entry": 1},
			limit=1,
			order_by=None,
		)
	)


def get_customers(names: set[str], cache: ValidationCache) -> dict[str, frappe._dict]:
	"""Customers of these names, with the currency in which ERPNext finds them booked."""
	unknown = names - cache.customers.keys()
	if unknown:
		load_customers(cache.with_prefetch("Customer", unknown), cache)
	return {name: cache.customers[name] for name in names if name in cache.customers}


def load_customers(names: Iterable[str], cache: ValidationCache) -> None:
	customer = frappe.qb.DocType("Customer")
	gle_currency = parties.booked_currency(cache.company, customer.name)
	for row in (
		frappe.qb.from_(customer)
		.select(customer.name, customer.disabled, customer.is_frozen, gle_currency.as_("gle_currency"))
		.where(customer.name.isin(list(names)))
		.run(as_dict=True)
	):
		cache.customers[row.name] = row


# Documents


def save_document(row: Row, writer: RowWriter) -> None:
	"""Save a row as Frappe does, with all handlers and rules. Only ERPNext's own validation is replaced."""
	if row.doctype == GL_ENTRY:
		document = frappe.new_doc(GL_ENTRY)
		document.update(row)
		document.flags.notify_update = False
	else:
		document = frappe.get_doc(row)
	document.flags.update(
		ignore_permissions=True, adv_adj=False, from_repost=False, update_outstanding="Yes", writer=writer
	)
	controller = type(document)
	document.__class__ = saved_row_class(controller)  # type: ignore[arg-type]
	document.submit()
	document.__class__ = controller
	del document.flags.writer
	row.update({field: document.get(field) for field in (*row, "name")})


class SavedRow:
	"""A ledger row that is saved as a document. Mixed into the controller of its DocType."""

	flags: Any
	meta: Any
	doctype: str
	get_valid_dict: Any

	def _validate_links(self) -> None:
		if any(field.get("fetch_from") for field in self.meta.fields) or not all_valid(
			linked_documents(self.doctype, [self]),  # type: ignore[list-item]
			self.flags.writer.cache.valid_links,
		):
			super()._validate_links()  # type: ignore[misc]

	def validate(self) -> None:
		self.flags.ignore_submit_comment = True
		self.flags.writer.validate(self)

	def on_update(self) -> None:
		# A handler may have changed the row since.
		self.flags.writer.validate(self)
		if self.doctype == PAYMENT_LEDGER_ENTRY:
			# As ERPNext does, before other handlers see the row.
			cache = self.flags.writer.cache
			invoices.settle([Row(self.get_valid_dict())], cache)
			invoices.refresh(cache)


@functools.cache
def saved_row_class(controller: type) -> type:
	return type(controller.__name__, (SavedRow, controller), {})
