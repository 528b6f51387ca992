"""Workers of a run: how they are started, how they show that they live, and when they hand over.

A run is shared by up to `parallel_jobs` jobs, each with a number and a row in Write-Off Run Worker. The row's
heartbeat is a lease: while it is fresh, the watchdog leaves that number alone. Nothing depends on the lease but
economy. What keeps two workers apart is the row lock on a batch, so one worker too many does no harm, and one
whose lease ran out while it waited may finish what it has in hand.
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
from frappe.utils.background_jobs import get_job_status
from pypika.terms import PseudoColumn
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import get_current_job
from rq.job import JobStatus

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.transactions import run_in_transaction, transaction_is_lost
from ar_writeoff.run import log

# Seconds. A batch takes a few; one that waits for locks all the way takes a minute.
LEASE = 180
# Of a job on the long queue. It hands over well before, so that others get their turn and nothing is cut off.
TIMEOUT = 1500
SHARE_OF_TIMEOUT = 0.75
# How long a worker stays to see whether a batch that another one holds becomes free after all.
WAIT_FOR_BATCH = 60
POLL_EVERY = 0.2
# Progress is counted over all items of the run: once a second is often enough for whoever watches.
PUBLISH_EVERY = 1

DEFAULT_PARALLEL_JOBS = 2

# Of the database, in UTC: the clocks and time zones of the machines do not matter, nor does summer time.
UtcNow = CustomFunction("UTC_TIMESTAMP", [])
SecondsSince = CustomFunction("TIMESTAMPDIFF", ["unit", "earlier", "later"])


def parallel_jobs(company: str) -> int:
	"""How many jobs may share a run of this company: of its Settings, else of the site's configuration, else 2."""
	return max(
		1,
		cint(frappe.db.get_value("Write-Off Settings", company, "parallel_jobs"))
		or cint(frappe.conf.get("ar_writeoff_parallel_jobs"))
		or DEFAULT_PARALLEL_JOBS,
	)


def runs_inline() -> bool:
	"""Whether work goes on in this process at once, instead of in a worker: where a test says so."""
	return bool(frappe.flags.in_test)


def start(run: str, method: str, numbers: Iterable[int], **details: str) -> None:
	"""Enqueue a job for each of these worker numbers, after the commit of the current transaction. `details`: more
	arguments for the method.

	Job ids are new each time: Frappe would take a job that died at work for one that still runs, and drop its
	successor. Where Redis is away the watchdog starts the jobs later.
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
	"""Numbers from 1 to `count` that nobody works under, and that no job waiting in the queue will take."""
	return [number for number in range(1, count + 1) if not is_alive(run, number, lease)]


def is_alive(run: str, number: int, lease: int = LEASE) -> bool:
	"""Whether somebody works under this number, or a job that waits in the queue will."""
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
	return bool(job_id) and get_job_status(job_id) in (JobStatus.QUEUED, JobStatus.DEFERRED)


def _name(run: str, number: int) -> str:
	return f"{run}-W{number}"


def _upsert(run: str, number: int, **values: object) -> None:
	"""Set values of a worker's row, which is made where there is none."""
	worker = frappe.qb.DocType("Write-Off Run Worker")
	stamp, user = frappe.utils.now(), frappe.session.user
	made = {
		"name": _name(run, number),
		"creation": stamp,
		"modified": stamp,
		"owner": user,
		"modified_by": user,
		"run": run,
		"number": number,
	}
	query = frappe.qb.into(worker).columns(*made, *values).insert(*made.values(), *values.values())
	for fieldname, value in values.items():
		query = query.on_duplicate_key_update(worker[fieldname], value)
	query.run()


@dataclass
class WorkerSession:
	"""The time a job has for a run. `number` is the worker's."""

	run: str
	number: int
	ends: float = field(default_factory=lambda: time.monotonic() + _budget())
	idle_since: float | None = None
	published_at: float = field(default_factory=time.monotonic)

	@property
	def is_expired(self) -> bool:
		"""Whether to hand over to a job that follows."""
		return time.monotonic() >= self.ends

	def heartbeat(self, batch: int = 0) -> None:
		"""Renew the lease, in the current transaction."""
		self.idle_since = None
		_upsert(self.run, self.number, heartbeat=UtcNow(), machine=process_name(), batch=batch)

	def should_publish(self) -> bool:
		"""Whether it is time to tell open forms how far the run is."""
		if time.monotonic() - self.published_at < PUBLISH_EVERY:
			return False
		self.published_at = time.monotonic()
		return True

	def back_off(self) -> None:
		"""Let another worker have the batch that both took at the same moment.

		Two who try again at once take it from each other again and again, and each time counts as a beginning.
		"""
		time.sleep(random.uniform(0.05, 0.2))

	def wait_for_batch(self) -> bool:
		"""Wait a moment for others to finish what they hold or to let go of it; False when it was long enough."""
		self.idle_since = self.idle_since or time.monotonic()
		if time.monotonic() - self.idle_since >= WAIT_FOR_BATCH:
			return False
		time.sleep(POLL_EVERY)
		return True

	def end(self) -> None:
		"""Give the lease back, in the current transaction, so that the number is free at once."""
		_upsert(self.run, self.number, heartbeat=None, job_id=None, batch=0)


def record_interruption(session: WorkerSession, error: Exception) -> None:
	"""Leave a trace of what stopped a worker, for people, and free its number, for the watchdog.

	The error itself goes on to whoever called; where MariaDB is what is missing, the trace is in its log.
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
	"""Seconds until a worker hands over, from the timeout of the job it runs in."""
	job = get_current_job()
	return SHARE_OF_TIMEOUT * (cint(job.timeout) if job else TIMEOUT)


def process_name() -> str:
	"""Machine and process, to find a worker's traces in other logs."""
	return f"{socket.gethostname()}:{os.getpid()}"
