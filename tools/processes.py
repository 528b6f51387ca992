"""Child processes that end with their parent, private Redis servers, and file locks that are released on exit.

Standard library only: used by the tools, the test fixtures and the demo.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


class ToolError(Exception):
	"""An error shown to the user without a traceback."""


# ------------------------------------------------------------------------------------------------ children


def die_with_parent(sig: int = signal.SIGKILL) -> None:
	"""Ask the kernel to signal this process when its parent ends (Linux only)."""
	if sys.platform == "linux":
		ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0)


def start(
	command: Sequence[str | os.PathLike[str]],
	*,
	log: Path | None = None,
	cwd: Path | None = None,
	env: Mapping[str, str] | None = None,
	keep: bool = False,
	holding: Sequence[Lock] = (),
) -> subprocess.Popen[bytes]:
	"""Start a process in its own group with its output in `log`. It ends with this process unless `keep` is set.

	The locks in `holding` stay locked while the process lives.
	"""
	output = open(log, "ab") if log else subprocess.DEVNULL
	try:
		return subprocess.Popen(
			[os.fspath(part) for part in command],
			cwd=cwd,
			env=dict(env) if env is not None else None,
			stdin=subprocess.DEVNULL,
			stdout=output,
			stderr=subprocess.STDOUT,
			start_new_session=True,
			pass_fds=[lock.handle for lock in holding if lock.handle is not None],
			preexec_fn=None if keep else die_with_parent,
		)
	finally:
		if log:
			output.close()


def stop(process: subprocess.Popen[bytes], timeout: float = 5) -> None:
	"""Terminate a process and its children, then kill them."""
	below = descendants(process.pid)
	for sig in (signal.SIGTERM, signal.SIGKILL):
		if sig == signal.SIGKILL:
			for pid in below:
				kill_pid(pid)
		if process.poll() is not None and not _group_alive(process.pid):
			return
		_signal_group(process.pid, sig)
		deadline = time.monotonic() + timeout
		while time.monotonic() < deadline:
			if process.poll() is not None and not _group_alive(process.pid):
				return
			time.sleep(0.05)


def kill(process: subprocess.Popen[bytes]) -> None:
	"""SIGKILL a process and its children, like a power cut."""
	below = descendants(process.pid)
	_signal_group(process.pid, signal.SIGKILL)
	for pid in below:
		kill_pid(pid)
	process.wait(timeout=10)
	deadline = time.monotonic() + 5
	while any(birth(pid) for pid in below) and time.monotonic() < deadline:
		time.sleep(0.02)


def kill_pid(pid: int, sig: int = signal.SIGKILL) -> None:
	try:
		os.kill(pid, sig)
	except (ProcessLookupError, PermissionError):
		pass


def _signal_group(group: int, sig: int) -> None:
	try:
		os.killpg(group, sig)
	except (ProcessLookupError, PermissionError):
		pass


def _group_alive(group: int) -> bool:
	try:
		os.killpg(group, 0)
	except ProcessLookupError:
		return False
	except PermissionError:
		return True
	return True


def birth(pid: int) -> str | None:
	"""Start time that distinguishes this process from a later one with the same ID; None if there is no process."""
	try:
		stat = Path(f"/proc/{pid}/stat").read_text()
	except OSError:
		try:
			os.kill(pid, 0)
		except OSError:
			return None
		return "?"
	fields = stat.rpartition(")")[2].split()
	return None if fields[0] in "ZX" else fields[19]


def descendants(pid: int) -> list[int]:
	"""All descendants of this process, in any process group (RQ's work horses have their own)."""
	children: dict[int, list[int]] = {}
	for entry in Path("/proc").glob("[0-9]*/stat"):
		try:
			fields = entry.read_text().rpartition(")")[2].split()
		except OSError:
			continue
		children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
	found = list(children.get(pid, []))
	for child in found:
		found.extend(children.get(child, []))
	return found


def marked(name: str, value: str) -> list[int]:
	"""Living processes with this environment variable, except this one and its ancestors."""
	sought = f"{name}={value}".encode()
	own = {os.getpid(), os.getppid()}
	found = []
	for entry in Path("/proc").glob("[0-9]*/environ"):
		try:
			if sought in entry.read_bytes().split(b"\0"):
				found.append(int(entry.parent.name))
		except OSError:
			continue
	return [pid for pid in found if pid not in own]


class PidFile:
	"""Started processes, stored so that the next session can end those of a crashed one."""

	def __init__(self, path: Path):
		self.path = path

	def add(self, pid: int) -> None:
		entries = self.read()
		entries[str(pid)] = birth(pid) or "?"
		self.path.parent.mkdir(parents=True, exist_ok=True)
		self.path.write_text(json.dumps(entries))

	def read(self) -> dict[str, str]:
		try:
			return dict(json.loads(self.path.read_text()))
		except (OSError, ValueError):
			return {}

	def living(self) -> list[int]:
		return [int(pid) for pid, born in self.read().items() if birth(int(pid)) == born]

	def end_all(self, timeout: float = 8) -> list[int]:
		"""End all processes in the file that are still the same. Returns their IDs."""
		found = self.living()
		for sig in (signal.SIGTERM, signal.SIGKILL):
			for pid in self.living():
				_signal_group(pid, sig)
				try:
					os.kill(pid, sig)
				except (ProcessLookupError, PermissionError):
					pass
			deadline = time.monotonic() + timeout
			while self.living() and time.monotonic() < deadline:
				time.sleep(0.1)
		self.path.unlink(missing_ok=True)
		return found


# ------------------------------------------------------------------------------------------------- sockets


def free_port(preferred: int | None = None, tries: int = 50) -> int:
	"""A free TCP port on this machine: the preferred one, or the next free one."""
	if preferred:
		for port in range(preferred, preferred + tries):
			with socket.socket() as probe:
				probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
				try:
					probe.bind(("127.0.0.1", port))
				except OSError:
					continue
				return port
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return int(probe.getsockname()[1])


def port_open(port: int, host: str = "127.0.0.1") -> bool:
	with socket.socket() as probe:
		probe.settimeout(1)
		return probe.connect_ex((host, port)) == 0


def wait_for_port(
	port: int, process: subprocess.Popen[bytes], log: Path | None = None, timeout: float = 60
) -> None:
	deadline = time.monotonic() + timeout
	while time.monotonic() < deadline and process.poll() is None:
		if port_open(port):
			time.sleep(0.2)  # if another process has the port, ours notices now and ends
			if process.poll() is None:
				return
			break
		time.sleep(0.1)
	said = f"\nIts log ({log}) ends with:\n{tail(log)}" if log else ""
	raise ToolError(f"{process.args} did not listen on port {port} within {timeout:.0f} seconds.{said}")


def tail(path: Path, lines: int = 30) -> str:
	try:
		return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
	except OSError:
		return "(no log)"


# --------------------------------------------------------------------------------------------------- redis


class Redis:
	"""A private Redis server, isolated from other processes of the bench."""

	def __init__(self, directory: Path, keep: bool = False):
		directory.mkdir(parents=True, exist_ok=True)
		self.directory = directory
		self.keep = keep
		self.log = directory / "redis.log"
		for attempt in range(3):
			self.port = free_port()
			try:
				self.start()
				break
			except ToolError:
				if attempt == 2:
					raise
		self.url = f"redis://127.0.0.1:{self.port}"

	def start(self) -> None:
		"""Start the server, empty, on its port."""
		server = shutil.which("redis-server")
		if not server:
			raise ToolError("redis-server is not on the PATH. A bench needs it; please install it.")
		options = f"--bind 127.0.0.1 --port {self.port} --appendonly no --loglevel warning".split()
		command = [server, *options, "--save", "", "--dir", self.directory]
		self.process = start(command, log=self.log, keep=self.keep)
		wait_for_port(self.port, self.process, self.log, timeout=30)

	@property
	def env(self) -> dict[str, str]:
		"""Environment that makes Frappe use this server, with separate databases for queue and cache."""
		return {"FRAPPE_REDIS_QUEUE": f"{self.url}/0", "FRAPPE_REDIS_CACHE": f"{self.url}/1"}

	def stop(self) -> None:
		stop(self.process)


# --------------------------------------------------------------------------------------------------- locks


class Lock:
	"""A file lock, released by the kernel when its holder ends."""

	def __init__(self, path: Path):
		self.path = path
		self.handle: int | None = None

	def take(self, *, shared: bool = False, wait: float = 0, busy: str = "") -> None:
		"""Take the lock, waiting up to `wait` seconds; then raise ToolError with `busy`, in which `{holder}` is
		replaced."""
		self.path.parent.mkdir(parents=True, exist_ok=True)
		self.release()
		handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
		deadline = time.monotonic() + wait
		while True:
			try:
				fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
				break
			except BlockingIOError:
				if time.monotonic() >= deadline:
					holder = os.pread(handle, 500, 0).decode(errors="replace").strip() or "another process"
					os.close(handle)
					raise ToolError(
						(busy or "{path} is locked by {holder}.").format(holder=holder, path=self.path)
					)
				time.sleep(0.2)
		self.handle = handle
		note = f"process {os.getpid()}, started {time.strftime('%Y-%m-%d %H:%M:%S')} from {Path.cwd()}\n"
		os.ftruncate(handle, 0)
		os.pwrite(handle, note.encode(), 0)

	def release(self) -> None:
		if self.handle is not None:
			os.close(self.handle)
			self.handle = None
