"""The type annotations of the controllers match their DocTypes."""

from __future__ import annotations

import ast
import inspect
import shutil
from pathlib import Path

import frappe
import pytest


def described(controller: Path) -> set[str]:
	"""The imports and annotations of a controller's classes, whatever their layout."""
	classes = [node for node in ast.parse(controller.read_text()).body if isinstance(node, ast.ClassDef)]
	return {
		ast.unparse(node)
		for one in classes
		for node in ast.walk(one)
		if isinstance(node, ast.AnnAssign | ast.ImportFrom)
	}


@pytest.mark.skipif(frappe.__version__.split(".")[0] != "15", reason="written as Frappe v15 writes them")
def test_types_are_up_to_date(site: str, tmp_path: Path) -> None:
	from frappe.model.base_document import get_controller
	from frappe.types.exporter import TypeExporter

	doctypes = frappe.get_all("DocType", filters={"module": "AR Writeoff"}, pluck="name", order_by="name asc")
	assert doctypes
	for doctype in doctypes:
		controller = Path(inspect.getfile(get_controller(doctype)))
		copy = tmp_path / controller.name
		shutil.copy(controller, copy)
		exporter = TypeExporter(frappe.get_doc("DocType", doctype))
		exporter.controller_path = copy
		exporter.export_types()
		assert "# begin: auto-generated types" in controller.read_text(), doctype
		assert described(copy) == described(controller), doctype
