"""What a confirmed review leaves behind: entries for Data Import, and the evidence as spreadsheet and as page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ar_writeoff.offline import data_import, evidence, workbook
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.words import t

ENTRIES, SPREADSHEET, PAGE = "journal-entries.csv", "evidence.xlsx", "evidence.html"


def write(decision: Decision, sources: Sequence[Path], above: Path, now: datetime, by: str) -> list[Path]:
	"""Write the files into a new folder under `above`; returns them. Nothing is ever written over.

	`sources` are the reports that were read, `by` is the person who confirmed.

	Raises:
	    OSError: the folder cannot be made or written to.
	"""
	folder = new_folder(above, now)
	entries, spreadsheet, page = (folder / name for name in (ENTRIES, SPREADSHEET, PAGE))
	data_import.write(entries, decision)
	workbook.write(spreadsheet, decision)
	facts = evidence.Facts(
		by=by,
		at=now,
		sources=[(path.name, sha256(path)) for path in sources],
		written=[(path.name, sha256(path)) for path in (entries, spreadsheet)],
	)
	evidence.write(page, decision, facts)
	return [entries, spreadsheet, page]


def new_folder(above: Path, now: datetime) -> Path:
	name = f"{t('write-off')} {now:%Y-%m-%d %H%M}"
	number = 1
	while True:
		folder = above / (name if number == 1 else f"{name} ({number})")
		try:
			folder.mkdir(parents=True)
		except FileExistsError:
			number += 1
		else:
			return folder


def sha256(path: Path) -> str:
	"""The file's fingerprint, by which anybody can tell that it was not changed."""
	digest = hashlib.sha256()
	with path.open("rb") as file:
		while block := file.read(1 << 20):
			digest.update(block)
	return digest.hexdigest()
