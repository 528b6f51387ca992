"""The offline preview as it is shipped: installed with pip, and with 100,000 lines."""

from __future__ import annotations

import subprocess
import time
import venv
from pathlib import Path

import pytest

from ar_writeoff.offline import cli
from tests.documents import CHECKOUT, INSTALL_PREVIEW
from tests.unit.exports import line, table, write_csv


def test_the_preview_can_be_installed_alone(tmp_path: Path) -> None:
	"""With pip, on a machine without Frappe."""
	venv.create(tmp_path / "venv", with_pip=True)
	programs = tmp_path / "venv" / "bin"
	subprocess.run([programs / "pip", "--quiet", *INSTALL_PREVIEW], cwd=CHECKOUT, check=True)
	done = subprocess.run(
		[
			programs / "ar-writeoff",
			"preview",
			CHECKOUT / "examples" / "accounts-receivable.csv",
			"--maximum",
			"10",
		],
		cwd=tmp_path,
		capture_output=True,
		text=True,
	)
	assert "Preview of a write-off run" in done.stdout, done.stderr


def test_a_hundred_thousand_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
	"""Measured in processor time, so that other load of the machine does not count."""
	rows = [
		line(number, f"Customer {number % 9000:04d}", round(number % 9973 / 100, 2))
		for number in range(100_000)
	]
	file = write_csv(tmp_path / "ar.csv", table(rows))
	day = "2026-06-30"
	started = time.process_time()
	assert cli.main(["preview", str(file), "--maximum", "25", "--cutoff", day, "--posting-date", day]) == 0
	assert "Checked      Balances: 100,000" in capsys.readouterr().out
	assert time.process_time() - started < 20
