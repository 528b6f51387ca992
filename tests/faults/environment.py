"""The environment of the fault campaign: a site on its own MariaDB and Redis, worker processes, and fault injection."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

import frappe
import redis

from tests.faults import ways
from tests.faults.server import MariaDB, move_site
from tests.site import conftest as harness
from tools import processes
from tools.bench import Bench, Site
from tools.processes import Redis

WORKERS = 3


class FaultEnvironment:
	"""The site on its own MariaDB and Redis, with its workers. Replaces the Session of the site tests."""

	def __init__(self, bench: Bench, site: Site):
		self.scratch = Path(tempfile.mkdtemp(prefix="ar-writeoff-faults-"))
		self.bench = bench
		self.database = MariaDB(self.scratch / "mariadb")
		self.site = move_site(site, self.database)
		self.redis = Redis(self.scratch / "redis")
		self.logs = bench.store / "logs" / self.site.name
		shutil.rmtree(self.logs, ignore_errors=True)
		self.logs.mkdir(parents=True)
		self.rehearsals = self.scratch / "rehearsals"
		self.rehearsals.mkdir()
		self.workers: list[processes.subprocess.Popen[bytes]] = []
		self.started = 0

	def open(self) -> None:
		os.environ.update({**self.redis.env, ways.REHEARSALS: str(self.rehearsals)})
		os.chdir(self.bench.sites)
		harness.Session._only = self  # so that other sessions of a test find their site
		self.connect()
		# Cancelled in a request, which here is a thread of this process.
		ways.install()

	def connect(self) -> None:
		harness.connect(self.site.name, self.bench)

	def close(self) -> None:
		for worker in self.workers:
			processes.kill(worker)
		with contextlib.suppress(Exception):
			frappe.destroy()
		self.redis.stop()
		self.database.stop()
		shutil.rmtree(self.site.path, ignore_errors=True)
		shutil.rmtree(self.scratch, ignore_errors=True)

	def env(self) -> dict[str, str]:
		own = {harness.MARK: str(self.site.path), ways.REHEARSALS: str(self.rehearsals)}
		return {**self.bench.env(), **self.redis.env, **own}

	def supervise(self) -> None:
		"""Restart workers that ended, as a bench's supervisor does."""
		self.workers = [worker for worker in self.workers if worker.poll() is None]
		while len(self.workers) < WORKERS:
			self.started += 1
			command = [self.bench.python, Path(ways.__file__), "worker", "--queue", "long"]
			log = self.logs / f"worker-{self.started}.log"
			self.workers.append(processes.start(command, log=log, cwd=self.bench.sites, env=self.env()))

	def kill_worker(self, rng: random.Random) -> tuple[str, ...]:
		"""SIGKILL to a worker with its job, or to the job's process only; one at work if there is one. Returns what was
		killed, also whether it was within a rehearsal."""
		jobs = self.jobs()
		if not jobs:
			return ()
		job = rng.choice(sorted(jobs))
		rehearsed = ("rehearsals killed",) if job in self.rehearsing() else ()
		if rng.random() < 0.3:
			processes.kill(jobs[job])
			return ("workers killed", *rehearsed)
		processes.kill_pid(job)
		return ("jobs killed", *rehearsed)

	def kill_rehearsal(self) -> tuple[str, ...]:
		"""SIGKILL to a job within a rehearsal. Returns what was killed."""
		rehearsing = self.rehearsing()
		for job in rehearsing & self.jobs().keys() if rehearsing else ():
			processes.kill_pid(job)
			return ("jobs killed", "rehearsals killed")
		return ()

	def jobs(self) -> dict[int, processes.subprocess.Popen[bytes]]:
		"""The workers by the processes of their jobs."""
		return {
			int(job): worker
			for worker in self.workers
			if worker.poll() is None
			for job in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
		}

	def rehearsing(self) -> set[int]:
		"""Processes within a rehearsal."""
		found = set()
		for mark in self.rehearsals.iterdir():
			if processes.birth(int(mark.name)):
				found.add(int(mark.name))
			else:
				mark.unlink(missing_ok=True)
		return found

	def flush_redis(self, restart: bool) -> None:
		"""Flush Redis, which loses all jobs and caches; with `restart` kill and restart the server."""
		if restart:
			processes.kill(self.redis.process)
			time.sleep(0.5)
			self.redis.start()
			return
		redis.from_url(self.redis.url).flushall()
