"""What is wrong with a file, and where."""

from __future__ import annotations

from dataclasses import dataclass

# More than these say nothing new: the column holds something else, or the file has another format.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Problem:
	"""Something wrong at one place. `row` counts from 1 as spreadsheets do; 0: the file as a whole."""

	text: str
	row: int = 0
	column: str = ""

	def __str__(self) -> str:
		place = []
		if self.row:
			place.append(f"row {self.row}")
		if self.column:
			place.append(f"column {self.column}")
		return f"{', '.join(place)}: {self.text}" if place else self.text


class BadFile(Exception):
	"""A file that cannot be used, with everything that is wrong with it."""

	def __init__(self, name: str, *problems: Problem):
		super().__init__(name, *problems)
		self.name = name
		self.problems = problems

	def __str__(self) -> str:
		lines = [f"{self.name}: {problem}" for problem in self.problems[:SHOWN]]
		if len(self.problems) > SHOWN:
			lines.append(f"{self.name}: {len(self.problems) - SHOWN} more problems")
		return "\n".join(lines)
