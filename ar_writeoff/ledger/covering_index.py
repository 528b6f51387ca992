"""An optional covering index on Payment Ledger Entry for the search.

It has all columns that the search reads, ordered by its groups: customer by customer. Without it the search reads the
ledger rows one by one. Building the index does not block others, but takes minutes and disk space on a large table; so
install creates it only on a small ledger, otherwise run:

    bench --site SITE execute ar_writeoff.ledger.covering_index.create
    bench --site SITE execute ar_writeoff.ledger.covering_index.drop

Uninstalling the app drops it. It is not in an `on_doctype_update`, because the DocType is ERPNext's.
"""

import frappe

TABLE = "tabPayment Ledger Entry"
NAME = "ar_writeoff_open_balances"
COLUMNS = (
	"party_type",
	"party",
	"account",
	"against_voucher_type",
	"against_voucher_no",
	"delinked",
	"posting_date",
	"amount_in_account_currency",
	"amount",
)

# Maximum number of rows to build it on install, which takes a second or two.
SMALL = 100_000


def exists() -> bool:
	return bool(frappe.db.has_index(TABLE, NAME))


def create() -> None:
	"""Create the index if it does not exist. Commits, as DDL does."""
	if not exists():
		columns = ", ".join(f"`{column}`" for column in COLUMNS)
		# nosemgrep: frappe-using-db-sql - no builder for ALTER TABLE
		frappe.db.sql_ddl(f"ALTER TABLE `{TABLE}` ADD INDEX `{NAME}` ({columns})")


def drop() -> None:
	"""Drop the index if it exists. Commits."""
	if exists():
		# nosemgrep: frappe-using-db-sql - no builder for ALTER TABLE
		frappe.db.sql_ddl(f"ALTER TABLE `{TABLE}` DROP INDEX `{NAME}`")


def create_if_small() -> None:
	"""Create the index on a small ledger."""
	few = frappe.qb.from_("Payment Ledger Entry").select("name").limit(SMALL + 1)
	if len(few.run()) <= SMALL:
		create()
