"""An index on Payment Ledger Entry that answers the whole search: a choice of the site, and reversible.

It holds every column that the search reads, in the order in which it groups: customer by customer. Without it the
search reads each ledger row of a customer on its own. Building it reads the table once and blocks nobody, but takes
minutes and disk on a large one; so it is made at install only on a small ledger, otherwise by a person:

    bench --site SITE execute ar_writeoff.ledger.covering_index.create
    bench --site SITE execute ar_writeoff.ledger.covering_index.drop

Uninstalling the app drops it.
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

# Rows up to which it is built without asking: a second or two.
SMALL = 100_000


def exists() -> bool:
	return bool(frappe.db.has_index(TABLE, NAME))


def create() -> None:
	"""Build the index, if it is not there. Commits, as every change of a table does."""
	if not exists():
		columns = ", ".join(f"`{column}`" for column in COLUMNS)
		frappe.db.sql_ddl(f"ALTER TABLE `{TABLE}` ADD INDEX `{NAME}` ({columns})")


def drop() -> None:
	"""Remove the index, if it is there. Commits."""
	if exists():
		frappe.db.sql_ddl(f"ALTER TABLE `{TABLE}` DROP INDEX `{NAME}`")


def create_if_small() -> None:
	"""Build the index on a small ledger; a large one is for a person to decide on."""
	few = frappe.qb.from_("Payment Ledger Entry").select("name").limit(SMALL + 1)
	if len(few.run()) <= SMALL:
		create()
