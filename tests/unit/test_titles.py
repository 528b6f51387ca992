"""Every message of the app has a title. Without one Frappe shows "Message"."""

from __future__ import annotations

import ast
import re

from tests.unit.app_files import APP, modules


def test_every_message_of_the_server_has_a_title_or_is_an_alert():
	untitled = [
		f"{path}:{call.lineno}"
		for path, tree in modules()
		for call in ast.walk(tree)
		if isinstance(call, ast.Call)
		and ast.unparse(call.func) in ("frappe.throw", "frappe.msgprint")
		and not {"title", "alert"} & {keyword.arg for keyword in call.keywords}
	]
	assert untitled == []


def test_every_message_of_the_desk_has_a_title():
	untitled = [
		f"{path.name}: {call}"
		for path in sorted(APP.rglob("*.js"))
		if "dist" not in path.parts
		for call in re.findall(r"frappe\.(?:msgprint|throw)\((?:(?!\);).)*", path.read_text(), re.DOTALL)
		if "title:" not in call
	]
	assert untitled == []
