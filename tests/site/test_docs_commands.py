"""Runs the commands of the docs that need a bench, on a separate site."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documents import IN_A_BENCH, ON_A_SITE
from tests.site.conftest import Session
from tools.bench import APP, CHECKOUT, Site


@pytest.mark.slow
def test_commands_on_a_site(another_site: Callable[[], Site]) -> None:
	site = another_site()
	for command in ON_A_SITE:
		_bench, *arguments = command.replace("SITE", site.name).split()
		if "uninstall-app" in arguments:
			arguments += ["--yes", "--no-backup"]  # bench asks otherwise
		site.bench.frappe(*arguments)
		apps = site.sql("SELECT defvalue FROM tabDefaultValue WHERE defkey = 'installed_apps'")
		assert ("ar_writeoff" in apps) == ("uninstall-app" not in arguments), command


@pytest.mark.slow
def test_getting_and_upgrading_the_app(tmp_path: Path) -> None:
	"""With the real `bench`, in the folder of a bench that has ERPNext and not the app."""
	bench = a_bench_without_us(Session.get().bench.path, tmp_path / "bench")
	venv.create(tmp_path / "venv", with_pip=True)
	programs = tmp_path / "venv" / "bin"
	subprocess.run([programs / "pip", "install", "--quiet", "frappe-bench", "uv"], check=True)
	repository = tmp_path / "origin"
	subprocess.run(["git", "clone", "--quiet", CHECKOUT, repository], check=True)
	# Building follows the links of the apps, and would build in the bench that they lead to.
	env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "FRAPPE_BENCH_ROOT": str(bench)}
	for command in IN_A_BENCH:
		subprocess.run(
			shlex.split(command.replace("REPOSITORY", str(repository))),
			cwd=bench,
			env=env,
			check=True,
			timeout=300,
		)
		assert APP in (bench / "sites" / "apps.txt").read_text().split(), command
	assert (bench / "apps" / APP / APP / "hooks.py").is_file()
	assert list((bench / "apps" / APP / APP / "public" / "dist" / "js").glob("ar_writeoff.bundle.*.js"))
	subprocess.run([bench / "env" / "bin" / "python", "-c", f"import {APP}.hooks"], check=True, cwd=tmp_path)


def a_bench_without_us(of: Path, path: Path) -> Path:
	"""A bench's folder with a Python environment of its own and the apps of this one, as links."""
	for folder in ("apps", "sites", "logs", "config/pids"):
		(path / folder).mkdir(parents=True)
	shutil.copytree(of / "env", path / "env", symlinks=True)
	shutil.copytree(of / "sites" / "assets", path / "sites" / "assets", symlinks=True)
	(path / "sites" / "assets" / APP).unlink(missing_ok=True)
	apps = ("frappe", "erpnext")
	for app in apps:
		(path / "apps" / app).symlink_to((of / "apps" / app).resolve())
	(path / "sites" / "apps.txt").write_text("\n".join(apps) + "\n")
	config = json.loads((of / "sites" / "common_site_config.json").read_text())
	# bench refuses to work as root unless it is told to.
	config["frappe_user"] = getpass.getuser()
	(path / "sites" / "common_site_config.json").write_text(json.dumps(config))
	return path
