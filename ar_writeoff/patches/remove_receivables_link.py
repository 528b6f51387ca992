"""Remove the link to Write-Off Run from ERPNext's workspace Receivables: the app's workspace is next to it."""

import frappe

WORKSPACE = "Receivables"


def execute() -> None:
	links = frappe.get_all(
		"Workspace Link",
		filters={"parent": WORKSPACE, "parentfield": "links"},
		fields=["name", "idx", "type", "link_to"],
		order_by="idx asc",
	)
	ours = [row for row in links if row.link_to == "Write-Off Run"]
	if not ours:
		return
	row = frappe.qb.DocType("Workspace Link")
	for link in ours:
		frappe.db.delete("Workspace Link", {"name": link.name})
		cards = [other for other in links if other.type == "Card Break" and other.idx < link.idx]
		if cards:
			frappe.qb.update(row).set(row.link_count, row.link_count - 1).where(
				row.name == cards[-1].name
			).run()
	for idx, link in enumerate((link for link in links if link not in ours), start=1):
		frappe.db.set_value("Workspace Link", link.name, "idx", idx, update_modified=False)
	frappe.clear_document_cache("Workspace", WORKSPACE)
