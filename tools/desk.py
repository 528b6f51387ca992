"""A running desk for one site: web server, realtime, workers. For desk tests and demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tools import processes
from tools.bench import CHECKOUT, Site
from tools.processes import Lock, ToolError

QUEUES = "short,default,long"


class Desk:
	"""Starts on construction. With `keep` its processes stay when this process ends; otherwise they end with it."""

	def __init__(
		self,
		site: Site,
		env: dict[str, str],
		logs: Path,
		*,
		port: int | None = None,
		keep: bool = False,
		holding: Sequence[Lock] = (),
	):
		self.site = site
		self.env = {**site.bench.env(), **env, "FRAPPE_SITE": site.name}
		self.logs = logs
		self.keep = keep
		self.holding = holding
		self.processes: list[subprocess.Popen[bytes]] = []
		logs.mkdir(parents=True, exist_ok=True)

		node = shutil.which("node")
		self.port = port or processes.free_port()
		web_port = processes.free_port() if node else self.port
		tools = CHECKOUT / "tools"
		waiting = [
			("web", web_port, self._start("web", site.bench.python, tools / "serve.py", site.name, web_port))
		]
		if node:
			realtime_port = processes.free_port()
			self.env["FRAPPE_SOCKETIO_PORT"] = str(realtime_port)
			realtime = self._start("realtime", node, site.bench.apps / "frappe" / "socketio.js")
			front = self._start(
				"front", node, tools / "front.js", self.port, web_port, realtime_port, site.name
			)
			waiting += [("realtime", realtime_port, realtime), ("front", self.port, front)]
		for name, number, process in waiting:
			processes.wait_for_port(number, process, logs / f"{name}.log")

	@property
	def url(self) -> str:
		return f"http://127.0.0.1:{self.port}"

	def add_worker(self) -> subprocess.Popen[bytes]:
		name = f"worker-{len(self.processes)}"
		cli = CHECKOUT / "tools" / "frappe_cli.py"
		return self._start(name, self.site.bench.python, cli, "worker", "--queue", QUEUES)

	def warm_up(self, timeout: float = 180) -> None:
		"""Wait for the first page, which takes long because all of Frappe is loaded.

		Raises:
		    ToolError: no page within this many seconds.
		"""
		try:
			urllib.request.urlopen(f"{self.url}/login", timeout=timeout).close()
		except OSError as error:
			raise ToolError(f"The desk at {self.url} does not answer ({error}). Its logs are in {self.logs}.")

	def _start(self, name: str, *command: object) -> subprocess.Popen[bytes]:
		process = processes.start(
			[os.fspath(part) if isinstance(part, Path) else str(part) for part in command],
			log=self.logs / f"{name}.log",
			cwd=self.site.bench.sites,
			env=self.env,
			keep=self.keep,
			holding=self.holding,
		)
		self.processes.append(process)
		return process

	def stop(self) -> None:
		for process in reversed(self.processes):
			processes.stop(process)
