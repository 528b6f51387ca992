"""Transactions for posting and undo: isolation level, and retry after a lost transaction.

Under MariaDB's default, REPEATABLE READ, balances would be read from a snapshot taken before the locks, and gap locks on
the ledger's indexes would make the workers of a run wait for each other. Under READ COMMITTED each statement reads
committed rows, and the row locks on invoices order the workers.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import frappe

T = TypeVar("T")

# Error numbers of MariaDB and its client library. Frappe has exception classes for the first three only, and both
# drivers use the same class for a missing column and a lost connection.
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
# Nothing can be posted: tables do not match the code, or cannot be written.
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

# Retries take a fraction of a second each and avoid failed batches.
ATTEMPTS = 7
# Maximum seconds between two attempts while MariaDB is not available; all waits add up to half a minute.
MAX_WAIT = 10

# Keys of the local cache with metadata of DocTypes and apps.
METADATA_CACHE_KEYS = ("app_hooks", "db_tables", "doctype_meta", "merged_translations", "table_columns")


def error_number(error: BaseException) -> int | None:
	"""Return the error number of MariaDB or its driver; None for other errors."""
	if isinstance(error, frappe.QueryDeadlockError | frappe.QueryTimeoutError):
		# Frappe's own classes hold the driver's error.
		inner = error.args[0] if error.args else None
		if isinstance(inner, BaseException):
			return error_number(inner)
		return DEADLOCK if isinstance(error, frappe.QueryDeadlockError) else LOCK_WAIT_TIMEOUT
	if not is_driver_error(error):
		return None
	number = error.args[0] if error.args else 0
	# pymysql has no number for "Packet sequence number wrong".
	return number if isinstance(number, int) else 0


def is_driver_error(error: BaseException) -> bool:
	db = frappe.db
	return isinstance(error, db.OperationalError | db.InternalError | db.ProgrammingError) or (
		db.is_interface_error(error)
	)


def transaction_is_lost(error: BaseException) -> bool:
	"""Whether the whole transaction has to be retried after this error.

	That is a deadlock, a change since the snapshot, a lock wait timeout or a lost connection.
	"""
	return error_number(error) in LOCK_ERRORS or connection_is_lost(error)


def connection_is_lost(error: BaseException) -> bool:
	"""Whether the connection was lost, or the server was not ready."""
	return error_number(error) in CONNECTION_ERRORS


def is_site_fault(error: BaseException) -> bool:
	"""Whether the site has to be repaired before anything can be posted, e.g. after an incomplete migrate."""
	return error_number(error) in SITE_FAULT_ERRORS


@contextmanager
def rolled_back(savepoint: str) -> Iterator[None]:
	"""A block of which nothing is left in the database. An error that ends the transaction is raised as it is: the savepoint
	does not exist any more."""
	frappe.db.savepoint(savepoint)
	lost = False
	try:
		yield
	except Exception as error:
		lost = transaction_is_lost(error)
		raise
	finally:
		if not lost:
			frappe.db.rollback(save_point=savepoint)


@contextmanager
def read_committed() -> Iterator[None]:
	"""Run the block in READ COMMITTED transactions.

	Commits before the block, and rolls back what is not committed within it. After an error the connection is closed,
	which is a safe rollback even if a job timeout interrupted a query; the next statement opens a new one. Nested blocks
	on the same connection have no effect.
	"""
	within = frappe.flags.read_committed
	before = ""
	if not within:
		before = isolation_level()
		# nosemgrep: frappe-using-db-sql - no builder for SET
		frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
		# The level applies to following transactions, so the current one has to end.
		frappe.db.commit()  # nosemgrep: frappe-manual-commit
		frappe.flags.read_committed = True
	try:
		yield
		if not within and frappe.flags.read_committed:
			# nosemgrep: frappe-using-db-sql - no builder for SET
			frappe.db.sql(f"SET SESSION TRANSACTION ISOLATION LEVEL {before}")
			frappe.db.rollback()
			frappe.flags.read_committed = False
	except BaseException:
		discard_connection()
		raise


def isolation_level() -> str:
	"""Return the isolation level of the session for SET TRANSACTION. The variable's name depends on the release of MariaDB."""
	# nosemgrep: frappe-using-db-sql - no builder for SHOW
	rows = frappe.db.sql(
		"SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')"
	)
	return rows[0][1].replace("-", " ")


def discard_connection() -> None:
	"""Close the connection without commit, and clear the callbacks of the transaction."""
	frappe.db.close()
	frappe.flags.read_committed = False
	frappe.db.before_commit.reset()
	frappe.db.after_commit.reset()
	frappe.db.before_rollback.run()
	frappe.db.after_rollback.run()


def run_in_transaction(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
	"""Run `work` in one READ COMMITTED transaction and commit it; retry if the transaction is lost.

	If the connection is lost during the commit, it is unknown whether it succeeded: `work` has to read from the database
	what is left to do.

	Raises:
	    the last error, if all attempts are lost.
	"""

	def once() -> T:
		with read_committed():
			result = work()
			# The unit of work of a worker.
			frappe.db.commit()  # nosemgrep: frappe-manual-commit
		return result

	return retry_lost_transactions(once, attempts)


def retry_lost_transactions(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
	"""Run `work`, which handles its own transactions; retry if one is lost, after a random delay.

	`work` has to read from the database what is left to do.

	Raises:
	    the last error, if all attempts are lost.
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
	"""Return the seconds until the next attempt: short after a lock error, increasing while MariaDB is not available."""
	if connection_is_lost(error):
		return random.uniform(0.5, 1) * min(2 ** (attempt - 1), MAX_WAIT)
	return random.uniform(0.05, 0.2) * attempt


def clear_settings_cache() -> None:
	"""Clear the local cache of settings and masters: frozen dates, disabled customers, accounts.

	Frappe caches them for a whole request or job, and a posting job runs for many minutes. Metadata of DocTypes stays
	cached, as in any job; reloading it would cost a tenth of the time of each batch.
	"""
	frappe.db.value_cache.clear()
	cache = frappe.local.cache
	keys = [frappe.cache.make_key(key) for key in METADATA_CACHE_KEYS]
	kept = {key: cache[key] for key in keys if key in cache}
	cache.clear()
	cache.update(kept)
