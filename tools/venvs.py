"""The project's virtual environments, created and repaired automatically.

.venv        lint and unit tests. Python 3.10 or later from the PATH, without Frappe.
.venv-bench  site and desk tests. The bench's Python and packages plus the test tools: pip installs only what the bench
             lacks, so neither changes the other's versions.
.venv-page   the page in the browser, for `make demo` without a bench: what `pip install ar-writeoff[review]` installs.
.venv-node   prettier, eslint, and axe-core for the desk tests.
.venv-docs   the docs site.
.venv-mutants  mutation tests of the rules.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.bench import CHECKOUT, Bench, fingerprint, read_file, say, write_file
from tools.processes import Lock, ToolError, die_with_parent

PRETTIER, ESLINT = "prettier@2.7.1", "eslint@8.44.0"
AXE = "axe-core@4.10.3"


def dev_python() -> Path:
	"""Python of .venv, with requirements-dev.txt installed."""
	requirements = CHECKOUT / "requirements-dev.txt"
	return _venv(CHECKOUT / ".venv", Path(sys.executable), requirements)


def docs_python() -> Path:
	"""Python of .venv-docs, with requirements-docs.txt installed."""
	return _venv(CHECKOUT / ".venv-docs", Path(sys.executable), CHECKOUT / "requirements-docs.txt")


def mutants_python() -> Path:
	"""Python of .venv-mutants, with requirements-mutants.txt installed."""
	return _venv(CHECKOUT / ".venv-mutants", Path(sys.executable), CHECKOUT / "requirements-mutants.txt")


def page_command() -> Path:
	"""The program `ar-writeoff` in .venv-page, installed from this checkout with the extra `review` only."""
	home = CHECKOUT / ".venv-page"
	_venv(
		home, Path(sys.executable), CHECKOUT / "pyproject.toml", install=("--editable", f"{CHECKOUT}[review]")
	)
	return home / "bin" / "ar-writeoff"


def bench_python(bench: Bench) -> Path:
	"""Python of a virtual environment in .venv-bench, one per bench: its packages plus requirements-bench.txt."""
	purelib = bench.run(
		bench.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"
	).strip()
	return _venv(
		CHECKOUT / ".venv-bench" / fingerprint([], str(bench.path))[:8],
		bench.python,
		CHECKOUT / "requirements-bench.txt",
		# addsitedir, so that the bench's .pth files (its apps) apply here too
		extra=f"import site; site.addsitedir({purelib!r})\n",
		installer=dev_python(),
	)


def _venv(
	home: Path,
	base: Path,
	requirements: Path,
	extra: str = "",
	installer: Path | None = None,
	install: Sequence[str] = (),
) -> Path:
	"""Python of a virtual environment with the packages in `requirements`; `install`: other arguments for pip."""
	python = home / "bin" / "python"
	version = _output(base, "-c", "import sys; print(sys.version, sys.base_prefix)")
	wanted = fingerprint([requirements], version, extra, str(home))
	note = home / "complete"
	if read_file(note) == wanted and python.exists():
		return python

	lock = Lock(home.with_name(f"{home.name}.lock"))
	lock.take(wait=600, busy=f"{home} is being made by {{holder}}.")
	try:
		if read_file(note) == wanted and python.exists():
			return python
		say(f"Making {home.name} ({requirements.name})")
		shutil.rmtree(home, ignore_errors=True)
		if installer:
			_run(base, "-m", "venv", "--without-pip", home)
		else:
			_make_with_pip(base, home)
		if extra:
			purelib = _output(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])")
			write_file(Path(purelib) / "bench.pth", extra)
		pip = [installer, "-m", "pip", "--python", python] if installer else [python, "-m", "pip"]
		_run(*pip, "install", "-qq", "--disable-pip-version-check", *(install or ("-r", requirements)))
		write_file(note, wanted)
	finally:
		lock.release()
	return python


def _make_with_pip(base: Path, home: Path) -> None:
	if _works(base, "-m", "venv", home):
		return
	# Debian's Python has no ensurepip unless python3-venv is installed
	shutil.rmtree(home, ignore_errors=True)
	if apt_install("python3-venv") and _works(base, "-m", "venv", home):
		return
	raise ToolError(
		f"{base} cannot make a virtual environment. Please install Python's venv module "
		"(on Debian and Ubuntu: apt-get install python3-venv)."
	)


def node_tool(name: str) -> Path | None:
	"""prettier or eslint from .venv-node; None without Node.js."""
	return _node_package(f".bin/{name}")


def axe() -> Path | None:
	"""The script of axe-core, which finds barriers on a page; None without Node.js."""
	return _node_package("axe-core/axe.min.js")


def _node_package(path: str) -> Path | None:
	if not shutil.which("npm"):
		return None
	home = CHECKOUT / ".venv-node"
	program = home / "node_modules" / path
	note = home / "complete"
	wanted = f"{PRETTIER} {ESLINT} {AXE}"
	if read_file(note) == wanted and program.exists():
		return program
	lock = Lock(home.with_name(f"{home.name}.lock"))
	lock.take(wait=600, busy=f"{home} is being made by {{holder}}.")
	try:
		if read_file(note) != wanted or not program.exists():
			say(f"Making {home.name} ({wanted})")
			shutil.rmtree(home, ignore_errors=True)
			home.mkdir()
			write_file(home / "package.json", '{"private": true}\n')
			_run(
				"npm",
				"install",
				"--prefix",
				home,
				"--no-audit",
				"--no-fund",
				"--loglevel=error",
				PRETTIER,
				ESLINT,
				AXE,
			)
			write_file(note, wanted)
	finally:
		lock.release()
	return program


CHROMIUM_ARGS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
]


def chromium() -> str | None:
	"""A Chromium to run tests in: CHROMIUM, one on the PATH, or Debian's package if it can be installed."""
	names = [
		os.environ.get("CHROMIUM") or "",
		"chromium",
		"chromium-browser",
		"google-chrome",
		"google-chrome-stable",
	]
	for attempt in range(2):
		for name in filter(None, names):
			if found := shutil.which(name):
				return found
		if attempt or not apt_install("chromium"):
			return None
	return None


def apt_install(*packages: str) -> bool:
	if not shutil.which("apt-get") or os.geteuid() != 0:
		return False
	say(f"Installing {', '.join(packages)} with apt-get")
	env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
	for command in (
		["apt-get", "update", "-qq"],
		["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
	):
		done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
		if done.returncode and command[1] == "install":
			return False
	return True


def _run(*command: str | os.PathLike[str]) -> None:
	try:
		subprocess.run(
			[os.fspath(part) for part in command],
			check=True,
			stdin=subprocess.DEVNULL,
			preexec_fn=die_with_parent,
		)
	except (OSError, subprocess.CalledProcessError) as error:
		raise ToolError(f"This failed: {' '.join(str(part) for part in command)}\n{error}") from error


def _works(*command: str | os.PathLike[str]) -> bool:
	done = subprocess.run(
		[os.fspath(part) for part in command], capture_output=True, stdin=subprocess.DEVNULL
	)
	return done.returncode == 0


def _output(*command: str | os.PathLike[str]) -> str:
	return subprocess.run(
		[os.fspath(part) for part in command],
		check=True,
		capture_output=True,
		text=True,
		stdin=subprocess.DEVNULL,
	).stdout.strip()
