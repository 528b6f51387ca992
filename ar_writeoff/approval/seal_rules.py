"""Digest and seals of an approval.

The digest (SHA-256 over criteria and items) is evidence that can be computed again from an export. Posting relies on the
seals (HMAC with a secret outside of the database), which cannot be forged by changing rows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

# NULL, an empty text and a missing value are equal in a document.
_EMPTY = (None, "")


def canonical(values: Mapping[str, object]) -> str:
	"""Return the canonical text of these values: sorted, without empty ones, numbers normalized."""
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
	"""Return the seal of a canonical text."""
	return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_valid(secret: str, text: str, claimed: str | None) -> bool:
	"""Whether the seal matches this text."""
	return bool(claimed) and hmac.compare_digest(seal(secret, text), str(claimed))


def digest(criteria: str, items: Iterable[str]) -> str:
	"""Return the SHA-256 over the canonical texts of the criteria and the items, items sorted."""
	total = hashlib.sha256(criteria.encode())
	for item in sorted(items):
		total.update(b"\n")
		total.update(item.encode())
	return total.hexdigest()
