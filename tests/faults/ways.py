"""Records in which way each Journal Entry is posted or cancelled, in the transaction that does so, and marks rehearsals.

Run as a script it is a bench worker that does this; its arguments are those of Frappe's command line. The app's
functions are wrapped in this process only.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# In the environment: a folder with a file for each process that rehearses, named by its id.
REHEARSALS = "AR_WRITEOFF_TEST_REHEARSALS"
TABLE = "_fault_ways"
SUBMIT, CANCEL = "submit", "cancel"


def install() -> None:
	import frappe

	from ar_writeoff.posting import fast, proof
	from ar_writeoff.posting.proof import containment

	def recording(function: Callable, action: str) -> Callable:
		def wrapped(entry: Any, *args: Any) -> None:
			function(entry, *args)
			if threading.get_ident() not in containment.active:
				frappe.db.sql(
					f"INSERT INTO {TABLE} (entry, action, way) VALUES (%s, %s, %s)",
					(entry.name, action, args[-1].method),
				)

		return wrapped

	rehearse = proof.rehearse

	def marked(action: Callable) -> Any:
		mark = Path(os.environ[REHEARSALS]) / str(os.getpid())
		mark.touch()
		try:
			return rehearse(action)
		finally:
			mark.unlink(missing_ok=True)

	fast.submit = recording(fast.submit, SUBMIT)
	fast.cancel = recording(fast.cancel, CANCEL)
	proof.rehearse = marked


def create_table() -> None:
	import frappe

	frappe.db.sql_ddl(
		f"CREATE TABLE {TABLE} (entry VARCHAR(140), action VARCHAR(10), way VARCHAR(20), KEY (entry))"
		" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
	)


if __name__ == "__main__":
	# The modules of this folder must not shadow those of Python.
	sys.path[0] = os.getcwd()
	# Frappe's workers would wait for all other processes of the machine.
	os.nice = lambda _increment: 0
	install()
	sys.argv[0] = str(Path(__file__).resolve().parents[2] / "tools" / "frappe_cli.py")
	runpy.run_path(sys.argv[0], run_name="__main__")
