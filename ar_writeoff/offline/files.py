"""Files of a confirmed review: entries for Data Import, and the evidence as spreadsheet and page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ar_writeoff.offline import data_import, evidence, workbook
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.words import t

ENTRIES, SPREADSHEET, PAGE = "journal-entries.csv", "evidence.xlsx", "evidence.html"


def write(decision: Decision, sources: Sequence[Path], parent: Path, now: datetime, by: str) -> list[Path]:
	"""Write the files to a new folder below `above` and return them. Existing files are never overwritten.

	`sources`: the reports that were read; `by`: the user who confirmed.

	Raises:
	    OSError: the folder cannot be created or written to.
	"""
	folder = new_folder(parent, now)
	entries, spreadsheet, page = (folder / name for name in (ENTRIES, SPREADSHEET, PAGE))
	data_import.write(entries, decision)
	workbook.write(spreadsheet, decision)
	facts = evidence.Confirmation(
		by=by,
		at=now,
		sources=[(path.name, sha256(path)) for path in sources],
		written=[(path.name, sha256(path)) for path in (entries, spreadsheet)],
	)
	evidence.write(page, decision, facts)
	return [entries, spreadsheet, page]


def new_folder(parent: Path, now: datetime) -> Path:
	name = f"{t('write-off')} {now:%Y-%m-%d %H%M}"
	number = 1
	while True:
		folder = parent / (name if number == 1 else f"{name} ({number})")
		try:
			folder.mkdir(parents=True)
		except FileExistsError:
			number += 1
		else:
			return folder


def sha256(path: Path) -> str:
	"""SHA-256 hash of a file."""
	digest = hashlib.sha256()
	with path.open("rb") as file:
		while block := file.read(1 << 20):
			digest.update(block)
	return digest.hexdigest()
