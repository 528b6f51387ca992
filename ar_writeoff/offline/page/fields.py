"""Criteria fields, each bound to a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from ar_writeoff.offline import words
from ar_writeoff.offline.review import YES, Review, parse_settings
from ar_writeoff.offline.words import Text, t

# Fields with a list of names, and the line attribute that gives their options.
OPTIONS_FROM = {
	"only.customer_groups": "customer_group",
	"only.territories": "territory",
	"only.receivable_accounts": "receivable_account",
	"only.cost_centers": "cost_center",
	"only.payment_terms_templates": "payment_terms_template",
	"leave_out.advance_accounts": "receivable_account",
}


class Fields:
	"""The fields of the page and their values."""

	def __init__(self, review: Review, on_enter: Callable[[], Any]):
		self.review = review
		self.on_enter = on_enter
		self.made: dict[str, Any] = {}

	def clear(self) -> None:
		"""Clear the fields before they are laid out again."""
		self.made = {}

	def text(self, name: str, label: Text) -> None:
		value = self.review.settings.get(name)
		self.field(name, ui.input(str(label), value="" if value is None else str(value)))

	def amount(self, name: str, label: Text) -> None:
		value = self.review.settings.get(name)
		written = (
			""
			if value is None
			else words.number(value).replace("," if words.current_language() == words.ENGLISH else ".", "")
		)
		self.field(name, ui.input(str(label), value=written).props("inputmode=decimal"))

	def amount_range(self, name: str, label: Text) -> None:
		minimum, maximum = self.review.settings.get(name) or ("", "")
		written = f"{minimum}..{maximum}" if minimum else str(maximum)
		if words.current_language() == words.GERMAN:
			written = written.replace("..", "|").replace(".", ",").replace("|", "..")
		self.field(name, ui.input(str(label), value=written).props("inputmode=decimal"))

	def flag(self, name: str, label: Text) -> None:
		value = YES if self.review.settings.get(name) else ""
		self.field(name, ui.select({"": str(t("No")), YES: str(t("Yes"))}, value=value, label=str(label)))

	def day(self, name: str, label: Text) -> None:
		value = self.review.settings.get(name)
		if value is None and self.review.decision:
			chosen_policy = self.review.decision.policy
			value = (
				chosen_policy.posting_date
				if name.endswith("posting_date")
				else chosen_policy.criteria.cutoff_date
			)
		self.field(
			name,
			ui.input(str(label), value=value.isoformat() if value else "").props("type=date stack-label"),
		)

	def choice(self, name: str, label: Text, choices: Mapping[str, Text]) -> None:
		value = self.review.settings.get(name) or next(iter(choices))
		shown = {key: str(text) for key, text in choices.items()}
		self.field(name, ui.select(shown, value=value, label=str(label)))

	def names(self, name: str, label: Text) -> None:
		value = sorted(self.review.settings.get(name) or ())
		self.field(
			name, ui.input_chips(str(label), value=value, new_value_mode="add-unique").props("use-input")
		)

	def multi_choice(self, name: str, label: Text) -> None:
		value = sorted(self.review.settings.get(name) or ())
		found = self.review.main.lines if self.review.main else ()
		choices = sorted({getattr(line, OPTIONS_FROM[name]) for line in found} | set(value))
		self.field(
			name,
			ui.select([one for one in choices if one], value=value, label=str(label), multiple=True).props(
				"use-chips"
			),
		)

	def field(self, name: str, made: Any) -> None:
		made.props("dense").classes("w-full").mark(name)
		made.props(f'data-setting="{name}"')
		if isinstance(made, ui.input):
			made.on("keydown.enter", self.on_enter)
		self.made[name] = made

	def read_values(self) -> bool:
		"""Read the values of the fields; returns whether all are valid. Errors are shown at their fields."""
		typed = {name: field.value for name, field in self.made.items() if not isinstance(field.value, list)}
		settings, problems = parse_settings(typed)
		for name, field in self.made.items():
			if isinstance(field.value, list):
				if field.value:
					settings[name] = frozenset(field.value)
			elif hasattr(field, "error"):
				field.error = str(problems[name]) if name in problems else None
		if problems:
			return False
		for name in self.made:
			self.review.settings.pop(name, None)
		self.review.settings.update(settings)
		return True

	def show_error(self, name: str, text: Text) -> None:
		"""Show an error at a field."""
		self.made[name].error = str(text)
