"""What is wrong with a file, and where."""

from __future__ import annotations

from dataclasses import dataclass

from ar_writeoff.offline.words import Text, t

# More than these say nothing new: the column holds something else, or the file has another format.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Problem:
	"""Something wrong at one place. `row` counts from 1 as spreadsheets do; 0: the file as a whole."""

	text: Text
	row: int = 0
	column: str = ""

	@property
	def place(self) -> str:
		"""Row and column in words, empty for the file as a whole."""
		if self.row and self.column:
			return str(t("row {row}, column {column}", row=str(self.row), column=self.column))
		return str(t("row {row}", row=str(self.row))) if self.row else self.column

	def __str__(self) -> str:
		return f"{self.place}: {self.text}" if self.place else str(self.text)


class BadFile(Exception):
	"""A file that cannot be used, with everything that is wrong with it."""

	def __init__(self, name: str, *problems: Problem):
		super().__init__(name, *problems)
		self.name = name
		self.problems = problems

	def __str__(self) -> str:
		lines = [f"{self.name}: {problem}" for problem in self.problems[:SHOWN]]
		if len(self.problems) > SHOWN:
			more = t("More problems: {count}", count=len(self.problems) - SHOWN)
			lines.append(f"{self.name}: {more}")
		return "\n".join(lines)
