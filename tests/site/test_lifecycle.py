"""Install, migrate, uninstall and reinstall."""

from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import sys
import zipfile

import frappe
import pytest

from ar_writeoff.install import starting_reasons
from tools.bench import APP, CHECKOUT, Site

# Journals of what happened on the site, which may grow, and what Frappe writes anew, under new names, each time.
NOT_COMPARED = {
	"tabDeleted Document",
	"tabPatch Log",
	"tabVersion",
	"tabComment",
	"tabActivity Log",
	"tabPermission Log",
	"tabScheduled Job Log",
	"tabDefaultValue",
	"tabInstalled Application",
}


def columns(site: Site) -> set[tuple[str, ...]]:
	return lines(
		site,
		"SELECT table_name, column_name, column_type, is_nullable, column_default FROM information_schema.columns"
		" WHERE table_schema = DATABASE()",
	)


def indexes(site: Site) -> set[tuple[str, ...]]:
	return lines(
		site,
		"SELECT table_name, index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics"
		" WHERE table_schema = DATABASE()",
	)


def rows(site: Site) -> set[tuple[str, ...]]:
	"""Table and name of all documents on the site; table, parent and idx of all child rows."""
	tables: dict[str, set[str]] = {}
	for table, column in lines(
		site,
		"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
		" AND table_name LIKE 'tab%' AND column_name IN ('name', 'parent', 'parentfield', 'idx')",
	):
		tables.setdefault(table, set()).add(column)
	selects = []
	for table, found in sorted(tables.items()):
		if table not in NOT_COMPARED:
			name = "CONCAT_WS(' / ', parent, parentfield, idx)" if len(found) == 4 else "name"
			selects.append(f"SELECT '{table}', {name} FROM `{table}`")
	return lines(site, " UNION ALL ".join(selects))


def lines(site: Site, statement: str) -> set[tuple[str, ...]]:
	return {tuple(line.split("\t")) for line in site.sql(statement + ";").splitlines()}


def reasons(site: Site) -> set[tuple[str, ...]]:
	return lines(site, "SELECT name, applies_to, use_in_schedules, disabled FROM `tabWrite-Off Reason`")


def install(site: Site) -> None:
	site.bench.frappe("--site", site.name, "install-app", APP)


def remember_modules_without_us(site: Site) -> None:
	"""Fills the site's module cache as before the app was added to the bench."""
	frappe.setup_module_map()
	modules = {app: names for app, names in frappe.local.app_modules.items() if app != APP}
	frappe.cache.set(f"{site.config['db_name']}|app_modules", pickle.dumps(modules))


def migrate(site: Site) -> None:
	site.bench.frappe("--site", site.name, "migrate")


def uninstall(site: Site) -> str:
	return site.bench.frappe("--site", site.name, "uninstall-app", APP, "--yes", "--no-backup", "--force")


def custom_fields() -> set[tuple[str, str]]:
	path = CHECKOUT / APP / "fixtures" / "custom_field.json"
	return {(field["dt"], field["fieldname"]) for field in json.loads(path.read_text())}


def shipped_columns(site: Site) -> set[tuple[str, str]]:
	"""The existing columns of the custom fields."""
	there = {(table.removeprefix("tab"), column) for table, column, *_rest in columns(site)}
	return there & custom_fields()


def errors(site: Site) -> set[tuple[str, ...]]:
	return lines(site, "SELECT name, method FROM `tabError Log`")


def run_tests(site: Site, chosen: str) -> str:
	"""What `bench run-tests` says, with pytest within reach."""
	command = [
		sys.executable,
		CHECKOUT / "tools" / "frappe_cli.py",
		"--site",
		site.name,
		"run-tests",
		"--app",
		APP,
	]
	done = subprocess.run(
		[str(part) for part in command],
		cwd=site.bench.sites,
		env={**site.bench.env(), "AR_WRITEOFF_RUN_TESTS": chosen},
		capture_output=True,
		text=True,
	)
	return done.stdout + done.stderr


@pytest.mark.slow
def test_install_migrate_twice_uninstall_install_again(another_site):
	site = another_site()
	migrate(site)  # brings what it would bring without us
	columns_before, indexes_before, rows_before = columns(site), indexes(site), rows(site)
	assert not shipped_columns(site)

	install(site)
	assert reasons(site) == {
		(name, applies_to, str(in_schedules), "0")
		for name, applies_to, in_schedules in starting_reasons("en")
	}
	assert shipped_columns(site) == custom_fields()
	made = {(table.removeprefix("tab"), index) for table, index, *_rest in indexes(site)}
	assert {
		("Write-Off Run Item", "run"),
		("Write-Off Run Item", "run_list"),
		("Write-Off Run Item", "voucher"),
		("Write-Off Run Batch", "run_status"),
		("Write-Off Run Event", "run_at"),
	} <= made
	columns_installed, indexes_installed = columns(site), indexes(site)

	# What people made of the reasons stays theirs.
	site.sql(
		"UPDATE `tabWrite-Off Reason` SET disabled = 1, applies_to = 'Debit' WHERE name = 'Small Balance'"
	)
	site.sql("DELETE FROM `tabWrite-Off Reason` WHERE name = 'Statute Barred'")
	theirs = reasons(site)
	for _time in range(2):
		migrate(site)
		assert reasons(site) == theirs
		assert columns(site) == columns_installed
		assert indexes(site) == indexes_installed

	uninstall(site)
	assert columns(site) - columns_before == set()
	assert columns_before - columns(site) == set()
	# Frappe adds this index when it alters the table.
	assert {one[:2] for one in indexes(site) - indexes_before} <= {("tabPayment Schedule", "creation")}
	assert indexes_before - indexes(site) == set()
	assert rows(site) - rows_before == set()
	assert rows_before - rows(site) == set()
	assert APP not in site.bench.frappe("--site", site.name, "list-apps")
	assert lines(site, f"SELECT name FROM tabDefaultValue WHERE defvalue LIKE '%{APP}%'") == set()

	remember_modules_without_us(site)
	install(site)
	assert columns(site) == columns_installed
	assert indexes(site) == indexes_installed
	assert len(reasons(site)) == len(starting_reasons("en"))

	words = run_tests(site, "-k test_a_run_of_many_entries_is_cancelled_in_the_background")
	assert "Ran 1 test" in words and "\nOK" in words, words
	assert errors(site) == set()


@pytest.mark.slow
def test_fault_15_uninstalling_with_posted_runs_asks_for_a_flag_and_writes_the_records_first(another_site):
	site = another_site()
	install(site)
	columns_installed = columns(site)
	site.bench.frappe("--site", site.name, "set-config", "ar_writeoff_uninstall_with_runs", "0")
	site.sql(
		"INSERT INTO `tabWrite-Off Run` (name, docstatus, status, company) VALUES ('WOR-1', 1, 'Posted', 'HL');"
		"INSERT INTO `tabWrite-Off Run Item` (name, run, customer, voucher_no) VALUES ('i1', 'WOR-1', '=1+1', 'INV-1');"
		"INSERT INTO `tabWrite-Off Run Event` (name, run, event) VALUES ('e1', 'WOR-1', 'Finished')"
	)
	with pytest.raises(Exception, match="set-config ar_writeoff_uninstall_with_runs 1"):
		uninstall(site)
	assert columns(site) == columns_installed, "nothing is removed"
	site.bench.frappe("--site", site.name, "set-config", "ar_writeoff_uninstall_with_runs", "1")
	site.bench.frappe(
		"--site", site.name, "uninstall-app", APP, "--yes", "--no-backup", "--force", "--dry-run"
	)
	assert columns(site) == columns_installed, "a dry run removes nothing"

	files = site.path / "private" / "files"
	before = set(files.glob("ar-writeoff-*.zip"))  # of an earlier session
	said = uninstall(site)
	assert not shipped_columns(site)
	[path] = set(files.glob("ar-writeoff-*.zip")) - before
	assert str(path) in said
	with zipfile.ZipFile(path) as archive:
		rows_of = {
			doctype: list(csv.DictReader(io.StringIO(archive.read(f"{doctype}.csv").decode())))
			for doctype in ("Write-Off Run", "Write-Off Run Item", "Write-Off Run Event")
		}
	assert [row["name"] for row in rows_of["Write-Off Run"]] == ["WOR-1"]
	assert [(row["run"], row["customer"]) for row in rows_of["Write-Off Run Item"]] == [("WOR-1", "'=1+1")]
	assert [row["event"] for row in rows_of["Write-Off Run Event"]] == ["Finished"]
	assert lines(site, "SELECT file_url FROM tabFile WHERE file_name LIKE 'ar-writeoff-%'") == {
		(f"/private/files/{path.name}",)
	}


@pytest.mark.slow
def test_reasons_that_are_there_are_never_overwritten(another_site):
	"""Reinstalling keeps existing reasons unchanged."""
	site = another_site()
	install(site)
	site.sql("DELETE FROM `tabWrite-Off Reason` WHERE name <> 'Small Balance'")
	site.sql("UPDATE `tabWrite-Off Reason` SET disabled = 1")
	site.bench.frappe("--site", site.name, "execute", f"{APP}.install.after_install")
	assert reasons(site) == {("Small Balance", "Both", "1", "1")}
