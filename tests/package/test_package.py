"""The package as a user installs it: built as a wheel, installed in an empty environment, without Frappe."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "examples"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
	"""The wheel, built from a copy of what is under version control or would be."""
	folder = tmp_path_factory.mktemp("dist")
	command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT]
	subprocess.run(command, check=True, capture_output=True, text=True)
	[found] = folder.glob("*.whl")
	return found


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
	"""An environment with the wheel and its extra `review` only."""
	home = tmp_path_factory.mktemp("empty") / "venv"
	venv.create(home, with_pip=True)
	install = [home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[review]"]
	subprocess.run(install, check=True)
	return home / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, object]:
	"""A folder outside of the checkout, so that the installed package is imported."""
	env = {
		name: value
		for name, value in os.environ.items()
		if not name.startswith(("PYTEST", "PYTHON", "NICEGUI"))
	}
	return {"cwd": tmp_path, "env": env}


def test_the_wheel_has_what_the_page_needs(wheel: Path) -> None:
	names = set(zipfile.ZipFile(wheel).namelist())
	for name in (
		"offline/labels.csv",
		"offline/locale/de.po",
		"locale/de.po",
		"offline/page/static/grid.js",
		"offline/page/static/page.css",
		"offline/page/static/icon.svg",
	):
		assert f"ar_writeoff/{name}" in names
	assert not [name for name in names if name.startswith(("tests/", "tools/", "demo/"))]


def test_nothing_of_frappe_is_installed(programs: Path, elsewhere: dict[str, object]) -> None:
	done = subprocess.run([programs / "python", "-c", "import frappe"], capture_output=True, **elsewhere)  # type: ignore[call-overload]
	assert done.returncode != 0


def test_preview(programs: Path, elsewhere: dict[str, object], tmp_path: Path) -> None:
	command = [
		programs / "ar-writeoff", "preview", EXAMPLES / "accounts-receivable.csv",
		"--policy", EXAMPLES / "policy.toml",
		"--party-currency", EXAMPLES / "accounts-receivable-party-currency.xlsx",
		"--xlsx", "out.xlsx", "--data-import", "entries.csv", "--language", "de",
	]  # fmt: skip
	done = subprocess.run(command, capture_output=True, text=True, **elsewhere)  # type: ignore[call-overload]
	assert done.returncode == 0, done.stderr
	assert "Vorschau eines Ausbuchungslaufs" in done.stdout
	assert (tmp_path / "out.xlsx").stat().st_size and (tmp_path / "entries.csv").stat().st_size


@pytest.fixture
def page(programs: Path, elsewhere: dict[str, object], tmp_path: Path) -> Iterator[str]:
	note = tmp_path / "address"
	command = [
		programs / "ar-writeoff", "review", EXAMPLES / "accounts-receivable.csv",
		"--policy", EXAMPLES / "policy.toml", "--no-browser", "--address-file", note,
	]  # fmt: skip
	process = subprocess.Popen(command, **elsewhere)  # type: ignore[call-overload]
	deadline = time.monotonic() + 120
	while not (note.exists() and note.read_text().strip()):
		assert process.poll() is None and time.monotonic() < deadline, "the page did not start"
		time.sleep(0.1)
	yield note.read_text().strip()
	process.send_signal(signal.SIGINT)
	process.wait(timeout=30)


def test_review(page: str) -> None:
	"""The page is served with all files it needs, and requests nothing from other addresses."""
	opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
	html = opener.open(page, timeout=60).read().decode()
	addresses = set(re.findall(r"""(?:src|href)=["']([^"']+)["']|from ["']([^"']+)["']""", html))
	paths = {one or other for one, other in addresses} - {""}
	assert paths and not [path for path in paths if path.startswith(("http", "//"))]
	home = page.partition("/?")[0]
	imported = re.findall(r'"[^"]+": ?"(/_nicegui[^"]+\.m?js)"', html)
	for path in [*paths, *imported]:
		if path.startswith("/"):
			assert opener.open(home + path, timeout=60).status == 200, path
	assert b'"rows":' in opener.open(f"{home}/list/found", timeout=60).read()
