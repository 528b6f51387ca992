"""The three ways to submit a document: the form, `frappe.client` and REST with a real session."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import frappe
import pytest

from tests.site.conftest import Web
from tests.site.factories import MANAGER, as_user

SubmitMethod = Callable[[Any, str], bool]


def by_form(doc: Any, user: str) -> bool:
	from frappe.desk.form.save import savedocs

	return allowed(lambda: savedocs(doc=json.dumps(fresh(doc), default=str), action="Submit"), user)


def by_client(doc: Any, user: str) -> bool:
	from frappe.client import submit

	return allowed(lambda: submit(json.dumps(fresh(doc), default=str)), user)


def fresh(doc: Any) -> dict:
	return frappe.get_doc(doc.doctype, doc.name).as_dict()


def allowed(call: Callable[[], Any], user: str = MANAGER) -> bool:
	"""Call as this user; return whether the call is not refused."""
	frappe.db.commit()
	with as_user(user):
		try:
			call()
		except (frappe.ValidationError, frappe.PermissionError):
			frappe.db.rollback()
			return False
	frappe.db.commit()
	return True


@pytest.fixture
def submit_methods(web: Web) -> list[SubmitMethod]:
	"""Functions that submit a document as a user and return whether it was allowed."""

	def by_rest(doc: Any, user: str) -> bool:
		frappe.db.commit()
		answer = web.session(user).put(
			f"{web.url}/api/resource/{doc.doctype}/{doc.name}", json={"docstatus": 1}, timeout=60
		)
		frappe.db.rollback()
		assert answer.status_code in (200, 403, 417), answer.text
		return answer.status_code == 200

	return [by_form, by_client, by_rest]
