"""Controls a Frappe bench from outside: find it, link this checkout into it, create sites on it.

Standard library only, without the `bench` command: everything runs with the bench's own Python.

A site is made in layers, each stored so that the next run is quick and starts from the same books:

    Frappe + ERPNext                       ->  a SQL dump for these versions
    the test companies on top              ->  a SQL dump for this version of tests/site/base_data.py
    the apps of AR_WRITEOFF_TEST_APPS      ->  a SQL dump for their versions
    this app installed on top              ->  a note beside the site, with a hash of what was installed

Incomplete layers of a killed run have no note and are made again from the dump.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.processes import Lock, ToolError, die_with_parent

APP = "ar_writeoff"
CHECKOUT = Path(__file__).resolve().parent.parent
BASE_DATA = CHECKOUT / "tests" / "site" / "base_data.py"
TEST_SITE = "ar-writeoff-test.localhost"

# Site config of test and demo sites.
SITE_CONFIG = {
	"allow_tests": 1,
	"mute_emails": 1,
	"pause_scheduler": 1,
	"server_script_enabled": 0,
	"developer_mode": 0,
}


def say(text: str) -> None:
	print(f"-- {text}", flush=True)


def test_site(number: int = 0) -> str:
	"""Name of the test site, or of another one with this number."""
	name = os.environ.get("AR_WRITEOFF_TEST_SITE") or TEST_SITE
	return f"{number + 1}.{name}" if number else name


def more_apps() -> list[str]:
	"""More apps of the bench for the test sites, installed before this app in this order."""
	return os.environ.get("AR_WRITEOFF_TEST_APPS", "").split()


def find_bench() -> tuple[Bench | None, str]:
	"""The bench to use, or None with the reason."""
	named = os.environ.get("BENCH")
	around = CHECKOUT.parent.parent  # the checkout is itself an app of a bench
	if named:
		candidate = Path(named).expanduser()
	elif CHECKOUT.parent.name == "apps" and not Bench(around).missing():
		candidate = around
	else:
		candidate = Path.home() / "frappe-bench"
	bench = Bench(candidate)
	if missing := bench.missing():
		return None, f"No bench with ERPNext found at {candidate} (missing: {', '.join(missing)})."
	return bench, f"Bench: {bench.path}"


class Bench:
	def __init__(self, path: Path):
		self.path = path.absolute()
		self.apps = self.path / "apps"
		self.sites = self.path / "sites"
		self.python = self.path / "env" / "bin" / "python"
		self.store = self.sites / ".ar-writeoff"  # dumps, notes, locks, logs
		self.lock = Lock(self.store / "bench.lock")

	def missing(self) -> list[str]:
		needed = {
			"apps/frappe": (self.apps / "frappe" / "frappe").is_dir(),
			"apps/erpnext": (self.apps / "erpnext" / "erpnext").is_dir(),
			"env/bin/python": self.python.exists(),
			"sites/apps.txt": (self.sites / "apps.txt").exists(),
		}
		return [name for name, there in needed.items() if not there]

	def site(self, name: str) -> Site:
		return Site(self, name)

	# ------------------------------------------------------------------------------------------ commands

	def env(self) -> dict[str, str]:
		"""Environment for the bench's programs, without variables of another Python."""
		env = {
			key: value
			for key, value in os.environ.items()
			if key not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
		}
		env["FRAPPE_BENCH_ROOT"] = str(self.path)
		env.setdefault("PYTHONWARNINGS", "ignore")
		return env

	def run(
		self, *command: str | os.PathLike[str], quiet: bool = True, env: Mapping[str, str] | None = None
	) -> str:
		"""Run a command in sites/. Its output is shown if it fails, or if not `quiet`."""
		process = subprocess.run(
			[os.fspath(part) for part in command],
			cwd=self.sites,
			env={**self.env(), **(env or {})},
			stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE if quiet else None,
			stderr=subprocess.STDOUT if quiet else None,
			text=True,
			errors="replace",
			preexec_fn=die_with_parent,
		)
		output = process.stdout or ""
		if process.returncode:
			shown = " ".join(str(part) for part in command)
			lines = [line.split("\r")[-1] for line in output.splitlines()]
			raise ToolError(
				f"This failed (exit code {process.returncode}): {shown}\n" + "\n".join(lines[-60:])
			)
		return output

	def frappe(self, *args: str, quiet: bool = True) -> str:
		return self.run(self.python, CHECKOUT / "tools" / "frappe_cli.py", *args, quiet=quiet)

	def version(self, app: str) -> str:
		try:
			source = (self.apps / app / app / "__init__.py").read_text()
		except OSError as error:
			raise ToolError(f"{app} is not an app of the bench {self.path}.") from error
		match = re.search(r"^__version__\s*=\s*[\"']([^\"']+)", source, re.M)
		return match.group(1) if match else "?"

	# ---------------------------------------------------------------------------------------------- link

	@property
	def link_path(self) -> Path:
		return self.apps / APP

	def linked(self) -> bool:
		try:
			apps_txt = (self.sites / "apps.txt").read_text().split()
			return (
				self.link_path.resolve() == CHECKOUT
				and APP in apps_txt
				and self._importable_from() == CHECKOUT
			)
		except OSError:
			return False

	def _importable_from(self) -> Path | None:
		code = f"import {APP}, pathlib; print(pathlib.Path({APP}.__file__).resolve().parent.parent)"
		result = subprocess.run(
			[self.python, "-c", code], cwd=self.sites, env=self.env(), capture_output=True, text=True
		)
		return Path(result.stdout.strip()) if result.returncode == 0 else None

	def attach(self) -> None:
		"""Link this checkout into the bench until this process ends.

		Several runs of one checkout may share a bench; another checkout has to wait.
		"""
		self.lock.take(shared=True, wait=30, busy="{holder} is changing the bench. Please try again.")
		if self.linked():
			return
		self.lock.take(
			wait=10,
			busy=(
				f"The bench {self.path} is in use with another checkout ({self.link_path.resolve()}) by {{holder}}. "
				"Wait for it to end, or point BENCH at another bench."
			),
		)
		self._link()
		self.lock.take(shared=True, wait=5)
		if not self.linked():
			raise ToolError(
				f"Another checkout was linked into {self.path} at this very moment. Please try again."
			)

	def _link(self) -> None:
		say(f"Linking {CHECKOUT} into {self.path}")
		if self.link_path.is_symlink() or not self.link_path.exists():
			replace_link(self.link_path, CHECKOUT)
		elif self.link_path.resolve() != CHECKOUT:
			raise ToolError(
				f"{self.link_path} is a directory of its own, not a link. "
				"Run the tests from there, or move it away."
			)

		# Importable in the bench's Python: a .pth file to apps/, so relinking needs no reinstall.
		purelib = self.run(
			self.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"
		).strip()
		write_file(Path(purelib) / f"{APP}.pth", f"{self.link_path}\n")
		if self._importable_from() != CHECKOUT:
			self._uninstall_copies(Path(purelib))
		if (found := self._importable_from()) != CHECKOUT:
			raise ToolError(f"The bench's Python takes {APP} from {found or 'nowhere'}, not from {CHECKOUT}.")

		names = (self.sites / "apps.txt").read_text().split()
		if APP not in names:
			write_file(self.sites / "apps.txt", "\n".join([*names, APP]) + "\n")

	def _uninstall_copies(self, purelib: Path) -> None:
		"""Remove copies of the app that an earlier `pip install` left in the bench's Python."""
		for pattern in (APP, f"{APP}-*.dist-info", f"__editable__*{APP}*"):
			for path in purelib.glob(pattern):
				say(f"Removing an earlier install: {path}")
				if path.is_dir() and not path.is_symlink():
					shutil.rmtree(path)
				else:
					path.unlink()

	# -------------------------------------------------------------------------------------------- assets

	def build_assets(self) -> None:
		"""Build the app's JavaScript, CSS and translations if they have changed since the last build on this bench."""
		public = CHECKOUT / APP / "public"
		if not public.is_dir():
			return
		assets = self.sites / "assets" / APP
		if assets.is_symlink() or not assets.exists():
			if assets.resolve() != public:
				assets.parent.mkdir(exist_ok=True)
				replace_link(assets, self.link_path / APP / "public")
		if not any(".bundle." in path.name for path in files_below(public)):
			return
		if not shutil.which("node") or not shutil.which("yarn"):
			say("Node.js or yarn is not on the PATH: the app's JavaScript is not built on this bench.")
			return
		note = self.store / "assets.built"
		building = Lock(self.store / "assets.lock")
		building.take(wait=300, busy="{holder} has been building the app's JavaScript for minutes.")
		try:
			if read_file(note) != self._assets_fingerprint(public):
				say("Building the app's JavaScript and CSS")
				note.unlink(missing_ok=True)
				sources = self._sources_fingerprint(public)
				self.frappe("build", "--app", APP)
				write_file(note, self._assets_fingerprint(public, sources))
		finally:
			building.release()

	def _assets_fingerprint(self, public: Path, sources: str = "") -> str:
		"""Fingerprint of the sources and the built files: another bench with this checkout may have rebuilt them."""
		built = [str(path.relative_to(public)) for path in files_below(public / "dist")]
		return fingerprint([], sources or self._sources_fingerprint(public), *built)

	def _sources_fingerprint(self, public: Path) -> str:
		sources = [path for path in files_below(public) if "dist" not in path.relative_to(public).parts]
		# Building also compiles the translations.
		return fingerprint([*sources, *files_below(CHECKOUT / APP / "locale")], str(CHECKOUT))


class Site:
	def __init__(self, bench: Bench, name: str):
		if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
			raise ToolError(f"{name!r} is no name for a site: small letters, digits, dots and hyphens only.")
		self.bench = bench
		self.name = name
		self.path = bench.sites / name
		self.config_path = self.path / "site_config.json"
		self.note = self.path / ".ar-writeoff.json"
		self.lock = Lock(bench.store / f"{name}.lock")

	@contextmanager
	def claimed(self) -> Iterator[Site]:
		"""Lock the site against other runs."""
		self.lock.take(
			wait=10,
			busy=(
				f"The site {self.name} is in use by {{holder}}. Wait for it to end, "
				"or set AR_WRITEOFF_TEST_SITE to the name of another site."
			),
		)
		try:
			yield self
		finally:
			self.lock.release()

	# --------------------------------------------------------------------------------------------- config

	@property
	def config(self) -> dict[str, object]:
		try:
			return dict(json.loads(self.config_path.read_text()))
		except (OSError, ValueError):
			return {}

	def configure(self, **values: object) -> None:
		"""Change site_config.json; None removes a key."""
		config = {**self.config, **values}
		config = {key: value for key, value in config.items() if value is not None}
		write_file(self.config_path, json.dumps(config, indent=1, sort_keys=True))

	# ------------------------------------------------------------------------------------------- database

	def _client(self, *names: str) -> tuple[list[str], dict[str, str]]:
		"""Command and environment of a MariaDB client program for this site's database."""
		program = next((found for name in names if (found := shutil.which(name))), None)
		if not program:
			raise ToolError(f"None of {', '.join(names)} is on the PATH. A bench needs the MariaDB client.")
		common = {**read_json(self.bench.sites / "common_site_config.json"), **self.config}
		command = [program, f"--user={common['db_name']}"]
		socket = os.environ.get("FRAPPE_DB_SOCKET") or common.get("db_socket")
		if socket:
			command.append(f"--socket={socket}")
		else:
			command.append(
				f"--host={os.environ.get('FRAPPE_DB_HOST') or common.get('db_host') or '127.0.0.1'}"
			)
			command.append(f"--port={os.environ.get('FRAPPE_DB_PORT') or common.get('db_port') or 3306}")
		return command, {**os.environ, "MYSQL_PWD": str(common["db_password"])}

	def sql(self, statement: str) -> str:
		command, env = self._client("mariadb", "mysql")
		result = subprocess.run(
			[*command, "--batch", "--skip-column-names", str(self.config["db_name"])],
			input=statement,
			env=env,
			capture_output=True,
			text=True,
			preexec_fn=die_with_parent,
		)
		if result.returncode:
			raise ToolError(f"MariaDB refused on {self.name}: {result.stderr.strip()}")
		return result.stdout

	def reachable(self) -> bool:
		try:
			self.sql("SELECT 1")
		except (ToolError, KeyError):
			return False
		return True

	def dump(self, target: Path) -> None:
		command, env = self._client("mariadb-dump", "mysqldump")
		target.parent.mkdir(parents=True, exist_ok=True)
		part = target.with_name(f"{target.name}.{os.getpid()}")
		try:
			with part.open("wb") as output:
				subprocess.run(
					[
						*command,
						"--single-transaction",
						"--quick",
						"--skip-comments",
						str(self.config["db_name"]),
					],
					env=env,
					stdout=output,
					check=True,
					preexec_fn=die_with_parent,
				)
			part.replace(target)
		except subprocess.CalledProcessError as error:
			raise ToolError(f"Dumping the site {self.name} failed.") from error
		finally:
			part.unlink(missing_ok=True)

	def load(self, source: Path) -> None:
		"""Replace the database's content. Works without the database root user."""
		name = self.config["db_name"]
		self._end_connections()
		self.sql(
			f"DROP DATABASE `{name}`; "
			f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
		)
		command, env = self._client("mariadb", "mysql")
		with source.open("rb") as dump:
			result = subprocess.run(
				[*command, str(name)], stdin=dump, env=env, capture_output=True, preexec_fn=die_with_parent
			)
		if result.returncode:
			raise ToolError(
				f"Loading {source} into {self.name} failed: {result.stderr.decode(errors='replace')}"
			)

	def _end_connections(self) -> None:
		"""End connections of a killed run, which may hold locks for minutes."""
		rows = self.sql("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID();").split()
		for connection in rows:
			try:
				self.sql(f"KILL {connection};")
			except ToolError:
				pass  # it ended by itself

	# ----------------------------------------------------------------------------------------------- make

	def bare_dump(self) -> Path:
		"""Path of the dump of Frappe and ERPNext alone."""
		return self.bench.store / f"bare-{fingerprint([], *self._versions())[:12]}.sql"

	def base_dump(self, apps: Iterable[str] = ()) -> Path:
		"""Path of the dump with the test companies and these apps."""
		return self.bench.store / f"base-{fingerprint([BASE_DATA], *self._versions(*apps))[:12]}.sql"

	def _versions(self, *apps: str) -> list[str]:
		return [f"{app} {self.bench.version(app)}" for app in ("frappe", "erpnext", *apps)]

	def make_base(self) -> None:
		"""Create Frappe, ERPNext, the test companies and the apps of AR_WRITEOFF_TEST_APPS, without this app."""
		self.note.unlink(missing_ok=True)
		self._make_base(more_apps())
		self.configure(**SITE_CONFIG)

	def _make_base(self, apps: list[str]) -> None:
		dump = self.base_dump(apps)
		if dump.exists():
			self._from_dump(dump)
			return
		if apps:
			self._make_base([])
			for app in apps:
				say(f"Installing {app} on {self.name}")
				self.bench.frappe("--site", self.name, "install-app", app)
		else:
			self.make_bare()
			say(f"Creating the test companies of {self.name}")
			self.python_file(BASE_DATA, "create")
		self.dump(dump)
		for old in sorted(dump.parent.glob("base-*.sql"), key=lambda path: path.stat().st_mtime)[:-4]:
			old.unlink(missing_ok=True)

	def make_bare(self) -> None:
		"""Create Frappe and ERPNext alone."""
		self.note.unlink(missing_ok=True)
		dump = self.bare_dump()
		if dump.exists():
			self._from_dump(dump)
		else:
			say(f"Making the site {self.name} with ERPNext; takes about a minute, once")
			self._new_site("--install-app", "erpnext")
			self.dump(dump)
		self.configure(**SITE_CONFIG)

	def _from_dump(self, dump: Path) -> None:
		if self.config.get("db_name") and self.reachable():
			self.load(dump)
		else:
			say(f"Making the site {self.name} from {dump.name}")
			self._new_site("--source-sql", str(dump))

	def _new_site(self, *extra: str) -> None:
		user, password = os.environ.get("DB_ROOT_USER", "root"), os.environ.get("DB_ROOT_PASSWORD", "")
		if self.path.exists() and not self.config.get("db_name"):
			shutil.rmtree(self.path)  # a directory left by a killed run makes Frappe fail
		self.bench.frappe(
			"new-site", self.name, "--force", "--db-root-username", user, "--db-root-password", password,
			"--admin-password", "admin", *extra,
		)  # fmt: skip

	def make(self) -> None:
		"""Make the site with the app installed and empty books. Quick if nothing has changed."""
		base = self.base_dump(more_apps())
		wanted = {"base": base.name, "app": app_fingerprint()}
		if read_json(self.note) == wanted and base.exists() and self.reachable():
			self.configure(**SITE_CONFIG)
			return
		started = time.monotonic()
		self.make_base()
		self.install_app()
		write_file(self.note, json.dumps(wanted))
		say(f"Site {self.name} is ready ({time.monotonic() - started:.0f} s)")

	def install_app(self) -> None:
		self.bench.frappe("--site", self.name, "install-app", APP)

	def drop(self) -> None:
		"""Delete the site and its database."""
		user, password = os.environ.get("DB_ROOT_USER", "root"), os.environ.get("DB_ROOT_PASSWORD", "")
		if self.config.get("db_name"):
			self.bench.frappe(
				"drop-site", self.name, "--no-backup", "--force", "--archived-sites-path", str(self.bench.store / "dropped"),
				"--db-root-username", user, "--db-root-password", password,
			)  # fmt: skip
			shutil.rmtree(self.bench.store / "dropped", ignore_errors=True)
		shutil.rmtree(self.path, ignore_errors=True)

	def python_file(self, path: Path, function: str) -> None:
		"""Call a function of a Python file with this site connected."""
		code = (
			"import sys, runpy, frappe\n"
			"path, function, site, checkout = sys.argv[1:]\n"
			"sys.path.insert(0, checkout)\n"
			"frappe.init(site, sites_path='.'); frappe.connect()\n"
			"runpy.run_path(path)[function]()\n"
			"frappe.db.commit(); frappe.destroy()\n"
		)
		self.bench.run(self.bench.python, "-c", code, str(path), function, self.name, str(CHECKOUT))


def app_fingerprint() -> str:
	"""Changes if the app has to be reinstalled: doctypes, fixtures, hooks or patches changed."""
	app = CHECKOUT / APP
	named = {"hooks.py", "install.py", "uninstall.py"}
	kept = [
		path
		for path in files_below(app)
		if not {"public", "locale", "node_modules"} & set(path.relative_to(app).parts)
		and (path.name in named or path.suffix in {".json", ".txt", ".html"} or "patches" in path.parts)
	]
	return fingerprint(kept)


# ----------------------------------------------------------------------------------------------- small tools


def files_below(directory: Path) -> list[Path]:
	return sorted(path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def fingerprint(paths: Iterable[Path], *extra: str) -> str:
	digest = hashlib.sha256()
	for text in extra:
		digest.update(text.encode() + b"\0")
	for path in paths:
		relative = path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path
		try:
			content = path.read_bytes()
		except FileNotFoundError:
			continue  # the file was deleted meanwhile
		digest.update(str(relative).encode() + b"\0" + content + b"\0")
	return digest.hexdigest()


def read_file(path: Path) -> str:
	try:
		return path.read_text()
	except OSError:
		return ""


def read_json(path: Path) -> dict[str, object]:
	try:
		return dict(json.loads(path.read_text()))
	except (OSError, ValueError):
		return {}


def write_file(path: Path, text: str) -> None:
	"""Write a file atomically, even if the process is killed."""
	path.parent.mkdir(parents=True, exist_ok=True)
	part = path.with_name(f".{path.name}.{os.getpid()}")
	part.write_text(text)
	part.replace(path)


def replace_link(link: Path, target: Path) -> None:
	part = link.with_name(f".{link.name}.{os.getpid()}")
	part.unlink(missing_ok=True)
	part.symlink_to(target)
	part.replace(link)


if __name__ == "__main__":
	sys.exit("Use `make`; see the Makefile for what there is.")
