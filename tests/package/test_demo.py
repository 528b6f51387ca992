"""`make demo` where no bench is found."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def make(target: str, **env: str) -> str:
	"""The output of a target without a terminal; it must succeed."""
	given = {
		name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "ARGS", "MAKE"))
	}
	done = subprocess.run(
		["make", target],
		cwd=CHECKOUT,
		env={**given, "BENCH": "/nonexistent", **env},
		stdin=subprocess.DEVNULL,
		capture_output=True,
		text=True,
		timeout=300,
	)
	assert done.returncode == 0, done.stdout + done.stderr
	return done.stdout


@pytest.fixture
def stopped() -> object:
	make("demo-stop")
	yield
	make("demo-stop")


def test_without_a_terminal_it_goes_on_in_the_background_and_says_how_to_end_it(stopped: None) -> None:
	said = make("demo")
	assert "Preview of a write-off run" in said or "Vorschau eines Ausbuchungslaufs" in said
	assert "`make demo-stop` ends it." in said
	[address] = re.findall(r"The page: (http://127\.0\.0\.1:\d+/\?token=\S+)", said)
	opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
	assert opener.open(address, timeout=60).status == 200

	again = make("demo", DETACH="1")
	assert address in again and "running already" in again
	assert "The demo has ended (1 processes)." in make("demo-stop")
	with pytest.raises(OSError):
		opener.open(address, timeout=10)
	assert "The demo was not running." in make("demo-stop")
