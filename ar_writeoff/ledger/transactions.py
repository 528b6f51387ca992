"""The transactions that posting and undoing run in: isolation, and what happens when one is lost.

MariaDB's default, REPEATABLE READ, would judge balances by a snapshot from before the locks were taken, and its
gap locks on the ledger's indexes would make two workers of one run wait for each other. Under READ COMMITTED
each statement sees what is committed, and the locks taken on invoices decide who goes first.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import frappe

from ar_writeoff.ledger.versions import lost_connection_errors

T = TypeVar("T")

# A lost lock race costs a fraction of a second; a few more tries cost little, a failed batch a phone call.
ATTEMPTS = 7
# Seconds to wait at most for MariaDB to come back between two attempts; all of them add up to half a minute.
LONGEST_WAIT = 10

# What Frappe knows of DocTypes and apps, in the words of its cache.
KEPT = ("app_hooks", "db_tables", "doctype_meta", "merged_translations", "table_columns")


def lost_transaction_errors() -> tuple[type[Exception], ...]:
	"""Errors after which nothing of a transaction is left, so that it has to begin again as a whole.

	Deadlock (1213), changed since the snapshot (1020), lock wait timeout (1205), and a connection that is gone.
	"""
	return (frappe.QueryDeadlockError, frappe.QueryTimeoutError, *lost_connection_errors())


@contextmanager
def read_committed() -> Iterator[None]:
	"""Run what is inside in transactions of their own, READ COMMITTED.

	Commits what came before; what is not committed inside is rolled back. After an error the connection is
	closed, which rolls back whatever state it was in (a job's timeout may come in the middle of an answer); the
	next statement opens a new one. One inside another has nothing to set, as long as it is on the same connection.
	"""
	within = frappe.flags.read_committed
	if not within:
		frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
		# The level is for the transactions that follow, so the one that is open has to end.
		frappe.db.commit()
		frappe.flags.read_committed = True
	try:
		yield
		if not within and frappe.flags.read_committed:
			frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
			frappe.db.rollback()
			frappe.flags.read_committed = False
	except BaseException:
		abandon_connection()
		raise


def abandon_connection() -> None:
	"""Close the connection with all that was not committed on it, and forget what waited for a commit."""
	frappe.db.close()
	frappe.flags.read_committed = False
	frappe.db.before_commit.reset()
	frappe.db.after_commit.reset()
	frappe.db.before_rollback.run()
	frappe.db.after_rollback.run()


def in_one_commit(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
	"""Do `work` in one READ COMMITTED transaction and commit it; where the transaction is lost, begin again.

	The connection may break while the commit is on its way, and then nobody knows whether it counted: `work` has
	to look at the database for what is left to do.

	Raises:
	    the last error, when all attempts are lost.
	"""

	def once() -> T:
		with read_committed():
			result = work()
			frappe.db.commit()
		return result

	return until_done(once, attempts)


def until_done(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
	"""Do `work`, which sees to its own transactions; where one of them is lost, do it again.

	A few times, with jitter, so that two who were in each other's way do not meet again. `work` has to look at the
	database for what is left to do.

	Raises:
	    the last error, when all attempts are lost.
	"""
	for attempt in range(1, attempts + 1):
		try:
			return work()
		except lost_transaction_errors() as error:
			abandon_connection()
			if attempt == attempts:
				raise
			time.sleep(pause_before_next(attempt, error))
	raise AssertionError("unreachable")


def pause_before_next(attempt: int, error: Exception) -> float:
	"""Seconds: a moment after a lost race for a lock, longer and longer while MariaDB is away."""
	if isinstance(error, lost_connection_errors()):
		return random.uniform(0.5, 1) * min(2 ** (attempt - 1), LONGEST_WAIT)
	return random.uniform(0.05, 0.2) * attempt


def forget_cached_settings() -> None:
	"""Ask again what may have changed since the last batch: frozen dates, disabled customers, accounts.

	A web request lives for a second, and Frappe caches for as long; a posting job lives for many minutes. What
	DocTypes look like stays in memory until the job hands over, as in any job; reading it again for each batch
	would cost a tenth of it.
	"""
	frappe.db.value_cache.clear()
	cache = frappe.local.cache
	kept = {key: cache[key] for key in map(frappe.cache.make_key, KEPT) if key in cache}
	cache.clear()
	cache.update(kept)
