"""The site tests as test cases of unittest, for `bench run-tests`.

The site has to be a new one with ERPNext, the app and `allow_tests`; the test companies are created on it and stay.
AR_WRITEOFF_RUN_TESTS: more arguments for pytest, to run some of the tests (`-k credit`).
"""

from __future__ import annotations

import os
import shlex
import unittest
from pathlib import Path

import frappe
import pytest
from _pytest.config import _prepareconfig
from _pytest.runner import runtestprotocol

from tests.site import base_data
from tools.bench import CHECKOUT, Bench, write_file


class PytestItem(unittest.TestCase):
	"""One test of pytest; the last of a session ends it."""

	def __init__(self, session: Session, item: pytest.Item, following: pytest.Item | None):
		setattr(self, item.name, None)  # unittest asks for a method of this name
		super().__init__(item.name)
		self.session = session
		self.item = item
		self.following = following

	def id(self) -> str:
		return self.item.nodeid

	__str__ = id

	def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult:
		result = result or self.defaultTestResult()
		result.startTest(self)
		reports = runtestprotocol(self.item, nextitem=self.following, log=False)
		if failed := next((report for report in reports if report.failed), None):
			result.addFailure(self, (AssertionError, AssertionError(failed.longreprtext), None))  # type: ignore[arg-type]
		elif skipped := next((report for report in reports if report.skipped), None):
			result.addSkip(self, str(skipped.longrepr))
		else:
			result.addSuccess(self)
		if not self.following:
			self.session.finish()
		result.stopTest(self)
		return result


class Session:
	"""Pytest on the connected site."""

	def __init__(self) -> None:
		self.site, sites = frappe.local.site, Path(frappe.local.sites_path).resolve()
		self.environment = dict(os.environ)
		os.environ.pop("PYTEST_XDIST_WORKER", None)  # of tests that run these tests
		self.bench = bench = Bench(sites.parent)
		os.environ.update(
			BENCH=str(bench.path), AR_WRITEOFF_TEST_SITE=self.site, AR_WRITEOFF_CLAIMED=self.site
		)
		create_base_data()
		note = bench.site(self.site).note
		if not note.exists():
			write_file(note, "{}")
		more = shlex.split(os.environ.get("AR_WRITEOFF_RUN_TESTS", ""))
		arguments = (
			"--rootdir",
			CHECKOUT,
			"-o",
			"addopts=",
			"-p",
			"no:terminal",
			CHECKOUT / "tests" / "site",
			*more,
		)
		self.config = _prepareconfig([str(argument) for argument in arguments])
		self.config._do_configure()
		self.pytest = pytest.Session.from_config(self.config)
		self.config.hook.pytest_sessionstart(session=self.pytest)
		self.pytest.perform_collect()

	def finish(self) -> None:
		"""Put the site back and connect it again, for what Frappe's runner does last."""
		self.config.hook.pytest_sessionfinish(session=self.pytest, exitstatus=0)
		self.config._ensure_unconfigure()
		os.environ.clear()
		os.environ.update(self.environment)
		frappe.init(self.site, sites_path=str(self.bench.sites))
		frappe.connect()


def create_base_data() -> None:
	companies = set(frappe.get_all("Company", pluck="name", order_by=None))
	if companies >= set(base_data.COMPANIES):
		return
	if companies:
		raise frappe.ValidationError(
			f"{frappe.local.site} has companies of its own ({', '.join(sorted(companies))}). "
			"The tests of AR Write-Off need a new site: bench new-site, then install erpnext and ar_writeoff."
		)
	base_data.create()


def suite() -> unittest.TestSuite:
	session = Session()
	items = session.pytest.items
	return unittest.TestSuite(
		PytestItem(session, item, following)
		for item, following in zip(items, [*items[1:], None], strict=True)
	)
