"""Access to the page: only with the printed address, and only on this machine."""

from __future__ import annotations

import http.client
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.page.conftest import serve


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
	process, address = serve(tmp_path)
	assert stat.S_IMODE((tmp_path / "address").stat().st_mode) == 0o600
	yield address
	process.terminate()
	process.wait(timeout=30)


def test_only_with_the_secret_and_only_from_here(address: str) -> None:
	parts = urlsplit(address)
	assert parts.hostname == "127.0.0.1" and parts.port
	here = f"127.0.0.1:{parts.port}"

	def ask(path: str, **headers: str) -> http.client.HTTPResponse:
		connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=30)
		connection.request("GET", path, headers={"Host": here, **headers})
		return connection.getresponse()

	welcome = ask(f"/?{parts.query}")
	cookie = (welcome.getheader("Set-Cookie") or "").partition(";")[0]
	assert (welcome.status, welcome.getheader("Location")) == (303, "/")
	assert "HttpOnly" in str(welcome.getheader("Set-Cookie")) and "SameSite=Strict" in str(
		welcome.getheader("Set-Cookie")
	)
	page = ask("/", Cookie=cookie)
	assert page.status == 200 and "frame-ancestors 'none'" in str(page.getheader("Content-Security-Policy"))
	assert ask("/list/found", Cookie=cookie).status == 200
	assert ask("/list/other", Cookie=cookie).status == 404

	for path in ("/", "/list/found", "/page/grid.js", "/?token=", "/?token=guess", "/_nicegui_ws/socket.io/"):
		assert ask(path).status == 403, path
	assert ask("/list/found", Cookie=cookie + "x").status == 403
	assert ask("/list/found", Cookie=cookie, Host="evil.example").status == 403, "DNS rebinding"
	assert ask("/list/found", Cookie=cookie, Host=f"evil.example:{parts.port}").status == 403
	assert ask("/list/found", Cookie=cookie, Origin="http://evil.example").status == 403
	assert ask("/list/found", Cookie=cookie, Origin=f"http://{here}").status == 200

	websocket = {
		"Connection": "Upgrade",
		"Upgrade": "websocket",
		"Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	}
	assert ask("/_nicegui_ws/socket.io/?EIO=4&transport=websocket", **websocket).status == 403


def test_no_other_interface(address: str) -> None:
	port = urlsplit(address).port or 0
	for host in ("127.0.0.2", "::1"):
		with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
			probe.settimeout(5)
			with pytest.raises(OSError):
				probe.connect((host, port))
