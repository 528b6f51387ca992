"""Connections of the app on the dashboards of ERPNext's forms."""

from typing import Any

from frappe import _


def customer(data: Any) -> Any:
	"""Hook `override_doctype_dashboards`: documents that refer to the write-offs of a customer."""
	data.setdefault("transactions", []).append(
		{"label": _("Write-Off"), "items": ["Write-Off Hold", "Write-Off Recovery"]}
	)
	return data
