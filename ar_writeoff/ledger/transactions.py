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

T = TypeVar("T")

# Numbers of MariaDB and of its client library. Frappe has a class of its own for the first three only, and both
# drivers put a missing column into the same class as a lost connection: the number tells.
LOCK_WAIT_TIMEOUT, DEADLOCK, CHANGED_SINCE_SNAPSHOT = 1205, 1213, 1020
LOCK_ERRORS = {LOCK_WAIT_TIMEOUT, DEADLOCK, CHANGED_SINCE_SNAPSHOT}
CONNECTION_ERRORS = {
	0,  # both drivers: the connection was closed before
	1040,  # too many connections
	1047,  # a Galera node that is not ready
	1053,  # the server shuts down
	1152,  # the server aborted the connection
	*range(1158, 1162),  # network errors, as the server saw them
	1184,
	1203,  # too many connections of this user
	1317,  # the statement was interrupted, as on a shutdown
	1927,  # the connection was killed
	1969,  # the statement took longer than max_statement_time
	2002,  # cannot connect: socket
	2003,  # cannot connect: host
	2006,  # the server has gone away
	2013,  # lost during a query
	2014,  # answers out of step, after a job's timeout cut one off
	2055,  # lost while reading
}
# The site does not work as it is, whatever is posted: its tables are not what the code expects, or cannot be written.
SITE_FAULT_ERRORS = {
	1021,  # disk full
	1036,  # table is read only
	1044,  # no access to the database
	1045,
	1054,  # unknown column
	1114,  # table full
	1142,  # no permission on the table
	1143,  # no permission on the column
	1146,  # no such table
	1227,  # a privilege is missing
	1290,  # the server runs read only
	1305,  # no such function or procedure
	1836,  # read only
}

# A lost lock race costs a fraction of a second; a few more tries cost little, a failed batch a phone call.
ATTEMPTS = 7
# Seconds to wait at most for MariaDB to come back between two attempts; all of them add up to half a minute.
MAX_WAIT = 10

# What Frappe knows of DocTypes and apps, in the words of its cache.
METADATA_CACHE_KEYS = ("app_hooks", "db_tables", "doctype_meta", "merged_translations", "table_columns")


def error_number(error: BaseException) -> int | None:
	"""The number that MariaDB, or its driver, gave an error of the database; None for any other error."""
	if isinstance(error, frappe.QueryDeadlockError | frappe.QueryTimeoutError):
		# Frappe's own classes hold the driver's error.
		inner = error.args[0] if error.args else None
		if isinstance(inner, BaseException):
			return error_number(inner)
		return DEADLOCK if isinstance(error, frappe.QueryDeadlockError) else LOCK_WAIT_TIMEOUT
	if not is_driver_error(error):
		return None
	number = error.args[0] if error.args else 0
	# pymysql has no number where it lost count of what it reads ("Packet sequence number wrong").
	return number if isinstance(number, int) else 0


def is_driver_error(error: BaseException) -> bool:
	db = frappe.db
	return isinstance(error, db.OperationalError | db.InternalError | db.ProgrammingError) or (
		db.is_interface_error(error)
	)


def transaction_is_lost(error: BaseException) -> bool:
	"""Whether nothing of a transaction is left after this error, so that it has to begin again as a whole.

	A deadlock, changed since the snapshot, a lock not had in time, or a connection that is gone.
	"""
	return error_number(error) in LOCK_ERRORS or connection_is_lost(error)


def connection_is_lost(error: BaseException) -> bool:
	"""Whether the connection broke, or the server was not ready for the statement."""
	return error_number(error) in CONNECTION_ERRORS


def is_site_fault(error: BaseException) -> bool:
	"""Whether the site has to be mended before anything can be posted: a migration that did not finish, a full disk."""
	return error_number(error) in SITE_FAULT_ERRORS


@contextmanager
def read_committed() -> Iterator[None]:
	"""Run what is inside in transactions of their own, READ COMMITTED.

	Commits what came before; what is not committed inside is rolled back. After an error the connection is
	closed, which rolls back whatever state it was in (a job's timeout may come in the middle of an answer); the
	next statement opens a new one. One inside another has nothing to set, as long as it is on the same connection.
	"""
	within = frappe.flags.read_committed
	before = ""
	if not within:
		before = isolation_level()
		frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
		# The level is for the transactions that follow, so the one that is open has to end.
		frappe.db.commit()
		frappe.flags.read_committed = True
	try:
		yield
		if not within and frappe.flags.read_committed:
			frappe.db.sql(f"SET SESSION TRANSACTION ISOLATION LEVEL {before}")
			frappe.db.rollback()
			frappe.flags.read_committed = False
	except BaseException:
		discard_connection()
		raise


def isolation_level() -> str:
	"""The isolation level of the session, as SET TRANSACTION takes it. MariaDB is changing the variable's name."""
	rows = frappe.db.sql(
		"SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')"
	)
	return rows[0][1].replace("-", " ")


def discard_connection() -> None:
	"""Close the connection with all that was not committed on it, and forget what waited for a commit."""
	frappe.db.close()
	frappe.flags.read_committed = False
	frappe.db.before_commit.reset()
	frappe.db.after_commit.reset()
	frappe.db.before_rollback.run()
	frappe.db.after_rollback.run()


def run_in_transaction(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
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

	return retry_lost_transactions(once, attempts)


def retry_lost_transactions(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
	"""Do `work`, which sees to its own transactions; where one of them is lost, do it again.

	A few times, with jitter, so that two who were in each other's way do not meet again. `work` has to look at the
	database for what is left to do.

	Raises:
	    the last error, when all attempts are lost.
	"""
	for attempt in range(1, attempts + 1):
		try:
			return work()
		except Exception as error:
			if not transaction_is_lost(error):
				raise
			discard_connection()
			if attempt == attempts:
				raise
			time.sleep(retry_delay(attempt, error))
	raise AssertionError("unreachable")


def retry_delay(attempt: int, error: Exception) -> float:
	"""Seconds: a moment after a lost race for a lock, longer and longer while MariaDB is away."""
	if connection_is_lost(error):
		return random.uniform(0.5, 1) * min(2 ** (attempt - 1), MAX_WAIT)
	return random.uniform(0.05, 0.2) * attempt


def clear_settings_cache() -> None:
	"""Ask again what may have changed since the last batch: frozen dates, disabled customers, accounts.

	A web request lives for a second, and Frappe caches for as long; a posting job lives for many minutes. What
	DocTypes look like stays in memory until the job hands over, as in any job; reading it again for each batch
	would cost a tenth of it.
	"""
	frappe.db.value_cache.clear()
	cache = frappe.local.cache
	kept = {key: cache[key] for key in map(frappe.cache.make_key, METADATA_CACHE_KEYS) if key in cache}
	cache.clear()
	cache.update(kept)
