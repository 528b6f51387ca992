"""The documentation as data: its files, links and commands, for the tests that hold it true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")

# What pip is given to install the offline preview alone, as tests/package does.
INSTALL_PREVIEW = ["install", ".[preview]"]

# Commands of bench that tests/site/test_docs_commands.py runs on a site of their own, in this order.
ON_A_SITE = (
	"bench --site SITE install-app ar_writeoff",
	"bench --site SITE migrate",
	"bench --site SITE execute ar_writeoff.workflow.create",
	"bench --site SITE execute ar_writeoff.jobs.prove_posting",
	"bench --site SITE execute ar_writeoff.ledger.covering_index.create",
	"bench --site SITE execute ar_writeoff.ledger.covering_index.drop",
	"bench --site SITE backup --with-files",
	"bench --site SITE set-config ar_writeoff_uninstall_with_runs 1",
	"bench --site SITE uninstall-app ar_writeoff",
)
# Commands given in a bench's folder, which fetch code and build it: run there on a bench that is made for them.
IN_A_BENCH = (
	"bench get-app REPOSITORY",
	"git -C apps/ar_writeoff pull",
	"bench build --app ar_writeoff",
)


@dataclass(frozen=True)
class Block:
	"""A fenced block of a document."""

	file: Path
	language: str
	text: str

	def commands(self) -> list[str]:
		"""The commands of a `sh` or `console` block; in `console` those behind a `$`."""
		lines = [line.strip() for line in self.text.splitlines()]
		if self.language == "sh":
			return [line for line in lines if line and not line.startswith("#")]
		if self.language == "console":
			return [line[2:] for line in lines if line.startswith("$ ")]
		return []


def files() -> list[Path]:
	"""Every page of the project."""
	return [
		*sorted(CHECKOUT.glob("*.md")),
		*sorted((CHECKOUT / "docs").rglob("*.md")),
		*sorted((CHECKOUT / ".github").rglob("*.md")),
	]


def blocks() -> Iterator[Block]:
	for file in files():
		for language, text in FENCE.findall(file.read_text()):
			yield Block(file, language, text)


def commands() -> list[tuple[str, str]]:
	"""(page, command) for each command of each page."""
	return [
		(str(block.file.relative_to(CHECKOUT)), command) for block in blocks() for command in block.commands()
	]


def links(file: Path) -> list[str]:
	"""Targets of a page's links and images, code left out."""
	text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", file.read_text()))
	return LINK.findall(text)


def anchors(file: Path) -> set[str]:
	"""The anchors that GitHub makes of a page's headings."""
	found = set()
	for heading in re.findall(r"^#+ +(.+)$", FENCE.sub("", file.read_text()), re.M):
		text = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
		found.add(text.replace(" ", "-"))
	return found
