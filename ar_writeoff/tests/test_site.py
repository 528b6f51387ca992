"""`bench --site SITE run-tests --app ar_writeoff` runs the site tests, which are in tests/site of the repository.

They are written for pytest; each is handed to Frappe's runner as a test case of its own.
"""

from __future__ import annotations

import importlib
import sys
import unittest
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


class NotInThisPackage(unittest.TestCase):
	def test_site(self) -> None:
		self.skipTest("The site tests come with the repository of the app, not with its package.")


def load_tests(loader: unittest.TestLoader, standard_tests: Any, pattern: str | None) -> unittest.TestSuite:
	if not (REPOSITORY / "tests" / "site").is_dir():
		return loader.loadTestsFromTestCase(NotInThisPackage)
	sys.path.insert(0, str(REPOSITORY))
	try:
		return importlib.import_module("tests.site.bench_run_tests").suite()
	except ModuleNotFoundError as error:
		raise RuntimeError(
			f"{error.name} is not installed on this bench: bench setup requirements --dev ar_writeoff"
		) from error
