"""`make demo`: a desk with demo data; without a bench, the review in the browser with the sample files.

`make demo-stop` stops background processes, `make demo-reset` starts over.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools import processes, venvs
from tools.bench import (
	CHECKOUT,
	Bench,
	Site,
	app_fingerprint,
	find_bench,
	fingerprint,
	read_json,
	say,
	write_file,
)
from tools.desk import Desk
from tools.processes import PidFile, Redis, ToolError

SITE = "ar-writeoff-demo.localhost"
BOOKS = CHECKOUT / "demo" / "books.py"
PORT = 8000
WORKERS = 1


def demo() -> int:
	bench, words = find_bench()
	if not bench:
		return without_a_bench(words)
	say(words)
	site = bench.site(os.environ.get("AR_WRITEOFF_DEMO_SITE") or SITE)
	if address := running(bench):
		print_logins(address)
		say("The demo was running already. `make demo-stop` ends it.")
		return 0
	detach = bool(os.environ.get("DETACH"))
	with site.claimed():
		bench.attach()
		logs = bench.store / "logs" / site.name
		redis = Redis(logs, keep=detach)
		pids = PidFile(pid_path(bench))
		pids.end_all()
		pids.add(redis.process.pid)
		os.environ.update(redis.env)
		try:
			bench.build_assets()
			make_site(site)
			port = processes.free_port(int(os.environ.get("DEMO_PORT") or PORT))
			# a detached desk keeps the locks on bench and site
			holding = [bench.lock, site.lock] if detach else []
			desk = Desk(site, redis.env, logs, port=port, keep=detach, holding=holding)
			for _ in range(WORKERS):
				desk.add_worker()
			for process in desk.processes:
				pids.add(process.pid)
			desk.warm_up()
			write_file(address_path(bench), json.dumps({"address": desk.url}))
		except BaseException:
			pids.end_all()
			redis.stop()
			raise
		print_logins(desk.url)
		say("Without a bench there is the page: `ar-writeoff review FILE` (see docs/preview.md).")
		if detach:
			say(f"It goes on in the background (logs in {logs}). `make demo-stop` ends it.")
			return 0
		say("Ctrl-C ends it.")
		try:
			return watch(desk)
		finally:
			desk.stop()
			redis.stop()
			pids.path.unlink(missing_ok=True)


SAMPLE = (
	"examples/accounts-receivable.csv",
	"--policy", "examples/policy.toml",
	"--party-currency", "examples/accounts-receivable-party-currency.xlsx",
)  # fmt: skip
PAGE = CHECKOUT / ".demo"


def without_a_bench(words: str) -> int:
	"""Run the review in the browser on a sample export, for machines without a bench."""
	say(
		f"{words} Showing the review in the browser instead, on a sample of ERPNext's Accounts Receivable report."
	)
	if address := page_running():
		say(f"The page was running already: {address}")
		say("`make demo-stop` ends it.")
		return 0
	command = venvs.page_command()
	done = subprocess.run([command, "preview", *SAMPLE, "--short"], cwd=CHECKOUT)
	if done.returncode:
		return done.returncode
	print(flush=True)
	terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
	detach = bool(os.environ.get("DETACH")) or not terminal
	PAGE.mkdir(exist_ok=True)
	page_address().unlink(missing_ok=True)
	port = os.environ.get("DEMO_PORT")
	process = processes.start(
		[
			command, "review", *SAMPLE, "--out", PAGE, "--address-file", page_address(),
			*(["--port", port] if port else []), *(["--no-browser"] if detach else []),
		],
		log=PAGE / "page.log",
		cwd=CHECKOUT,
		keep=detach,
	)  # fmt: skip
	pids = PidFile(page_pids())
	pids.add(process.pid)
	address = wait_for_the_page(process)
	say(f"The page: {address}")
	say(
		f"The same on a report of your own: drop it onto the page, or {shown(command)} review FILE (docs/preview.md)."
	)
	say("With a bench (ERPNext v15 or v16) `make demo` starts a desk: set BENCH to it.")
	if detach:
		say("It goes on in the background. `make demo-stop` ends it.")
		return 0
	say("Ctrl-C ends it.")
	try:
		return process.wait()
	except KeyboardInterrupt:
		print()
		return 0
	finally:
		pids.end_all()
		page_address().unlink(missing_ok=True)


def wait_for_the_page(process: subprocess.Popen[bytes]) -> str:
	deadline = time.monotonic() + 120
	while not page_address().exists() or not page_address().read_text().strip():
		if process.poll() is not None or time.monotonic() > deadline:
			PidFile(page_pids()).end_all()
			raise ToolError(f"The page did not start. Its log is {PAGE / 'page.log'}.")
		time.sleep(0.1)
	return page_address().read_text().strip()


def page_pids() -> Path:
	return PAGE / "page.pids"


def page_address() -> Path:
	return PAGE / "address"


def page_running() -> str | None:
	"""Address of a page that runs in the background."""
	if PidFile(page_pids()).living() and page_address().exists():
		return page_address().read_text().strip()
	return None


def shown(command: Path) -> str:
	return str(command.relative_to(CHECKOUT))


def example() -> int:
	"""Write the sample files in examples/ from the demo site."""
	bench, words = find_bench()
	if not bench:
		say(words)
		return 1
	site = bench.site(os.environ.get("AR_WRITEOFF_DEMO_SITE") or SITE)
	if not site.note.exists():
		say("There is no demo site yet; `make demo` makes it.")
		return 1
	bench.attach()
	site.python_file(CHECKOUT / "demo" / "example.py", "sample")
	return 0


def stop() -> int:
	bench, _words = find_bench()
	ended = PidFile(page_pids()).end_all()
	page_address().unlink(missing_ok=True)
	if bench:
		ended += PidFile(pid_path(bench)).end_all()
		address_path(bench).unlink(missing_ok=True)
	say(f"The demo has ended ({len(ended)} processes)." if ended else "The demo was not running.")
	return 0


def reset() -> int:
	"""Stop the demo, delete its data, and start over."""
	bench, words = find_bench()
	stop()
	if not bench:
		return without_a_bench(words)
	site = bench.site(os.environ.get("AR_WRITEOFF_DEMO_SITE") or SITE)
	site.note.unlink(missing_ok=True)
	return demo()


def make_site(site: Site) -> None:
	"""Create the demo's books. Changes made on the demo stay until `make demo-reset`."""
	books = fingerprint([*sorted(BOOKS.parent.glob("*.py")), CHECKOUT / "tests" / "site" / "bulk_copy.py"])
	note = read_json(site.note)
	if note and site.reachable():
		if note.get("books") != books:
			say("The demo's data has a newer version; `make demo-reset` makes it.")
		if note.get("app") != app_fingerprint():
			say("Bringing the demo site up to date")
			site.bench.frappe("--site", site.name, "migrate", "--skip-search-index")
			write_file(site.note, json.dumps({**note, "app": app_fingerprint()}))
		return
	started = time.monotonic()
	site.make_bare()
	site.install_app()
	say("Writing the books of 1,000 customers with 20,000 invoices; takes a minute or two")
	site.python_file(BOOKS, "create_books")
	write_file(site.note, json.dumps({"books": books, "app": app_fingerprint()}))
	say(f"The demo site is ready ({time.monotonic() - started:.0f} s)")


def pid_path(bench: Bench) -> Path:
	return bench.store / "demo.pids"


def address_path(bench: Bench) -> Path:
	return bench.store / "demo.json"


def running(bench: Bench) -> str | None:
	address = read_json(address_path(bench)).get("address")
	return str(address) if address and len(PidFile(pid_path(bench)).living()) > 1 else None


def watch(desk: Desk) -> int:
	"""Wait until Ctrl-C, or until a process of the desk ends."""
	signal.signal(signal.SIGTERM, signal.default_int_handler)
	try:
		while True:
			for process in desk.processes:
				if process.poll() is not None:
					raise ToolError(
						f"A part of the demo has ended: {process.args}. Its log is in {desk.logs}."
					)
			time.sleep(0.5)
	except KeyboardInterrupt:
		print()
		say("The demo has ended; its data stays for the next time.")
		return 0


def print_logins(address: str) -> None:
	logins, password = users()
	width = max(len(login) for login in logins)
	lines = [f"AR Write-Off demo: {address}/app/write-off-run", ""]
	lines += [
		f"  {login.ljust(width)}   password: {password}   {purpose}" for login, purpose in logins.items()
	]
	print("\n".join(["", *lines, ""]), flush=True)


def users() -> tuple[dict[str, str], str]:
	"""The demo's logins, read without importing the demo, which needs Frappe."""
	import ast

	values = {}
	for node in ast.parse(BOOKS.read_text()).body:
		if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
			if node.targets[0].id in ("USERS", "PASSWORD"):
				values[node.targets[0].id] = ast.literal_eval(node.value)
	return {login: purpose for login, (_name, _roles, purpose) in values["USERS"].items()}, values["PASSWORD"]
