"""Insert and update many rows in one statement."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import frappe
from frappe.query_builder import Case
from frappe.utils import now


def standard_values() -> dict[str, str]:
	"""Return Frappe's standard fields of a new row except its name, for rows inserted without a document."""
	stamp, user = now(), frappe.session.user
	return {"creation": stamp, "modified": stamp, "owner": user, "modified_by": user}


def case_by_name(field: Any, values: Mapping[str, Any]) -> Any:
	"""Return a CASE expression that maps `field` to these values, or the value itself if all are equal."""
	[(common, _count)] = Counter(values.values()).most_common(1)
	others: dict[Any, list[str]] = defaultdict(list)
	for name, value in values.items():
		if value != common:
			others[value].append(name)
	if not others:
		return common
	case = Case()
	for value, names in others.items():
		case = case.when(field.isin(sorted(names)), value)
	return case.else_(common)
