"""The app's sidebar and desktop icon, on releases that have them."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.patches import ship_navigation
from tests.site.factories import AUDITOR, OUTSIDER, PREPARER, as_user

pytestmark = pytest.mark.usefixtures("site")

NAME = "AR Write-Off"


@pytest.fixture(autouse=True)
def has_sidebars() -> None:
	if not frappe.db.table_exists("Workspace Sidebar"):
		pytest.skip("The desk of this release of Frappe has no sidebars and no desktop icons of this kind")


def links() -> list[str]:
	return [row.link_to for row in frappe.get_doc("Workspace Sidebar", NAME).items if row.type == "Link"]


def as_seen_by(user: str) -> tuple[list[str], bool]:
	"""The user's sidebar entries, and whether the desktop has the icon."""
	from frappe.boot import load_desktop_data
	from frappe.desk.doctype.desktop_icon.desktop_icon import get_desktop_icons

	with as_user(user):
		frappe.clear_cache(user=user)
		# As the desk does: its workspaces fill the caches that its sidebars read.
		boot = frappe._dict()
		load_desktop_data(boot)
		icons = get_desktop_icons(bootinfo=boot)
	items = boot.workspace_sidebar_item.get(NAME.lower(), {"items": []})["items"]
	return [item["link_to"] for item in items if item["type"] == "Link"], NAME in [i.label for i in icons]


def test_every_link_of_the_sidebar_leads_somewhere():
	sidebar = frappe.get_doc("Workspace Sidebar", NAME)
	for row in sidebar.items:
		assert row.type == "Section Break" or frappe.db.exists(row.link_type, row.link_to), row.link_to
	assert frappe.db.exists("Module Onboarding", sidebar.module_onboarding)
	icon = frappe.get_doc("Desktop Icon", NAME)
	assert frappe.db.exists("Desktop Icon", icon.parent_icon)


def test_permissions_of_documents():
	everything = links()
	assert as_seen_by(PREPARER) == (everything, True)
	assert as_seen_by(AUDITOR) == ([name for name in everything if name != "Accounts Receivable"], True)
	assert as_seen_by(OUTSIDER) == ([], False)


def test_a_sidebar_that_frappe_made_of_the_workspace_is_replaced():
	from frappe.utils.install import auto_generate_icons_and_sidebar

	shipped = links()
	for doctype in ("Desktop Icon", "Workspace Sidebar"):
		frappe.delete_doc(doctype, NAME, force=True, ignore_on_trash=True)
	auto_generate_icons_and_sidebar()
	assert links() != shipped
	ship_navigation.execute()
	assert links() == shipped
	assert frappe.db.get_value("Desktop Icon", NAME, "parent_icon") == "Accounting"
	frappe.clear_cache()
