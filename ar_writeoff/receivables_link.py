"""A link to Write-Off Run on ERPNext's Receivables workspace.

The row is inserted in the database: saving the Workspace in developer mode would write to ERPNext's files. When
ERPNext's migrate replaces the workspace, `after_migrate` adds the row again.
"""

import frappe

WORKSPACE = "Receivables"
LINK_TO = "Write-Off Run"


def add() -> None:
	"""Add the link at the end of the workspace's first card, if it is not there."""
	if not frappe.db.exists("Workspace", WORKSPACE) or _rows(link_to=LINK_TO):
		return
	rows = _rows()
	breaks = [row for row in rows if row.type == "Card Break"]
	if not breaks:
		return
	idx = breaks[1].idx if len(breaks) > 1 else rows[-1].idx + 1
	_shift(idx, 1)
	_count(breaks[0].name, 1)
	frappe.get_doc(
		{
			"doctype": "Workspace Link",
			"parent": WORKSPACE,
			"parenttype": "Workspace",
			"parentfield": "links",
			"idx": idx,
			"type": "Link",
			"label": LINK_TO,
			"link_type": "DocType",
			"link_to": LINK_TO,
		}
	).db_insert()
	frappe.clear_document_cache("Workspace", WORKSPACE)


def remove() -> None:
	"""Remove the link."""
	for row in _rows(link_to=LINK_TO):
		above = [other for other in _rows() if other.type == "Card Break" and other.idx < row.idx]
		frappe.db.delete("Workspace Link", {"name": row.name})
		_shift(row.idx, -1)
		if above:
			_count(above[-1].name, -1)
	frappe.clear_document_cache("Workspace", WORKSPACE)


def _rows(**filters: str) -> list[frappe._dict]:
	return frappe.get_all(
		"Workspace Link",
		filters={"parent": WORKSPACE, "parentfield": "links", **filters},
		fields=["name", "idx", "type"],
		order_by="idx asc",
	)


def _shift(idx: int, by: int) -> None:
	link = frappe.qb.DocType("Workspace Link")
	(
		frappe.qb.update(link)
		.set(link.idx, link.idx + by)
		.where((link.parent == WORKSPACE) & (link.parentfield == "links") & (link.idx >= idx))
		.run()
	)


def _count(card_break: str, by: int) -> None:
	link = frappe.qb.DocType("Workspace Link")
	frappe.qb.update(link).set(link.link_count, link.link_count + by).where(link.name == card_break).run()
