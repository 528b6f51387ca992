"""The rules that come with the app, as data. A rule that was edited on the site is never overwritten."""

import hashlib
import json
from typing import Any

import frappe

from ar_writeoff.tax_relief.ledger import RULE


def shipped_rules() -> list[dict[str, Any]]:
	with open(frappe.get_app_path("ar_writeoff", "tax_relief", "data", "rules.json")) as file:
		return json.load(file)


def sync() -> None:
	"""Create the shipped rules that the site lacks, and update those that nobody has edited."""
	for shipped in shipped_rules():
		values = {name: value for name, value in shipped.items() if name != "key"}
		stored = frappe.db.get_value(RULE, {"shipped_key": shipped["key"]}, ["name", "shipped_hash"])
		if not stored:
			if frappe.db.exists(RULE, values["rule_name"]):
				continue
			rule = frappe.new_doc(RULE)
			rule.shipped_key = shipped["key"]
		else:
			rule = frappe.get_doc(RULE, stored[0])
			if digest(rule, values) != stored[1] or stored[1] == digest(values, values):
				continue
			del values["rule_name"]
		rule.update(values)
		rule.shipped_hash = digest(shipped, {name: None for name in shipped if name != "key"})
		rule.flags.ignore_permissions = rule.flags.from_app = True
		rule.save()


def digest(values: Any, names: dict[str, Any]) -> str:
	"""Return a digest of the shipped fields, as they are in a document or in the data."""
	text = json.dumps([[name, str(values.get(name) or "")] for name in sorted(names)])
	return hashlib.sha256(text.encode()).hexdigest()[:16]
