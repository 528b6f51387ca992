"""The layers of a test site, and the apps of AR_WRITEOFF_TEST_APPS among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench import Bench, Site
from tools.processes import ToolError


class SiteOfSteps(Site):
	"""Writes down what would be done on the site."""

	def __init__(self, bench: Bench, steps: list[str]):
		super().__init__(bench, "test.localhost")
		self.steps = steps

	def make_bare(self) -> None:
		self.steps.append("bare")

	def python_file(self, path: Path, function: str) -> None:
		self.steps.append(function)

	def dump(self, target: Path) -> None:
		self.steps.append("dump")
		target.parent.mkdir(parents=True, exist_ok=True)
		target.touch()

	def _from_dump(self, dump: Path) -> None:
		self.steps.append("load")

	def reachable(self) -> bool:
		return True


class BenchOfSteps(Bench):
	def __init__(self, path: Path, steps: list[str]):
		super().__init__(path)
		self.steps = steps

	def frappe(self, *args: str, quiet: bool = True) -> str:
		self.steps.append(" ".join(args[2:]))
		return ""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SiteOfSteps:
	monkeypatch.delenv("AR_WRITEOFF_TEST_APPS", raising=False)
	for app in ("frappe", "erpnext", "hrms"):
		(tmp_path / "apps" / app / app).mkdir(parents=True)
		(tmp_path / "apps" / app / app / "__init__.py").write_text('__version__ = "1.0"\n')
	steps: list[str] = []
	return SiteOfSteps(BenchOfSteps(tmp_path, steps), steps)


def made(site: SiteOfSteps) -> list[str]:
	site.steps.clear()
	site.make()
	return [*site.steps]


def test_each_layer_is_made_once(site: SiteOfSteps) -> None:
	assert made(site) == ["bare", "create", "dump", "install-app ar_writeoff"]
	assert made(site) == []
	site.note.unlink()
	assert made(site) == ["load", "install-app ar_writeoff"]


def test_more_apps_are_a_layer_before_this_app(site: SiteOfSteps, monkeypatch: pytest.MonkeyPatch) -> None:
	site.make()
	monkeypatch.setenv("AR_WRITEOFF_TEST_APPS", "hrms")
	assert made(site) == ["load", "install-app hrms", "dump", "install-app ar_writeoff"]
	assert made(site) == []
	monkeypatch.delenv("AR_WRITEOFF_TEST_APPS")
	assert made(site) == ["load", "install-app ar_writeoff"]
	monkeypatch.setenv("AR_WRITEOFF_TEST_APPS", "hrms")
	assert made(site) == ["load", "install-app ar_writeoff"]
	version = site.bench.apps / "hrms" / "hrms" / "__init__.py"
	version.write_text('__version__ = "1.1"\n')
	assert made(site) == ["load", "install-app hrms", "dump", "install-app ar_writeoff"]


def test_an_app_that_the_bench_does_not_have(site: SiteOfSteps, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setenv("AR_WRITEOFF_TEST_APPS", "hrms lending")
	with pytest.raises(ToolError, match="lending is not an app of the bench"):
		site.make()
	assert site.steps == []
