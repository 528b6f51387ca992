"""Grid options of the lists: columns and keyboard actions.

The browser loads the rows, see `lists`; grid.js keeps the ticks.
"""

from __future__ import annotations

from typing import Any

from ar_writeoff.offline import words
from ar_writeoff.offline.currencies import decimals
from ar_writeoff.offline.words import t

FOUND, LEFT_OUT, ENTRIES = "found", "left-out", "entries"


def balances(name: str, currency: str) -> dict[str, Any]:
	"""Options of the list to write off, with ticks and editable amounts, or of the excluded list."""
	home = f"arWriteOff.number(p.value, {decimals(currency)})"
	own = "arWriteOff.number(p.value, p.data.decimals)"
	number = {"type": "rightAligned", "filter": "agNumberColumnFilter", "width": 104}
	day = {"width": 92, ":valueFormatter": "p => arWriteOff.day(p.value)"}
	columns: list[dict[str, Any]] = [
		{"field": "voucher_no", "headerName": str(t("Voucher")), "width": 122},
		{"field": "customer_name", "headerName": str(t("Customer")), "flex": 1, "minWidth": 130},
		{"field": "due_date", "headerName": str(t("Due")), **day},
		{"field": "age", "headerName": str(t("Age")), **number, "width": 66},
		{"field": "balance", "headerName": str(t("Balance")), **number, ":valueFormatter": f"p => {own}"},
	]
	if name == FOUND:
		columns += [
			{
				"field": "amount",
				"headerName": str(t("Write off")),
				**number,
				":valueFormatter": f"p => {own}",
				"editable": True,
				"cellEditor": "agTextCellEditor",
				# The text as entered; the server parses it.
				"cellDataType": False,
				":valueParser": "p => p.newValue",
				":valueSetter": "p => arWriteOff.typed('found', p)",
				":suppressKeyboardEvent": "p => !p.editing && /^[fpc?/]$/.test(p.event.key)",
				"cellClassRules": {"changed": "data.amount !== data.balance"},
			},
			{"field": "currency", "headerName": "", "width": 56},
			{"field": "base", "headerName": currency, **number, ":valueFormatter": f"p => {home}"},
		]
	else:
		columns += [
			{"field": "currency", "headerName": "", "width": 56},
			{"field": "why", "headerName": str(t("Reason")), "flex": 1, "minWidth": 170},
		]
	columns += [
		{"field": "posting_date", "headerName": str(t("Date")), **day},
		{"field": "account", "headerName": str(t("Account")), "width": 150},
	]
	options: dict[str, Any] = {
		"columnDefs": columns,
		"defaultColDef": {
			"sortable": True,
			"resizable": True,
			"filter": True,
			"suppressHeaderMenuButton": False,
		},
		":getRowId": "p => String(p.data.id)",
		"rowData": [],
		"pagination": True,
		"paginationPageSize": 100,
		"paginationPageSizeSelector": [20, 100, 1000],
		"rowHeight": 30,
		"headerHeight": 34,
		"animateRows": False,
		"cacheQuickFilter": True,
		"stopEditingWhenCellsLoseFocus": True,
		"localeText": locale_text(),
		":onGridReady": f"e => arWriteOff.load({name!r}, e.api)",
		":onCellFocused": f"e => arWriteOff.focused({name!r}, e)",
	}
	if name == FOUND:
		options["rowSelection"] = {
			"mode": "multiRow",
			"checkboxes": True,
			"headerCheckbox": True,
			"selectAll": "filtered",
			"enableClickSelection": False,
		}
		options["selectionColumnDef"] = {"pinned": "left", "width": 44}
		options[":onSelectionChanged"] = f"e => arWriteOff.ticked({name!r})"
	return options


def entries(currency: str) -> dict[str, Any]:
	"""Options of the list of entry rows."""
	number = {
		"type": "rightAligned",
		"width": 130,
		":valueFormatter": f"p => arWriteOff.number(p.value, {decimals(currency)})",
	}
	return {
		"columnDefs": [
			{"field": "entry", "headerName": str(t("Entry")), "width": 80, "filter": True},
			{"field": "account", "headerName": str(t("Account")), "flex": 1, "filter": True},
			{"field": "customer", "headerName": str(t("Customer")), "flex": 1, "filter": True},
			{
				"field": "voucher_no",
				"headerName": str(t("Voucher")),
				"width": 160,
				"filter": True,
			},
			{
				"field": "cost_center",
				"headerName": str(t("Cost center")),
				"flex": 1,
				"filter": True,
			},
			{
				"field": "debit",
				"headerName": str(t("Debit {currency}", currency=currency)),
				**number,
			},
			{
				"field": "credit",
				"headerName": str(t("Credit {currency}", currency=currency)),
				**number,
			},
		],
		":getRowId": "p => String(p.data.id)",
		"rowData": [],
		"pagination": True,
		"paginationPageSize": 100,
		"paginationPageSizeSelector": [20, 100, 1000],
		"rowHeight": 28,
		"localeText": locale_text(),
		":onGridReady": "e => arWriteOff.load('entries', e.api)",
	}


def locale_text() -> dict[str, str]:
	"""AG Grid's texts in German; it has English built in."""
	if words.current_language() == words.ENGLISH:
		return {}
	return {
		"contains": "enthält",
		"notContains": "enthält nicht",
		"equals": "gleich",
		"notEqual": "ungleich",
		"startsWith": "beginnt mit",
		"endsWith": "endet mit",
		"blank": "leer",
		"notBlank": "nicht leer",
		"lessThan": "kleiner als",
		"greaterThan": "größer als",
		"lessThanOrEqual": "höchstens",
		"greaterThanOrEqual": "mindestens",
		"inRange": "zwischen",
		"inRangeStart": "von",
		"inRangeEnd": "bis",
		"andCondition": "und",
		"orCondition": "oder",
		"filterOoo": "Filter ...",
		"noRowsToShow": "Keine Zeilen",
		"noMatchingRows": "Keine passenden Zeilen",
		"page": "Seite",
		"of": "von",
		"to": "bis",
		"more": "mehr",
		"pageSizeSelectorLabel": "Zeilen je Seite:",
		"firstPage": "Erste Seite",
		"previousPage": "Vorige Seite",
		"nextPage": "Nächste Seite",
		"lastPage": "Letzte Seite",
		"pinColumn": "Spalte anheften",
		"autosizeThisColumn": "Spaltenbreite anpassen",
		"autosizeAllColumns": "Alle Spaltenbreiten anpassen",
		"resetColumns": "Spalten zurücksetzen",
		"sortAscending": "Aufsteigend sortieren",
		"sortDescending": "Absteigend sortieren",
		"sortUnSort": "Nicht sortieren",
		"noPin": "Nicht anheften",
		"pinLeft": "Links anheften",
		"pinRight": "Rechts anheften",
		"loadingOoo": "Lädt ...",
		"columnFilter": "Spaltenfilter",
		"chooseColumns": "Spalten wählen",
	}
