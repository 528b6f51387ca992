"""A value of its own for each of many rows, set in one statement."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from frappe.query_builder import Case


def case_by_name(field: Any, values: Mapping[str, Any]) -> Any:
	"""What to set where `field` has which of these names: the value itself where all have the same."""
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
