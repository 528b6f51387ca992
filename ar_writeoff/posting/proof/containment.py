"""Restricts a rehearsal to statements on the database connection, which are rolled back.

Callbacks of the transaction, jobs and realtime events are dropped. A connection to another server, a program that
is started, or a statement that ends the transaction is refused, and the rehearsal has no result.
"""

import http.client
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import frappe
import rq
from frappe.realtime import emit_via_redis

from ar_writeoff.posting.proof.writes import Writes, recorded

# What Frappe collects until the commit.
COLLECTED = ("_realtime_log", "_webhook_queue")
CALLBACKS = ("before_commit", "after_commit", "before_rollback", "after_rollback")
# Audit events of Python: a connection or message to another process, a program that is started.
REFUSED_EVENTS = {
	"socket.connect",
	"socket.sendto",
	"socket.sendmsg",
	"subprocess.Popen",
	"os.system",
	"os.exec",
	"os.posix_spawn",
	"os.fork",
}
OWN_APPS = ("frappe", "erpnext", "ar_writeoff")


class Refused(Exception):
	"""Raised for an action that is not possible in a rehearsal."""


@dataclass
class Containment:
	"""The rows that a rehearsal writes. `breach`: the first refused action and the code that called it; empty if there was
	none."""

	writes: Writes
	breach: str = ""

	def refuse(self, what: str) -> None:
		self.breach = self.breach or f"{what}{caller()}"
		raise Refused(what)


def caller() -> str:
	"""The place in the code of another app that the current call comes from; empty if there is none."""
	for frame in reversed(traceback.extract_stack()):
		_before, apps, path = frame.filename.partition("/apps/")
		if apps and path.partition("/")[0] not in OWN_APPS:
			return f" ({path}:{frame.lineno}, {frame.name})"
	return ""


@contextmanager
def contained() -> Iterator[Containment]:
	"""Within the block only statements to the database leave this process. The caller rolls them back."""
	callbacks = {name: getattr(frappe.db, name) for name in CALLBACKS}
	collected = {name: getattr(frappe.local, name) for name in COLLECTED if hasattr(frappe.local, name)}
	flags, messages = frappe.local.flags.copy(), list(frappe.local.message_log)
	for name in collected:
		delattr(frappe.local, name)
	for name, manager in callbacks.items():
		setattr(frappe.db, name, type(manager)())
	try:
		with recorded() as writes, outside_calls_refused(Containment(writes)) as containment:
			yield containment
	finally:
		frappe.db.after_rollback.run()
		for name, manager in callbacks.items():
			setattr(frappe.db, name, manager)
		for name in COLLECTED:
			if hasattr(frappe.local, name):
				delattr(frappe.local, name)
		for name, value in collected.items():
			setattr(frappe.local, name, value)
		frappe.local.flags.clear()
		frappe.local.flags.update(flags)
		frappe.local.message_log[:] = messages


@contextmanager
def outside_calls_refused(containment: Containment) -> Iterator[Containment]:
	"""Within the block, drop jobs and realtime events of this thread and refuse requests and audit events."""
	thread = threading.get_ident()

	def here() -> bool:
		return threading.get_ident() == thread

	enqueue, emit, send = (
		rq.Queue.enqueue_call,
		emit_via_redis,
		http.client.HTTPConnection.send,
	)

	def enqueue_nothing(*args: Any, **kwargs: Any) -> Any:
		return None if here() else enqueue(*args, **kwargs)

	def emit_nothing(*args: Any, **kwargs: Any) -> Any:
		return None if here() else emit(*args, **kwargs)

	def send_nothing(connection: Any, *args: Any) -> Any:
		if here():
			# A connection that is already open has no audit event.
			containment.refuse(f"request to {connection.host}")
		return send(connection, *args)

	install_audit()
	active[thread] = containment
	try:
		with (
			patch.object(rq.Queue, "enqueue_call", enqueue_nothing),
			patch("frappe.realtime.emit_via_redis", emit_nothing),
			patch.object(http.client.HTTPConnection, "send", send_nothing),
		):
			yield containment
	finally:
		del active[thread]
	containment.breach = containment.breach or containment.writes.breach


# Rehearsals by thread.
active: dict[int, Containment] = {}
installed: list[bool] = []


def install_audit() -> None:
	"""Python's audit hooks cannot be removed; this one does nothing outside a rehearsal."""
	if not installed:
		installed.append(True)
		sys.addaudithook(audit)


def audit(event: str, args: tuple) -> None:
	if not active or event not in REFUSED_EVENTS:
		return
	containment = active.get(threading.get_ident())
	if containment is None or (event == "socket.connect" and is_redis(args[1])):
		return
	what = str(args[1] if event.startswith("socket.") else args[0])
	containment.refuse(f"{event} {what}")


def is_redis(address: Any) -> bool:
	"""Whether this is the cache or the queue of the bench."""
	if not isinstance(address, tuple):
		return any(str(address) in str(url) for url in redis_urls())
	return address[1] in {urlsplit(url).port for url in redis_urls()}


def redis_urls() -> list[str]:
	return [
		url for name in ("redis_cache", "redis_queue", "redis_socketio") if (url := frappe.conf.get(name))
	]
