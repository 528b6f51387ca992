"""The transaction isolation that posting runs under.

MariaDB's default, REPEATABLE READ, would judge balances by a snapshot from before the locks were taken, and its
gap locks on the ledger's indexes would make two workers of one run wait for each other. Under READ COMMITTED
each statement sees what is committed, and the locks taken on invoices decide who goes first.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe


@contextmanager
def read_committed() -> Iterator[None]:
	"""Run what is inside in transactions of their own, READ COMMITTED.

	Commits what came before; what is not committed inside is rolled back.
	"""
	frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
	# The level is for the transactions that follow, so the one that is open has to end.
	frappe.db.commit()
	try:
		yield
	finally:
		frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
		frappe.db.rollback()
