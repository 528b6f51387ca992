"""The Makefile's targets. Run as `python -m tools.make TARGET` from the checkout; standard library only."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tools import demo, venvs
from tools.bench import APP, CHECKOUT, Bench, Site, find_bench, more_apps, say, test_site
from tools.processes import Redis, ToolError, die_with_parent

ARGS = shlex.split(os.environ.get("ARGS", ""))


# A stage with more failed tests than this is not run again.
FEW = 5

# Allowed reasons to skip a test.
ALLOWED_SKIPS = re.compile(r"\b(ERPNext|Frappe|v1\d|release)\b")


class Tally:
	"""Results for the summary at the end."""

	def __init__(self) -> None:
		self.started = time.monotonic()
		self.counts = {"failed": 0, "passed": 0, "skipped": 0, "error": 0}
		self.broken: list[str] = []
		self.notes: list[str] = []
		self.skips: Counter[str] = Counter()
		self.ran_on = ""

	def read(self, report: Path) -> list[str]:
		"""Add the results of a stage. Returns the names of the tests that failed."""
		try:
			root = ElementTree.parse(report).getroot()
		except (OSError, ElementTree.ParseError):
			return []
		for suite in root.iter("testsuite"):
			tests, failed, errors, skipped = (
				int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
			)
			self.counts["failed"] += failed
			self.counts["error"] += errors
			self.counts["skipped"] += skipped
			self.counts["passed"] += tests - failed - errors - skipped
			self.skips.update(skip.get("message", "") for skip in suite.iter("skipped"))
		return [
			f"{test.get('classname')}.{test.get('name')}"
			for test in root.iter("testcase")
			if test.find("failure") is not None or test.find("error") is not None
		]

	def not_run(self, words: str) -> None:
		"""Note that something is not run. With a bench named in BENCH, as in the release check, it is a failure."""
		(self.broken if os.environ.get("BENCH") else self.notes).append(words)

	def finish(self) -> int:
		print()
		for reason, number in self.skips.most_common():
			say(f"{number} skipped: {reason}")
			if not ALLOWED_SKIPS.search(reason):
				self.broken.append("skipped for a reason that is not about the release")
		for note in self.notes:
			say(note)
		for name in self.broken:
			say(f"FAILED: {name}")
		if self.ran_on:
			say(f"Ran on {self.ran_on}")
		counts = {key: number for key, number in self.counts.items() if number or key == "passed"}
		text = ", ".join(f"{number} {key}" for key, number in counts.items())
		line = f" {text} in {time.monotonic() - self.started:.2f}s "
		print(line.center(80, "="), flush=True)
		return 1 if self.broken else 0


# --------------------------------------------------------------------------------------------------- stages


def lint(tally: Tally) -> None:
	python = venvs.dev_python()

	def check(name: str, *command: object) -> None:
		say(name)
		done = subprocess.run([str(part) for part in command], cwd=CHECKOUT, preexec_fn=die_with_parent)
		if done.returncode:
			tally.broken.append(name)

	check("ruff check", python, "-m", "ruff", "check", ".")
	check("ruff format --check", python, "-m", "ruff", "format", "--check", ".")
	check("mypy", python, "-m", "mypy", APP)
	scripts = our_scripts()
	prettier, eslint = venvs.node_tool("prettier"), venvs.node_tool("eslint")
	if not prettier or not eslint:
		tally.not_run("npm is not on the PATH: the JavaScript was not checked (prettier, eslint).")
		return
	check("prettier --check", prettier, "--check", "--loglevel", "warn", *scripts)
	if any((CHECKOUT / name).exists() for name in (".eslintrc", ".eslintrc.json", ".eslintrc.js")):
		check("eslint", eslint, "--quiet", *scripts)


def our_scripts() -> list[Path]:
	"""The app's JavaScript files, without built and third-party ones."""
	return [
		path.relative_to(CHECKOUT)
		for path in sorted((CHECKOUT / APP).rglob("*.js"))
		if not {"dist", "node_modules", "lib"} & set(path.parts)
	]


def pytest(
	tally: Tally,
	python: Path,
	folder: str,
	*extra: str,
	env: dict[str, str] | None = None,
	again: Callable[[], None] | None = None,
) -> None:
	"""Run the tests of a folder. With again, a few failed tests are run once more, for those that depend on
	time, unless ARGS names the tests. It is called before."""
	if not list((CHECKOUT / folder).rglob("test_*.py")):
		say(f"{folder}: nothing there yet")
		return
	# Tests named in ARGS are run instead of all tests of their folder, and of no other folder.
	named = [arg for arg in ARGS if arg.startswith("tests/")]
	# Absolute, because the tests change the directory.
	chosen = [CHECKOUT / arg for arg in named or [folder] if arg.startswith(folder)]
	if not chosen:
		return
	options = [arg for arg in ARGS if arg not in named]

	def run(*more: str) -> tuple[int, list[str]]:
		with tempfile.TemporaryDirectory() as scratch:
			report = Path(scratch) / "report.xml"
			command = [python, "-m", "pytest", *chosen, f"--junit-xml={report}", *more, *options]
			done = subprocess.run(
				[str(part) for part in command],
				cwd=CHECKOUT,
				env={**os.environ, **(env or {})},
				preexec_fn=die_with_parent,
			)
			return done.returncode, tally.read(report)

	say(f"pytest {folder}")
	before = {key: tally.counts[key] for key in ("failed", "error")}
	code, failed = run(*extra)
	if again and not named and code == 1 and 0 < len(failed) <= FEW:
		say(f"pytest {folder}: failed tests once more, one at a time")
		again()
		first = {key: tally.counts[key] for key in before}
		tally.counts.update(before)
		code, failed_again = run("--last-failed")
		for name in sorted(set(failed) - set(failed_again)) if code in (0, 1) else ():
			tally.notes.append(f"UNSTABLE: {name} failed, and passed when it was run again")
		if code not in (0, 1):
			# They could not be run again.
			tally.counts.update(first)
			code = 1
	# 5: no tests collected, which is allowed only with ARGS
	if code not in ((0, 5) if ARGS else (0,)):
		tally.broken.append(folder)


def unit(tally: Tally) -> None:
	pytest(tally, venvs.dev_python(), "tests/unit")


def package(tally: Tally) -> None:
	"""Tests that take longer than unit tests and need no bench: installation, large files."""
	pytest(tally, venvs.dev_python(), "tests/package")


def page(tally: Tally) -> None:
	"""Tests of the page in the browser; no bench."""
	browser = venvs.chromium()
	if not browser:
		tally.not_run(
			"No Chromium found and none could be installed: the page in the browser was not tested."
		)
		return
	pytest(tally, venvs.dev_python(), "tests/page", env={"CHROMIUM": browser})


@contextmanager
def ready_sites(bench: Bench, number: int) -> Iterator[list[Site]]:
	"""Link the checkout into the bench, and make and lock the test sites."""
	sites = [bench.site(test_site(one)) for one in range(number)]
	with ExitStack() as claims:
		for site in sites:
			claims.enter_context(site.claimed())
		bench.attach()
		with own_redis():
			bench.build_assets()
		make_sites(sites)
		yield sites


def make_sites(sites: list[Site]) -> None:
	"""Make the sites, also those that a run of the tests has left without restoring them."""
	with own_redis():
		for site in sites:
			site.make()


@contextmanager
def own_redis() -> Iterator[None]:
	"""Run a private Redis: installing and building clear caches, which must not affect other processes."""
	with tempfile.TemporaryDirectory() as scratch:
		redis = Redis(Path(scratch))
		before = {name: os.environ.get(name) for name in redis.env}
		os.environ.update(redis.env)
		try:
			yield
		finally:
			redis.stop()
			for name, value in before.items():
				if value is None:
					os.environ.pop(name, None)
				else:
					os.environ[name] = value


Stage = Callable[[Tally, Bench, list[Site]], None]


def on_bench(tally: Tally, *stages: Stage, sites: int = 1) -> None:
	"""Run the stages on the bench found, with the tests distributed over this many sites."""
	bench, words = find_bench()
	if not bench:
		tally.not_run(f"{words} The tests on a real site and on the real desk were not run.")
		tally.notes.append("Set BENCH to a bench with ERPNext v15 or v16 to run them.")
		return
	say(words)
	try:
		with ready_sites(bench, sites) as ready:
			tally.ran_on = release(bench, ready[0])
			for stage in stages:
				stage(tally, bench, ready)
	except ToolError as error:
		say(str(error))
		tally.broken.append("the test site")


def bench_env(bench: Bench, sites: list[Site]) -> dict[str, str]:
	return {
		**bench.env(),
		"BENCH": str(bench.path),
		"AR_WRITEOFF_TEST_SITE": sites[0].name,
		"AR_WRITEOFF_CLAIMED": " ".join(site.name for site in sites),
	}


def bench_pytest(
	tally: Tally, bench: Bench, sites: list[Site], folder: str, *, again: bool = False, **env: str
) -> None:
	python = venvs.bench_python(bench)
	remake = partial(make_sites, sites) if again else None
	# By file, so that fixtures shared in a file are created once.
	spread = ["--numprocesses", str(len(sites)), "--dist", "loadfile"] if len(sites) > 1 else []
	pytest(tally, python, folder, *spread, env={**bench_env(bench, sites), **env}, again=remake)


def names(tally: Tally) -> None:
	"""Check the names the app takes from ERPNext and Frappe, with the bench's Python; no site."""
	bench, words = find_bench()
	if not bench:
		tally.not_run(f"{words} Names and signatures were not compared.")
		return
	say(words)
	env = {**bench.env(), "BENCH": str(bench.path), "PYTHONPATH": str(CHECKOUT)}
	pytest(tally, venvs.bench_python(bench), "tests/names", env=env)
	tally.ran_on = release(bench)


def release(bench: Bench, site: Site | None = None) -> str:
	"""Versions that the tests run on, as text."""
	python = bench.run(bench.python, "-c", "import platform; print(platform.python_version())").strip()
	words = f"ERPNext {bench.version('erpnext')} / Frappe {bench.version('frappe')}, Python {python}"
	if not site:
		return words
	words += "".join(f", {app} {bench.version(app)}" for app in more_apps())
	return f"{words}, MariaDB {site.sql('SELECT VERSION()').strip().removesuffix('-log')}"


def site(tally: Tally, bench: Bench, sites: list[Site]) -> None:
	bench_pytest(tally, bench, sites, "tests/site", again=True)


def e2e(tally: Tally, bench: Bench, sites: list[Site]) -> None:
	browser = venvs.chromium()
	if not browser:
		tally.not_run("No Chromium found and none could be installed: the desk tests were not run.")
		return
	axe = venvs.axe()
	if not axe:
		tally.not_run("npm is not on the PATH: the desk tests were not run, they need axe-core.")
		return
	bench_pytest(tally, bench, sites, "tests/e2e", again=True, CHROMIUM=browser, AXE=str(axe))


def faults(tally: Tally, bench: Bench, sites: list[Site]) -> None:
	bench_pytest(tally, bench, sites, "tests/faults")


def benchmarks(tally: Tally, bench: Bench, sites: list[Site]) -> None:
	python = venvs.bench_python(bench)
	env = {**bench_env(bench, sites), "PYTHONPATH": str(CHECKOUT)}
	command = [str(python), "-m", "benchmarks.run", *ARGS]
	# In sites/: importing Frappe or ERPNext may open a log in ../logs.
	done = subprocess.run(command, cwd=bench.sites, env=env, preexec_fn=die_with_parent)
	if done.returncode:
		tally.broken.append("benchmarks")


# -------------------------------------------------------------------------------------------------- targets


def target_test() -> int:
	tally = Tally()
	lint(tally)
	unit(tally)
	names(tally)
	package(tally)
	page(tally)
	# Two sites, because most tests wait for the database half of the time.
	on_bench(tally, site, e2e, sites=2)
	return tally.finish()


def target_lint() -> int:
	tally = Tally()
	lint(tally)
	for note in tally.notes:
		say(note)
	for name in tally.broken:
		say(f"FAILED: {name}")
	return 1 if tally.broken else 0


def target_format() -> int:
	python = venvs.dev_python()
	subprocess.run([python, "-m", "ruff", "check", "--fix", "."], cwd=CHECKOUT)
	formatted = subprocess.run([python, "-m", "ruff", "format", "."], cwd=CHECKOUT).returncode
	if prettier := venvs.node_tool("prettier"):
		scripts = [str(path) for path in our_scripts()]
		formatted |= subprocess.run(
			[str(prettier), "--write", "--loglevel", "warn", *scripts], cwd=CHECKOUT
		).returncode
	return formatted


def only(*stages: Stage) -> Callable[[], int]:
	def target() -> int:
		tally = Tally()
		on_bench(tally, *stages)
		return tally.finish()

	return target


def anywhere(stage: Callable[[Tally], None]) -> Callable[[], int]:
	"""A test target that needs no bench."""

	def target() -> int:
		tally = Tally()
		stage(tally)
		for note in tally.notes:
			say(note)
		return tally.finish()

	return target


def target_mutants() -> int:
	"""Mutation tests of the rules."""
	command = [venvs.mutants_python(), "-m", "tools.mutants", *ARGS]
	return subprocess.run([str(part) for part in command], cwd=CHECKOUT).returncode


def target_link() -> int:
	"""Link the checkout into the bench and make the test site."""
	tally = Tally()
	on_bench(tally, lambda tally, bench, sites: say(f"{sites[0].name} on {bench.path} is ready"))
	for note in tally.notes:
		say(note)
	return 1 if tally.broken else 0


def target_translations() -> int:
	"""Extract the app's strings to locale/main.pot and update each language."""
	tally = Tally()

	def extract(tally: Tally, bench: Bench, sites: list[Site]) -> None:
		for command in ("generate-pot-file", "update-po-files", "compile-po-to-mo"):
			bench.frappe(command, "--app", APP)
		say("ar_writeoff/locale is up to date; `make unit` says what is not translated")

	on_bench(tally, extract)
	for note in tally.notes:
		say(note)
	return 1 if tally.broken else 0


def target_docs() -> int:
	"""Build the docs site to site/; pages missing from the navigation are errors."""
	command = [venvs.docs_python(), "-m", "mkdocs", "build", "--strict", "--quiet"]
	return subprocess.run([str(part) for part in command], cwd=CHECKOUT).returncode


def target_clean() -> int:
	"""Delete what the other targets created, in this checkout and on the bench: test site, dumps, link."""
	bench, _ = find_bench()
	if bench and bench.store.exists():
		for site in (bench.site(test_site(number)) for number in range(2)):
			with site.claimed():
				if site.path.exists():
					say(f"Dropping {site.name}")
					site.drop()
		for dump in bench.store.glob("ba*e-*.sql"):
			dump.unlink()
	for name in (
		".venv",
		".venv-bench",
		".venv-page",
		".demo",
		".venv-node",
		".venv-docs",
		".venv-mutants",
		"site",
		".pytest_cache",
		".mypy_cache",
		".ruff_cache",
		".hypothesis",
	):
		shutil.rmtree(CHECKOUT / name, ignore_errors=True)
	return 0


TARGETS: dict[str, Callable[[], int]] = {
	"test": target_test,
	"lint": target_lint,
	"format": target_format,
	"translations": target_translations,
	"docs": target_docs,
	"names": anywhere(names),
	"unit": anywhere(unit),
	"package": anywhere(package),
	"page": anywhere(page),
	"mutants": target_mutants,
	"site": only(site),
	"e2e": only(e2e),
	"faults": only(faults),
	"bench": only(benchmarks),
	"link": target_link,
	"demo": demo.demo,
	"demo-stop": demo.stop,
	"demo-reset": demo.reset,
	"example": demo.example,
	"clean": target_clean,
}


def main() -> int:
	if len(sys.argv) != 2 or sys.argv[1] not in TARGETS:
		print(f"Usage: python -m tools.make [{' | '.join(TARGETS)}]")
		return 2
	die_with_parent(signal.SIGTERM)
	signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended properly
	try:
		return TARGETS[sys.argv[1]]()
	except ToolError as error:
		say(str(error))
		return 1
	except KeyboardInterrupt:
		print()
		return 130


if __name__ == "__main__":
	sys.exit(main())
