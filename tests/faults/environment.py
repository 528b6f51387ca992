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
		self.workers: list[processes.subprocess.Popen[bytes]] = []
		self.started = 0

	def open(self) -> None:
		os.environ.update(self.redis.env)
		os.chdir(self.bench.sites)
		harness.Session._only = self  # so that other sessions of a test find their site
		self.connect()

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
		return {**self.bench.env(), **self.redis.env, harness.MARK: str(self.site.path)}

	def supervise(self) -> None:
		"""Restart workers that ended, as a bench's supervisor does."""
		self.workers = [worker for worker in self.workers if worker.poll() is None]
		while len(self.workers) < WORKERS:
			self.started += 1
			cli = harness.CHECKOUT / "tools" / "frappe_cli.py"
			command = [self.bench.python, cli, "worker", "--queue", "long"]
			log = self.logs / f"worker-{self.started}.log"
			self.workers.append(processes.start(command, log=log, cwd=self.bench.sites, env=self.env()))

	def kill_worker(self, rng: random.Random) -> str | None:
		"""SIGKILL to a worker with its job, or to the job's process only; one at work if there is one."""
		busy = [worker for worker in self.workers if processes.descendants(worker.pid)]
		if not busy:
			return None
		worker = rng.choice(busy)
		if rng.random() < 0.6:
			for pid in processes.descendants(worker.pid)[:1]:
				processes.kill_pid(pid)
			return "jobs killed"
		processes.kill(worker)
		return "workers killed"

	def flush_redis(self, restart: bool) -> None:
		"""Flush Redis, which loses all jobs and caches; with `restart` kill and restart the server."""
		if restart:
			processes.kill(self.redis.process)
			time.sleep(0.5)
			self.redis.start()
			return
		redis.from_url(self.redis.url).flushall()
