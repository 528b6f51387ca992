"""Optional covering indexes for the search.

The one on Payment Ledger Entry has all columns that the search reads, ordered by its groups: customer by customer.
Without it the search reads the ledger rows one by one. The others find the vouchers of a customer that are drafts or open:
without the one on Sales Invoice a large search does not look for invoices that have no rows in the Payment Ledger, and
without those on payments and Journal Entries not for drafts on account and for credits without rows. Building an index
does not block others, but takes minutes and disk space on a large table; so install creates them only on a small
ledger, otherwise run:

    bench --site SITE execute ar_writeoff.ledger.covering_index.create
    bench --site SITE execute ar_writeoff.ledger.covering_index.drop

Uninstalling the app drops them. They are not in an `on_doctype_update`, because the DocTypes are ERPNext's.
"""

from typing import NamedTuple

import frappe


class Index(NamedTuple):
	"""An index on an ERPNext table."""

	table: str
	name: str
	columns: tuple[str, ...]


BALANCES = Index(
	"tabPayment Ledger Entry",
	"ar_writeoff_open_balances",
	(
		"party_type",
		"party",
		"account",
		"against_voucher_type",
		"against_voucher_no",
		"delinked",
		"posting_date",
		"amount_in_account_currency",
		"amount",
	),
)
OUTSTANDING = Index(
	"tabSales Invoice",
	"ar_writeoff_outstanding",
	("customer", "company", "docstatus", "outstanding_amount"),
)
UNALLOCATED = Index(
	"tabPayment Entry",
	"ar_writeoff_unallocated",
	("party", "docstatus", "unallocated_amount"),
)
JOURNAL_ROWS = Index(
	"tabJournal Entry Account",
	"ar_writeoff_journal_rows",
	("party", "docstatus", "reference_type"),
)
INDEXES = (BALANCES, OUTSTANDING, UNALLOCATED, JOURNAL_ROWS)

# Maximum number of ledger rows to build them on install, which takes a second or two.
SMALL = 100_000


def exists(index: Index = BALANCES) -> bool:
	return bool(frappe.db.has_index(index.table, index.name))


def can_read(index: Index) -> bool:
	"""Whether rows of the table can be read by the columns of the index in a short time: it exists, or the table is small."""
	return exists(index) or frappe.db.estimate_count(index.table.removeprefix("tab")) <= SMALL


def create() -> None:
	"""Create the indexes that do not exist. Commits, as DDL does."""
	for index in INDEXES:
		if not exists(index):
			columns = ", ".join(f"`{column}`" for column in index.columns)
			# nosemgrep: frappe-using-db-sql - no builder for ALTER TABLE
			frappe.db.sql_ddl(f"ALTER TABLE `{index.table}` ADD INDEX `{index.name}` ({columns})")


def drop() -> None:
	"""Drop the indexes that exist. Commits."""
	for index in INDEXES:
		if exists(index):
			# nosemgrep: frappe-using-db-sql - no builder for ALTER TABLE
			frappe.db.sql_ddl(f"ALTER TABLE `{index.table}` DROP INDEX `{index.name}`")


def create_if_small() -> None:
	"""Create the indexes on a small ledger."""
	few = frappe.qb.from_("Payment Ledger Entry").select("name").limit(SMALL + 1)
	if len(few.run()) <= SMALL:
		create()
