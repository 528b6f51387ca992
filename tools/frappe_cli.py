"""Run Frappe's command line inside a bench, without ever stopping to ask for a password.

    cd BENCH/sites && ../env/bin/python .../tools/frappe_cli.py --site SITE migrate

Frappe asks for the database root's password on the terminal whenever the one it was given is empty, and an
empty password is what many development machines have. Here the question is answered from DB_ROOT_PASSWORD.
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
