"""Web server of the page: on 127.0.0.1 only, and only with the secret in the printed address."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import tempfile
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ar_writeoff.offline.review import Review
from ar_writeoff.offline.words import t

HOST = "127.0.0.1"
HERE = Path(__file__).parent

# Content Security Policy: the browser must not send anything elsewhere.
POLICY = (
	"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
	" img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws://{host}; frame-ancestors 'none'"
)


class Guard:
	"""Middleware that admits requests for this host and port with the secret: first in the address, then in a cookie.

	It keeps out other users of the machine, and other pages in the browser, also if they use another name for
	127.0.0.1.
	"""

	def __init__(self, app: Any, token: str, port: int):
		self.app = app
		self.token = token
		self.hosts = {f"{HOST}:{port}", f"localhost:{port}"}
		self.cookie = f"ar_writeoff_{port}"

	async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
		if scope["type"] not in ("http", "websocket"):
			await self.app(scope, receive, send)
			return
		headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
		host = headers.get("host", "")
		origin = headers.get("origin")
		if host not in self.hosts or (origin and origin != f"http://{host}"):
			await self.refuse(scope, send)
		elif self.is_authorized(self.in_cookie(headers.get("cookie", ""))):
			await self.app(scope, receive, self.with_security_headers(send, host))
		elif scope["type"] == "http" and self.is_authorized(self.in_address(scope["query_string"])):
			await self.welcome(send)
		else:
			await self.refuse(scope, send)

	def is_authorized(self, token: str) -> bool:
		return secrets.compare_digest(token.encode(), self.token.encode())

	def in_cookie(self, header: str) -> str:
		try:
			found = SimpleCookie(header).get(self.cookie)
		except CookieError:
			return ""
		return found.value if found else ""

	def in_address(self, query: bytes) -> str:
		return parse_qs(query.decode("latin-1")).get("token", [""])[0]

	async def welcome(self, send: Any) -> None:
		"""Redirect to the page, with the secret in a cookie instead of the address."""
		cookie = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
		headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
		await send({"type": "http.response.start", "status": 303, "headers": headers})
		await send({"type": "http.response.body", "body": b""})

	async def refuse(self, scope: Any, send: Any) -> None:
		if scope["type"] == "websocket":
			await send({"type": "websocket.close", "code": 1008})
			return
		body = str(t("Open this page by the address that was printed when it was started.")).encode()
		headers = [
			(b"content-type", b"text/plain; charset=utf-8"),
			(b"content-length", str(len(body)).encode()),
		]
		await send({"type": "http.response.start", "status": 403, "headers": headers})
		await send({"type": "http.response.body", "body": body})

	def with_security_headers(self, send: Any, host: str) -> Any:
		async def sending(message: Any) -> None:
			if message["type"] == "http.response.start":
				message["headers"] = [
					*message.get("headers", ()),
					(b"content-security-policy", POLICY.format(host=host).encode()),
					(b"referrer-policy", b"no-referrer"),
					(b"x-content-type-options", b"nosniff"),
				]
			await send(message)

		return sending


def free_port() -> int:
	with socket.socket() as listener:
		listener.bind((HOST, 0))
		return int(listener.getsockname()[1])


def is_listening(port: int) -> bool:
	with socket.socket() as probe:
		return probe.connect_ex((HOST, port)) == 0


def run(
	review: Review, *, out: Path, port: int = 0, browser: bool = True, address_file: Path | None = None
) -> int:
	"""Serve the page until Ctrl-C; returns the exit code."""
	with tempfile.TemporaryDirectory(prefix="ar-writeoff-") as scratch:
		# NiceGUI would create its storage in the current folder.
		os.environ.setdefault("NICEGUI_STORAGE_PATH", scratch)
		from nicegui import app, background_tasks, ui

		from ar_writeoff.offline.page import lists
		from ar_writeoff.offline.page.layout import Page

		if port and is_listening(port):
			print(
				t("Port {port} is in use. Choose another port, or omit --port.", port=port),
				file=sys.stderr,
			)
			return 1
		port = port or free_port()
		token = secrets.token_urlsafe(32)
		address = f"http://{HOST}:{port}/?token={token}"
		page = Page(review, out=out, scratch=Path(scratch))
		app.add_middleware(Guard, token=token, port=port)
		app.add_static_files("/page", HERE / "static")
		lists.serve(app, page)
		ui.page("/", title="AR Write-Off", response_timeout=60)(page.build)

		async def ready() -> None:
			while not is_listening(port):
				await asyncio.sleep(0.02)
			print(t("Review in the browser: {address}", address=address), flush=True)
			print(t("The page is available on this machine only. Press Ctrl-C to stop it."), flush=True)
			if address_file:
				write_private_file(address_file, address)

		# The server listens after all startup handlers have run.
		app.on_startup(lambda: background_tasks.create(ready(), name="ready"))
		ui.run(
			host=HOST,
			port=port,
			title="AR Write-Off",
			favicon=HERE / "static" / "icon.svg",
			reload=False,
			show=f"/?token={token}" if browser and has_display() else False,
			show_welcome_message=False,
			tailwind=False,
			gzip_middleware_factory=None,
			reconnect_timeout=30,
		)
	return 0


def has_display() -> bool:
	"""Whether there is a display for a browser."""
	return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def write_private_file(path: Path, text: str) -> None:
	"""Write a file that only its owner can read."""
	path.parent.mkdir(parents=True, exist_ok=True)
	path.unlink(missing_ok=True)
	with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
		file.write(text + "\n")
