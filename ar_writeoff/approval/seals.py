"""Seals with a secret of the site: whoever can change rows of the database cannot make one."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from frappe.utils.password import get_encryption_key

from ar_writeoff.approval import seal_rules as core


def site_secret() -> str:
	"""A secret that is in the site's configuration and not in its database."""
	return hmac.new(get_encryption_key().encode(), b"ar_writeoff approval", hashlib.sha256).hexdigest()


def seal(text: str) -> str:
	return core.seal(site_secret(), text)


def is_valid(text: str | None, claimed: str | None) -> bool:
	"""Whether the seal belongs to this text."""
	return core.is_valid(site_secret(), text or "", claimed)


def canonical_text(row: Mapping[str, Any], fields: tuple[str, ...]) -> str:
	"""The canonical text of these fields of a row."""
	return core.canonical({fieldname: row.get(fieldname) for fieldname in fields})
