"""`make test` fails for what it leaves out, unless the release is the reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import make

REPORT = """<testsuites><testsuite tests="3" failures="0" errors="0" skipped="1">
	<testcase classname="a" name="one"/><testcase classname="a" name="two"/>
	<testcase classname="a" name="three"><skipped message="{reason}"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
	("reason", "code"),
	[("Accounting Period of this release of ERPNext has no field disabled", 0), ("There is no Chromium.", 1)],
)
def test_a_skipped_test(reason: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
	report = tmp_path / "report.xml"
	report.write_text(REPORT.format(reason=reason))
	tally = make.Tally()
	assert tally.read(report) == []
	tally.ran_on = "ERPNext 15.102.0 / Frappe 15.103.0"
	assert tally.finish() == code
	said = capsys.readouterr().out
	assert f"1 skipped: {reason}" in said and "Ran on ERPNext 15.102.0 / Frappe 15.103.0" in said
	assert "2 passed, 1 skipped" in said


@pytest.mark.parametrize("stage", [make.names, lambda tally: make.on_bench(tally, make.site)])
def test_a_bench_that_is_named_and_not_there(
	stage: make.Callable[[make.Tally], None], monkeypatch: pytest.MonkeyPatch
) -> None:
	"""A mistyped path is no green release check. Without BENCH, the tests on a bench are left out with a note."""
	monkeypatch.setattr(make, "find_bench", lambda: (None, "No bench with ERPNext found."))
	for named, code in (("", 0), ("/a/bench", 1)):
		monkeypatch.setenv("BENCH", named)
		tally = make.Tally()
		stage(tally)
		assert tally.finish() == code


def test_few_failed_tests_are_run_again_on_sites_made_again(
	tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
	ready = tmp_path / "ready"
	(tmp_path / "tests").mkdir()
	(tmp_path / "tests" / "test_one.py").write_text(
		f"import pathlib\n\ndef test_one():\n\tassert pathlib.Path({str(ready)!r}).exists()\n"
	)
	monkeypatch.setattr(make, "CHECKOUT", tmp_path)
	monkeypatch.setattr(make, "ARGS", ["--rootdir", str(tmp_path)])
	tally = make.Tally()
	make.pytest(tally, Path(sys.executable), "tests", again=ready.touch)
	assert tally.finish() == 0
	said = capsys.readouterr().out
	assert "UNSTABLE: tests.test_one.test_one failed, and passed when it was run again" in said
	assert "1 passed" in said
