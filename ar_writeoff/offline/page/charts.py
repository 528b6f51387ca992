"""Charts of the page."""

from __future__ import annotations

from typing import Any


def bars(*, vertical: bool) -> dict[str, Any]:
	"""Options of a vertical or horizontal bar chart without data."""
	names: dict[str, Any] = {
		"type": "category",
		"data": [],
		"axisTick": {"show": False},
		"axisLabel": {"interval": 0},
	}
	values = {
		"type": "value",
		"splitLine": {"lineStyle": {"color": "#eef1f3"}},
		"axisLabel": {"hideOverlap": True, ":formatter": "value => arWriteOff.number(value, 0)"},
	}
	if not vertical:
		names |= {"inverse": True, "axisLabel": {"width": 150, "overflow": "truncate"}}
	return {
		"animation": False,
		"color": ["#1f6f54"],
		"grid": {"left": 8, "right": 16, "top": 8, "bottom": 4, "containLabel": True},
		"tooltip": {
			"trigger": "axis",
			"axisPointer": {"type": "shadow"},
			":valueFormatter": "value => arWriteOff.number(value)",
		},
		"xAxis": names if vertical else values,
		"yAxis": values if vertical else names,
		"series": [{"type": "bar", "data": [], "barMaxWidth": 34}],
	}
