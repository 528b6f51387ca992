"""What was approved, as a digest: a run posts that and nothing else.

Two things are kept. The digest (SHA-256 over criteria and items) is evidence that anybody can compute again
from an export. The seals (HMAC with a secret that is not in the database) are what the posting trusts: whoever
can change rows cannot make new seals for them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

# A null, an empty text and a missing value are the same thing in a document.
_EMPTY = (None, "")


def canonical(values: Mapping[str, object]) -> str:
	"""One text for the same values, however they were read: sorted, without empty ones, numbers normalised."""
	return json.dumps(
		{key: _text(value) for key, value in values.items() if value not in _EMPTY},
		sort_keys=True,
		separators=(",", ":"),
		ensure_ascii=False,
	)


def _text(value: object) -> object:
	if isinstance(value, list | tuple):
		return [_text(part) for part in value]
	if isinstance(value, bool):
		return str(int(value))
	if isinstance(value, Decimal | float | int):
		number = Decimal(str(value))
		return format(number.normalize(), "f") if number else "0"
	return str(value)


def seal(secret: str, text: str) -> str:
	"""The seal of a canonical text."""
	return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_valid(secret: str, text: str, claimed: str | None) -> bool:
	"""Whether the seal belongs to this text."""
	return bool(claimed) and hmac.compare_digest(seal(secret, text), str(claimed))


def digest(criteria: str, items: Iterable[str]) -> str:
	"""SHA-256 over the criteria and the items, both canonical texts, items in order of their text."""
	total = hashlib.sha256(criteria.encode())
	for item in sorted(items):
		total.update(b"\n")
		total.update(item.encode())
	return total.hexdigest()
