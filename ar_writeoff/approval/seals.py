"""Seals with a secret of the site, which cannot be forged with access to the database only."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from frappe.utils.password import get_encryption_key

from ar_writeoff.approval import seal_rules as core


def site_secret() -> str:
	"""Return a secret derived from the encryption key in the site configuration."""
	return hmac.new(get_encryption_key().encode(), b"ar_writeoff approval", hashlib.sha256).hexdigest()


def seal(text: str) -> str:
	return core.seal(site_secret(), text)


def is_valid(text: str | None, claimed: str | None) -> bool:
	"""Whether the seal matches this text."""
	return core.is_valid(site_secret(), text or "", claimed)


def canonical_text(row: Mapping[str, Any], fields: tuple[str, ...]) -> str:
	"""Return the canonical text of these fields of a row."""
	return core.canonical({fieldname: row.get(fieldname) for fieldname in fields})
