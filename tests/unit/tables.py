"""Test data written as small text tables.

	rows('''
		voucher  customer     posted      balance
		INV-1    Anchor_Cafe  2026-01-15   10.00
		CN-1     Elm_School   2026-02-01   -5.00
	''')

gives a list of dicts of strings. Words are divided by blanks; `_` inside a word is a blank, `-` alone is an empty
cell. A line of dashes is decoration.
"""

from __future__ import annotations


def rows(text: str) -> list[dict[str, str]]:
	lines = [line.split() for line in text.strip().splitlines()]
	heading, *body = [cells for cells in lines if cells and not all(_decoration(cell) for cell in cells)]
	result = []
	for cells in body:
		assert len(cells) == len(heading), f"{len(heading)} columns wanted: {' '.join(cells)}"
		values = ["" if cell == "-" else cell.replace("_", " ") for cell in cells]
		result.append(dict(zip(heading, values, strict=True)))
	return result


def _decoration(cell: str) -> bool:
	return len(cell) > 1 and set(cell) == {"-"}
