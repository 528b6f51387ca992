"""A separate MariaDB for the campaign that can be killed, and a site on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tools import processes
from tools.bench import Site, write_file
from tools.processes import ToolError

# Durable at every commit, as a ledger should be; small, as the books are.
OPTIONS = (
	"--innodb-flush-log-at-trx-commit=1",
	"--innodb-buffer-pool-size=512M",
	"--innodb-log-file-size=96M",
	"--character-set-server=utf8mb4",
	"--collation-server=utf8mb4_unicode_ci",
	"--skip-name-resolve",
	"--max-connections=200",
	"--bind-address=127.0.0.1",
)


class MariaDB:
	"""A MariaDB server with its data directory in `folder`."""

	def __init__(self, folder: Path):
		self.server = shutil.which("mariadbd") or shutil.which(
			"mysqld", path=f"{os.environ['PATH']}:/usr/sbin"
		)
		if not self.server:
			raise ToolError(
				"mariadbd is not on the PATH. The fault campaign starts and kills a server of its own."
			)
		self.folder = folder
		self.data = folder / "data"
		self.socket = folder / "mariadb.sock"
		self.log = folder / "mariadb.log"
		# A server that starts deletes the temporary tables it finds: those of its neighbour, were the folder shared.
		self.tmp = folder / "tmp"
		self.tmp.mkdir(parents=True, exist_ok=True)
		self.port = processes.free_port()
		subprocess.run(
			[
				"mariadb-install-db",
				"--no-defaults",
				f"--datadir={self.data}",
				f"--tmpdir={self.tmp}",
				"--auth-root-authentication-method=normal",
				"--skip-test-db",
				f"--user={_user()}",
			],
			check=True,
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
		)
		self.start()

	def start(self) -> None:
		self.process = processes.start(
			[
				self.server,
				"--no-defaults",
				f"--datadir={self.data}",
				f"--socket={self.socket}",
				f"--pid-file={self.folder / 'pid'}",
				f"--tmpdir={self.tmp}",
				f"--port={self.port}",
				f"--user={_user()}",
				*OPTIONS,
			],
			log=self.log,
		)
		processes.wait_for_port(self.port, self.process, self.log, timeout=120)

	def restart(self, *, kill: bool, away: float = 0) -> None:
		"""Restart the server after a shutdown or SIGKILL."""
		os.kill(self.process.pid, signal.SIGKILL if kill else signal.SIGTERM)
		self.process.wait(timeout=120)
		time.sleep(away)
		self.start()

	def stop(self) -> None:
		processes.stop(self.process, timeout=30)

	def sql(self, text: str, database: str = "") -> None:
		subprocess.run(
			[
				"mariadb",
				"--no-defaults",
				f"--socket={self.socket}",
				"-uroot",
				*([database] if database else []),
			],
			input=text,
			text=True,
			check=True,
		)


def _user() -> str:
	import pwd

	return pwd.getpwuid(os.getuid()).pw_name


def move_site(site: Site, server: MariaDB) -> Site:
	"""Copy this site, with the app installed, to the server."""
	config = json.loads((site.path / "site_config.json").read_text())
	name, password = config["db_name"], config["db_password"]
	server.sql(
		f"CREATE DATABASE `{name}`; CREATE USER '{name}'@'%' IDENTIFIED BY '{password}';"
		f"GRANT ALL ON `{name}`.* TO '{name}'@'%'; FLUSH PRIVILEGES;"
	)
	command, env = site._client("mariadb-dump", "mysqldump")
	dump = [*command, "--single-transaction", "--no-tablespaces", name]
	load = ["mariadb", "--no-defaults", f"--socket={server.socket}", "-uroot", name]
	with subprocess.Popen(dump, env=env, stdout=subprocess.PIPE) as source:
		subprocess.run(load, stdin=source.stdout, check=True)
	if source.returncode:
		raise ToolError("The test site's database could not be copied.")

	copy = Site(site.bench, f"faults-{site.name}")
	shutil.rmtree(copy.path, ignore_errors=True)
	for folder in ("private/files", "public/files", "locks", "logs"):
		(copy.path / folder).mkdir(parents=True)
	write_file(
		copy.path / "site_config.json",
		json.dumps({**config, "db_host": "127.0.0.1", "db_port": server.port}, indent=1),
	)
	return copy
