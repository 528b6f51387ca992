"""A snapshot of the site's database, restored before each test.

Tests commit, start workers and drive a browser, so a rollback cannot isolate them. The rows of all tables are read once
at the start of the session; before each test the tables that differ are restored row by row.

Finding the changed tables takes about 40 ms, restoring them after a small test about as much.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import frappe

# Tables whose rows are part of the metadata of a DocType, with the column that has its name.
META_TABLES = {
	"tabDocType": "name",
	"tabDocField": "parent",
	"tabDocPerm": "parent",
	"tabDocType Link": "parent",
	"tabDocType Action": "parent",
	"tabDocType State": "parent",
	"tabCustom DocPerm": "parent",
	"tabCustom Field": "dt",
	"tabProperty Setter": "doc_type",
	"tabClient Script": "dt",
	"tabWorkflow": "document_type",
}
# Expensive to build and independent of data: kept in the cache.
KEPT_KEYS = (
	"doctype_meta",
	"doctype_form_meta",
	"table_columns",
	"linked_doctypes",
	"app_hooks",
	"all_apps",
	"app_modules",
	"installed_apps",
	"installed_app_modules",
	"module_app",
	"module_installed_app",
	"db_tables",
	"assets_json",
)
CHUNK = 500  # rows an INSERT


class DatabaseSnapshot:
	def __init__(self) -> None:
		self.empty: list[str] = []
		self.rows: dict[str, dict[Any, tuple]] = {}  # table -> key -> row
		self.checksums: dict[str, int] = {}
		self.take()

	def take(self) -> None:
		tables = [
			row[0]
			for row in frappe.db.sql(
				"SELECT table_name FROM information_schema.tables "
				"WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
			)
		]
		self.empty = [table for table, filled in self._filled(tables).items() if not filled]
		self.rows = {table: self._read(table) for table in tables if table not in set(self.empty)}
		self.checksums = self._checksums()
		frappe.db.rollback()

	def restore(self) -> list[str]:
		"""Restore all tables. Returns the names of those that had changed."""
		frappe.db.rollback()
		frappe.db.sql("SET SESSION innodb_lock_wait_timeout = 20")
		changed = []
		self.changed_doctypes: set[str] = set()
		for table, filled in self._filled(self.empty).items():
			if filled:
				self._note_doctypes(
					table, frappe.db.sql(f"SELECT * FROM `{table}`") if table in META_TABLES else ()
				)
				self._clear(table)
				changed.append(table)
		now = self._checksums()
		for table, checksum in self.checksums.items():
			if now.get(table) != checksum:
				self._restore_table(table)
				changed.append(table)
		frappe.db.commit()
		if changed:
			clear_caches(everything="tabInstalled Application" in changed)
			for doctype in self.changed_doctypes:
				frappe.clear_cache(doctype=doctype)
		return changed

	def _note_doctypes(self, table: str, rows: Iterable[tuple]) -> None:
		"""Add the DocTypes that these rows are metadata of."""
		if table in META_TABLES:
			place = self._columns(table).index(META_TABLES[table])
			self.changed_doctypes.update(row[place] for row in rows)

	# ------------------------------------------------------------------------------------------- tables

	def _filled(self, tables: list[str]) -> dict[str, bool]:
		if not tables:
			return {}
		probes = (f"SELECT {number}, EXISTS (SELECT 1 FROM `{table}`)" for number, table in enumerate(tables))
		answer = dict(frappe.db.sql(" UNION ALL ".join(probes)))
		return {table: bool(answer[number]) for number, table in enumerate(tables)}

	def _checksums(self) -> dict[str, int]:
		names = ", ".join(f"`{table}`" for table in self.rows)
		return {row[0].partition(".")[2]: row[1] for row in frappe.db.sql(f"CHECKSUM TABLE {names}")}

	def _read(self, table: str) -> dict[Any, tuple]:
		rows = frappe.db.sql(f"SELECT * FROM `{table}`")
		columns = self._columns(table)
		key = self._key(table)
		if not key:
			return dict(enumerate(rows))
		places = [columns.index(column) for column in key]
		return {tuple(row[place] for place in places): row for row in rows}

	def _columns(self, table: str) -> list[str]:
		return [row[0] for row in frappe.db.sql(f"SHOW COLUMNS FROM `{table}`")]

	def _key(self, table: str) -> list[str]:
		return [row[4] for row in frappe.db.sql(f"SHOW INDEX FROM `{table}` WHERE Key_name = 'PRIMARY'")]

	def _clear(self, table: str) -> None:
		[[many]] = frappe.db.sql(f"SELECT COUNT(*) FROM (SELECT 1 FROM `{table}` LIMIT 3000) AS some")
		if many >= 3000:
			frappe.db.commit()  # TRUNCATE commits; say so first
			frappe.db.sql_ddl(f"TRUNCATE TABLE `{table}`")
		else:
			frappe.db.sql(f"DELETE FROM `{table}`")

	def _restore_table(self, table: str) -> None:
		before, key = self.rows[table], self._key(table)
		if not key:
			frappe.db.sql(f"DELETE FROM `{table}`")
			self._insert(table, list(before.values()))
			return
		now = self._read(table)
		width = len(next(iter(before.values())))
		# a column added since (a custom field, a dimension) stays and is ignored in the comparison
		differing = [name for name, row in now.items() if row[:width] != before.get(name)]
		condition = " AND ".join(f"`{column}` = %s" for column in key)
		for name in differing:
			frappe.db.sql(f"DELETE FROM `{table}` WHERE {condition}", name)
		unchanged = now.keys() - differing
		lost = [row for name, row in before.items() if name not in unchanged]
		self._insert(table, lost)
		self._note_doctypes(table, [*lost, *(now[name] for name in differing)])

	def _insert(self, table: str, rows: list[tuple]) -> None:
		if not rows:
			return
		columns = self._columns(table)[: len(rows[0])]
		names = ", ".join(f"`{column}`" for column in columns)
		one = "(" + ", ".join(["%s"] * len(columns)) + ")"
		for start in range(0, len(rows), CHUNK):
			part = rows[start : start + CHUNK]
			values = [value for row in part for value in row]
			frappe.db.sql(f"INSERT INTO `{table}` ({names}) VALUES {', '.join([one] * len(part))}", values)


def clear_caches(everything: bool = False) -> None:
	"""Clear the caches of the site's data, in this process and in the tests' own Redis."""
	with contextlib.suppress(ImportError, AttributeError):
		from frappe.utils.caching import _SITE_CACHE

		_SITE_CACHE.clear()
	if everything:
		frappe.cache.flushdb()
	else:
		kept = {frappe.cache.make_key(key) for key in KEPT_KEYS}
		stale = [key for key in frappe.cache.keys("*") if key.partition(b"::")[0] not in kept]
		if stale:
			frappe.cache.delete(*stale)
	client_cache = getattr(frappe, "client_cache", None)  # v16 keeps a second cache in the process
	if client_cache and hasattr(client_cache, "clear_cache"):
		client_cache.clear_cache()


def clear_data_caches() -> None:
	"""Like `frappe.clear_cache()` after a change of data: metadata is kept, which takes seconds to load again."""
	clear_caches()
	frappe.local.cache = {}
	frappe.local.role_permissions = {}
	frappe.db.value_cache.clear()
	if hasattr(frappe.local, "request_cache"):
		frappe.local.request_cache.clear()
	for name in ("system_settings", "website_settings"):
		if hasattr(frappe.local, name):
			delattr(frappe.local, name)
