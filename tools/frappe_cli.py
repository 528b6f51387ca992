"""Runs Frappe's command line inside a bench without password prompts.

    cd BENCH/sites && ../env/bin/python .../tools/frappe_cli.py --site SITE migrate

Frappe prompts for the database root password whenever the given one is empty, and many development machines have an
empty one. The prompt is answered from DB_ROOT_PASSWORD.
"""

import getpass
import os
import runpy
import sys

if __name__ == "__main__":
	getpass.getpass = lambda *args, **kwargs: os.environ.get("DB_ROOT_PASSWORD", "")
	# the directory of this script must not shadow modules of the bench
	sys.path[0] = os.getcwd()
	sys.argv = ["frappe", "frappe", *sys.argv[1:]]
	runpy.run_module("frappe.utils.bench_helper", run_name="__main__", alter_sys=False)
