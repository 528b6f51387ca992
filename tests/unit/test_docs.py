"""Links, commands and names in README and docs are valid."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ar_writeoff.core import texts
from ar_writeoff.offline import cli, policy
from tests.documents import (
	CHECKOUT,
	IN_A_BENCH,
	INSTALL_PREVIEW,
	ON_A_SITE,
	anchors,
	blocks,
	commands,
	files,
	links,
)

MAKEFILE = (CHECKOUT / "Makefile").read_text()
TARGETS = set(next(line for line in MAKEFILE.splitlines() if line.startswith("TARGETS :=")).split()[2:])

INSTALL = (INSTALL_PREVIEW, ["install", ".[review]"])
PREVIEWS = [(page, command) for page, command in commands() if command.startswith("ar-writeoff preview")]
REVIEWS = [(page, command) for page, command in commands() if command.startswith("ar-writeoff review")]


def name(file: Path) -> str:
	return str(file.relative_to(CHECKOUT))


@pytest.mark.parametrize("file", files(), ids=name)
def test_no_dead_link(file: Path) -> None:
	for link in links(file):
		if re.match(r"[a-z]+:", link):
			continue
		path, _hash, anchor = link.partition("#")
		target = (file.parent / path).resolve() if path else file
		assert target.exists(), f"{name(file)} links to {link}"
		if anchor:
			assert anchor in anchors(target), (
				f"{name(file)} links to {link}; there are {sorted(anchors(target))}"
			)


def test_every_page_is_linked() -> None:
	"""Every page is linked from another."""
	linked = {
		(file.parent / link.partition("#")[0]).resolve()
		for file in files()
		for link in links(file)
		if ":" not in link
	}
	pages = {file for file in files() if CHECKOUT / "docs" in file.parents}
	assert {name(page) for page in pages - linked} == set()


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_is_known(page: str, command: str) -> None:
	"""A command is run here or on a site, or is a target of the Makefile."""
	program, *arguments = shlex.split(command)
	if program == "make":
		assert set(arguments[:1]) <= TARGETS, f"{page}: {command}"
	elif program == "pip":
		assert arguments in INSTALL, f"{page}: {command}"
	elif program in ("bench", "git"):
		assert command in (*ON_A_SITE, *IN_A_BENCH), f"{page}: {command}"
	else:
		assert (page, command) in (*PREVIEWS, *REVIEWS), f"{page}: {command}"


@pytest.mark.parametrize(("page", "command"), PREVIEWS)
def test_every_preview_runs(
	page: str,
	command: str,
	tmp_path: Path,
	monkeypatch: pytest.MonkeyPatch,
	capsys: pytest.CaptureFixture[str],
) -> None:
	_program, *arguments = shlex.split(command)
	written = []
	for index, argument in enumerate(arguments):
		if argument in ("--xlsx", "--data-import"):
			written.append(tmp_path / arguments[index + 1])
			arguments[index + 1] = str(written[-1])
	monkeypatch.chdir(CHECKOUT)
	assert cli.main([*arguments, "--language", "en"]) == 0
	assert "Preview of a write-off run" in capsys.readouterr().out
	assert all(path.stat().st_size for path in written)


@pytest.mark.parametrize(("page", "command"), REVIEWS)
def test_every_review_could_start(page: str, command: str) -> None:
	"""What the page shows is tested in tests/page."""
	_program, *arguments = shlex.split(command)
	options = cli.parser().parse_args(arguments)
	for file in (options.file, options.policy, options.party_currency):
		assert not file or (CHECKOUT / file).exists(), f"{page}: {command}"


def test_targets_named_in_running_text_exist() -> None:
	for file in files():
		for target in re.findall(r"`make ([\w-]+)", file.read_text()):
			assert target in TARGETS, f"{name(file)}: make {target}"


def test_files_named_in_running_text_exist() -> None:
	for file in files():
		for path in re.findall(r"`((?:core|ledger|tests|examples|docs)/[\w./-]+)`", file.read_text()):
			places = (CHECKOUT / path, CHECKOUT / "ar_writeoff" / path)
			assert any(place.exists() for place in places), f"{name(file)}: {path}"


def functions_in(file: str) -> set[str]:
	"""Names of the tests in a file of that name."""
	[path] = (CHECKOUT / "tests").rglob(file)
	return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_tests_named_in_the_docs_exist() -> None:
	named = [
		(name(file), *found)
		for file in files()
		for found in re.findall(r"`(test_\w+\.py)::(\w+)`", file.read_text())
	]
	assert len(named) > 50, "docs/reliability.md names the test of each promise"
	for page, file, test in named:
		assert test in functions_in(file), f"{page}: {file}::{test}"


def test_the_policy_in_the_docs_is_one(tmp_path: Path) -> None:
	[text] = [block.text for block in blocks() if block.language == "toml"]
	file = tmp_path / "policy.toml"
	file.write_text(text)
	settings = policy.read_file(file)
	policy.make(settings, today=settings["criteria.posting_date"])
	named = {key for key in settings if "." in key}
	for section, keys in policy.SECTIONS.items():
		if section not in ("", "rates", "columns", "thresholds"):
			assert {f"{section}.{key}" for key in keys} <= named, "the docs name every setting"


def test_reasons_in_the_review_page_are_those_of_the_app() -> None:
	page = (CHECKOUT / "docs" / "guide" / "review.md").read_text()
	known = {label.casefold() for label in texts.LABELS.values()}
	rows = re.findall(r"^\| ([^|]+) \|", page.split("## Excluded balances")[1], re.M)[2:]
	for row in rows:
		for label in row.split(", "):
			assert label.strip().casefold() in known, label


def test_help_is_there() -> None:
	done = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
	for target in sorted(TARGETS):
		assert target in done.stdout, target


def test_version_and_changelog_agree() -> None:
	from ar_writeoff import __version__

	assert f"## [{__version__}]" in (CHECKOUT / "CHANGELOG.md").read_text()
