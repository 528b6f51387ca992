"""Background workers of a run: start, heartbeat and handover.

Up to `parallel_jobs` jobs process a run, each with a number and a row in Write-Off Run Worker. The heartbeat in the row
is a lease: until it expires, the watchdog does not start another job with that number. Correctness does not depend on
the lease: the row lock on a batch separates workers, so a surplus worker, or one whose lease expired, does no harm.

Row locks and deduplicated jobs do not replace the leases. A row lock is held only during a batch, so it does not show
whether a worker is between two batches or dead. A deduplicated job of a dead worker blocks its successor, because RQ
keeps the status "started" until a cleanup many minutes later, and Redis may lose a queued job.
"""

import os
import random
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import frappe
from frappe.query_builder import CustomFunction
from frappe.utils import cint
from frappe.utils.background_jobs import get_job
from pypika.terms import PseudoColumn
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import get_current_job
from rq.job import JobStatus

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.transactions import run_in_transaction, transaction_is_lost
from ar_writeoff.run import log

# Seconds. A batch takes a few seconds, with all lock waits up to a minute.
LEASE = 180
# Job timeout in seconds. The worker hands over to a new job well before.
TIMEOUT = 1500
SHARE_OF_TIMEOUT = 0.75
# Seconds that an idle worker waits for batches locked by other workers.
WAIT_FOR_BATCH = 60
POLL_EVERY = 0.2
# Seconds between progress events.
PUBLISH_EVERY = 1

DEFAULT_PARALLEL_JOBS = 2

# Time of the database in UTC, independent of clocks and time zones of the machines.
UtcNow = CustomFunction("UTC_TIMESTAMP", [])
SecondsSince = CustomFunction("TIMESTAMPDIFF", ["unit", "earlier", "later"])


def parallel_jobs(company: str) -> int:
	"""Return the number of jobs for a run: from the company's Settings, else from the site configuration, else 2."""
	return max(
		1,
		cint(frappe.db.get_value("Write-Off Settings", company, "parallel_jobs"))
		or cint(frappe.conf.get("ar_writeoff_parallel_jobs"))
		or DEFAULT_PARALLEL_JOBS,
	)


def runs_inline() -> bool:
	"""Whether runs are processed in this process instead of a background job, as in tests."""
	return bool(frappe.flags.in_test)


def start(run: str, method: str, numbers: Iterable[int], **details: str) -> None:
	"""Enqueue a job for each of these worker numbers after commit. `details`: more arguments for the method.

	Each job gets a new id: with the old one Frappe would treat a job that died as running and drop the new one. If Redis
	is not available, the watchdog starts the jobs later.
	"""
	for number in numbers:
		job_id = f"write-off-run::{run}::{number}::{frappe.generate_hash(length=6)}"
		_upsert(run, number, job_id=job_id, heartbeat=None)
		try:
			frappe.enqueue(
				method,
				queue="long",
				timeout=cint(frappe.conf.get("ar_writeoff_job_timeout")) or TIMEOUT,
				job_id=job_id,
				enqueue_after_commit=True,
				run=run,
				worker=number,
				**details,
			)
		except RedisConnectionError:
			log.record(run, "Interrupted", worker=number, reason=Reason.of(reasons.JOB_NOT_ENQUEUED))


def missing_workers(run: str, count: int, lease: int = LEASE) -> list[int]:
	"""Return the worker numbers from 1 to `count` without a live worker or queued job."""
	return [number for number in range(1, count + 1) if not is_alive(run, number, lease)]


def is_alive(run: str, number: int, lease: int = LEASE) -> bool:
	"""Whether this worker has a valid lease or a queued job."""
	worker = frappe.qb.DocType("Write-Off Run Worker")
	rows = (
		frappe.qb.from_(worker)
		.select(worker.job_id, SecondsSince(PseudoColumn("SECOND"), worker.heartbeat, UtcNow()))
		.where(worker.name == _name(run, number))
		.run()
	)
	if not rows:
		return False
	[(job_id, silent_for)] = rows
	if silent_for is not None and silent_for <= lease:
		return True
	return bool(job_id) and is_queued(job_id)


def is_queued(job_id: str) -> bool:
	"""Whether the job waits for a worker. RQ also lists a job as queued that a worker took and, because it was killed, never
	started; it is in no queue."""
	job = get_job(job_id)
	if not job:
		return False
	status = job.get_status()
	return status == JobStatus.DEFERRED or (status == JobStatus.QUEUED and job.get_position() is not None)


def _name(run: str, number: int) -> str:
	return f"{run}-W{number}"


def _upsert(run: str, number: int, **values: object) -> None:
	"""Insert or update the row of a worker."""
	worker = frappe.qb.DocType("Write-Off Run Worker")
	made = {"name": _name(run, number), **standard_values(), "run": run, "number": number}
	query = frappe.qb.into(worker).columns(*made, *values).insert(*made.values(), *values.values())
	for fieldname, value in values.items():
		query = query.on_duplicate_key_update(worker[fieldname], value)
	query.run()


@dataclass
class WorkerSession:
	"""The session of one job for a run. `number`: the worker number."""

	run: str
	number: int
	ends: float = field(default_factory=lambda: time.monotonic() + _budget())
	idle_since: float | None = None
	published_at: float = field(default_factory=time.monotonic)

	@property
	def is_expired(self) -> bool:
		"""Whether it is time to hand over to a new job."""
		return time.monotonic() >= self.ends

	def heartbeat(self, batch: int = 0) -> None:
		"""Renew the lease, in the current transaction."""
		self.idle_since = None
		_upsert(self.run, self.number, heartbeat=UtcNow(), machine=process_name(), batch=batch)

	def should_publish(self) -> bool:
		"""Whether it is time to publish the progress."""
		if time.monotonic() - self.published_at < PUBLISH_EVERY:
			return False
		self.published_at = time.monotonic()
		return True

	def back_off(self) -> None:
		"""Wait a random moment after two workers claimed the same batch.

		Without it they would conflict again, and each attempt is counted.
		"""
		time.sleep(random.uniform(0.05, 0.2))

	def wait_for_batch(self) -> bool:
		"""Wait for batches locked by other workers; False after WAIT_FOR_BATCH seconds."""
		self.idle_since = self.idle_since or time.monotonic()
		if time.monotonic() - self.idle_since >= WAIT_FOR_BATCH:
			return False
		time.sleep(POLL_EVERY)
		return True

	def end(self) -> None:
		"""Release the lease in the current transaction."""
		_upsert(self.run, self.number, heartbeat=None, job_id=None, batch=0)


def record_interruption(session: WorkerSession, error: Exception) -> None:
	"""Log the error that stopped a worker and release its lease, so that the watchdog can start another.

	The caller re-raises the error. If the database is not available, nothing is written.
	"""

	def trace() -> None:
		_upsert(session.run, session.number, heartbeat=None, job_id=None, batch=0)
		text = f"{type(error).__name__}: {frappe.utils.strip_html(str(error))}"
		log.record(session.run, "Interrupted", worker=session.number, reason=Reason.verbatim(text[:500]))

	try:
		run_in_transaction(trace, attempts=1)
	except Exception as lost:
		if not transaction_is_lost(lost):
			raise


def _budget() -> float:
	"""Return the seconds until a worker hands over, from the timeout of its job."""
	job = get_current_job()
	return SHARE_OF_TIMEOUT * (cint(job.timeout) if job else TIMEOUT)


def process_name() -> str:
	"""Return host name and process id, to find the worker in other logs."""
	return f"{socket.gethostname()}:{os.getpid()}"
