"""Problems found in a file, with their place."""

from __future__ import annotations

from dataclasses import dataclass

from ar_writeoff.offline.words import Text, t

# Problems shown at most: if there are more, the column or the file has another format.
MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Problem:
	"""A problem at one place. `row` counts from 1 as in spreadsheets; 0 means the whole file."""

	text: Text
	row: int = 0
	column: str = ""

	@property
	def place(self) -> str:
		"""Row and column as text, empty for the whole file."""
		if self.row and self.column:
			return str(t("row {row}, column {column}", row=str(self.row), column=self.column))
		return str(t("row {row}", row=str(self.row))) if self.row else self.column

	def __str__(self) -> str:
		return f"{self.place}: {self.text}" if self.place else str(self.text)


class InvalidFile(Exception):
	"""A file that cannot be used, with all its problems."""

	def __init__(self, name: str, *problems: Problem):
		super().__init__(name, *problems)
		self.name = name
		self.problems = problems

	def __str__(self) -> str:
		lines = [f"{self.name}: {problem}" for problem in self.problems[:MAX_SHOWN]]
		if len(self.problems) > MAX_SHOWN:
			more = t("More problems: {count}", count=len(self.problems) - MAX_SHOWN)
			lines.append(f"{self.name}: {more}")
		return "\n".join(lines)
