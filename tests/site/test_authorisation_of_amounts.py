"""User Permissions on every output of the app.

Outputs are whitelisted methods, reports, print formats, number cards, charts, files, notifications, and what Frappe
offers for a DocType. They are collected from the code. A user who may see a part of a run calls each of them, and no
result may contain a hidden balance, or a total with a hidden amount: visible amounts are whole numbers, hidden amounts
are not, so any total with a hidden amount is not a whole number either.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import Any

import frappe
import pytest
from frappe.desk.form.load import getdoc
from frappe.desk.query_report import run as run_report
from frappe.desk.reportview import export_query, get, get_stats
from frappe.handler import run_doc_method
from frappe.utils import cint

from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	PREPARER,
	as_user,
	cost_center,
	customer,
	invoice,
	pay,
	permit,
)
from tests.site.test_authorisation import (
	MANAGES,
	RUN,
	SCHEDULE,
	SETTINGS,
	TABLE,
	TAX_RUN,
	filled,
	late_money_of,
	make_schedule,
	make_tax_run,
	methods,
)
from tests.unit import app_files

MODULE = {"module": "AR Writeoff"}
FIRST = "2026-01-15"

# What somebody may see, as whole numbers, and what not.
SEEN = (10, 20, 40)
HIDDEN = (61.37, 23.07, 5.11, 31.19, 7.23)

LIMITED_BY = [
	("Customer", "Anchor Cafe"),
	("Customer Group", "Trade"),
	("Territory", "US East"),
	("Cost Center", "North Pier - HL"),
	("Company", NW),
]

Way = Callable[[], Any]

KINDS_WITH_WAYS = {
	"doctype",
	"report",
	"print_format",
	"number_card",
	"dashboard_chart",
	"dashboard_chart_source",
}
KINDS_WITHOUT_BALANCES = {"form_tour", "module_onboarding", "onboarding_step", "page", "workspace"}
METHOD_PREFIXES = (RUN, TAX_RUN, SCHEDULE, SETTINGS, "ar_writeoff.")
# What returns neither items nor amounts, whoever calls it. What is new has to be here or to tell something.
TELLS_NOTHING: dict[str, set[str]] = {
	"pages": {
		# Tested in test_tax_report.py.
		"report Bad Debt Tax Relief",
		"card Tax Claimable Now",
		"card Invoices Written Off",
		"card Write-Off Runs Needing Attention",
		"card Write-Off Runs to Submit",
	},
	"methods": {
		TAX_RUN + "find_claims",
		"ar_writeoff.review.items.runs_of_invoice",
		"ar_writeoff.search.from_invoices.get_my_drafts",
		"ar_writeoff.search.from_invoices.write_off_invoices",
		"ar_writeoff.search.small_differences.write_off_rest",
		"ar_writeoff.search.small_differences.write_off_rest_of_bank",
	},
}


def total(doctype: str, fieldname: str) -> str | dict[str, str]:
	"""The field of a list that adds up another one, as this release of Frappe writes it."""
	if find_spec("frappe.model.qb_query"):
		return {"SUM": fieldname, "as": "total"}
	return f"sum(`tab{doctype}`.`{fieldname}`) as total"


def secret_numbers() -> set[str]:
	"""Every sum with a hidden amount in it, over one run or both, as text. What is left of a hidden amount counts."""
	left = (23.07 - 2, 61.37 - 5.11)
	seen = {sum(amounts) for amounts in product(*((0, amount, 2 * amount) for amount in SEEN))}
	hidden = {round(sum(amounts), 2) for amounts in product(*((0, one, 2 * one) for one in (*HIDDEN, *left)))}
	return {f"{one + two:.2f}" for one in hidden for two in seen if one % 1}


SECRET_NUMBERS = secret_numbers()
MOMENT = re.compile(r"\d{2}:\d{2}:\d{2}(\.\d+)?")
NUMBER = re.compile(r"\d[\d,]*\.\d+")


class World:
	"""Two runs of somebody who may see everything: a posted one with all that can become of a balance, and a draft."""

	def __init__(self) -> None:
		north, south = cost_center("North Pier"), cost_center("South Pier")
		self.hidden_customer = customer("Elmshorn Hidden", "Schools", "US West")
		mine = [invoice("Anchor Cafe", amount, FIRST, cost_center=north) for amount in SEEN]
		hidden = [invoice(self.hidden_customer, amount, FIRST, cost_center=south) for amount in HIDDEN]
		self.secrets = {self.hidden_customer, *run_helpers.names(hidden)}
		run_helpers.settings(customer_credits="Ignore")
		self.posted = run_helpers.run(user=PREPARER, max_invoice_amount=62)
		with as_user(PREPARER):
			left_out = run_helpers.items(self.posted)
			self.posted.set_selection(
				selected=0, items=[left_out[doc.name].name for doc in (mine[2], hidden[3], hidden[4])]
			)
		pay(hidden[1], 2)
		run_helpers.post(self.posted)
		items = run_helpers.items(self.posted)
		assert items[hidden[0].name].status == "Posted" and items[hidden[1].name].status == "Skipped"
		with as_user(MANAGER):
			self.posted.reinstate([items[hidden[0].name].name], [5.11])
		with as_user(PREPARER):
			self.posted.export_items("XLSX")
			self.posted.export_items("CSV")
		self.draft = run_helpers.run(user=PREPARER, max_invoice_amount=50)
		drafted = run_helpers.items(self.draft)
		hold = {"doctype": "Write-Off Hold", "company": HL, "kind": "Dispute"}
		frappe.get_doc({**hold, "voucher_type": "Sales Invoice", "voucher_no": hidden[4].name}).insert()
		self.names = {
			"item": items[hidden[0].name].name,
			"draft_item": drafted[hidden[3].name].name,
			"invoice": hidden[3].name,
			"run": self.posted.name,
			**late_money_of(self.hidden_customer),
		}
		self.mine = {doc.name for doc in mine}
		self.schedule, self.tax_run = make_schedule(), make_tax_run()
		frappe.db.commit()

	def told(self, answer: Any) -> set[str]:
		"""The secrets in an answer."""
		text = MOMENT.sub("", text_of(answer))
		numbers = {f"{float(number.replace(',', '')):.2f}" for number in NUMBER.findall(text)}
		return {name for name in self.secrets if name in text} | numbers & SECRET_NUMBERS


def text_of(answer: Any) -> str:
	if isinstance(answer, bytes):
		if answer[:2] == b"PK":
			with zipfile.ZipFile(io.BytesIO(answer)) as book:
				return "\n".join(book.read(name).decode("utf-8", "ignore") for name in book.namelist())
		return answer.decode("utf-8", "ignore")
	if isinstance(answer, str):
		return answer
	return frappe.as_json(answer)


# -------------------------------------------------------------------------------------------------------- the ways


def ways_of_methods(world: World) -> Iterator[tuple[str, Way]]:
	"""Whitelisted methods, for the draft and the posted run; those that change a run are last."""
	found = methods()
	for name, (_who, arguments) in sorted(TABLE.items(), key=lambda row: row[1][0] == MANAGES):
		function = found[name]
		if name.startswith(RUN):
			for doc in (world.draft, world.posted):
				item = world.names["item" if doc is world.posted else "draft_item"]
				values = filled(arguments, {**world.names, "item": item})
				yield f"{name} {doc.docstatus}", method_way(function, doc, values)
		elif name.startswith(SCHEDULE):
			yield name, method_way(function, world.schedule, arguments)
		elif name.startswith(TAX_RUN):
			# Its items are tested in test_tax_runs.py. Here they would be part of every sum.
			yield name, method_way(function, world.tax_run, arguments)
		elif name.startswith(SETTINGS):
			yield name, method_way(function, frappe.get_doc("Write-Off Settings", HL), arguments)
		else:
			yield name, function_way(function, filled(arguments, world.names), world.names["invoice"])


def method_way(function: Callable, doc: Any, arguments: dict[str, Any]) -> Way:
	def way() -> Any:
		frappe.local.response = frappe._dict(docs=[])
		frappe.local.request = frappe._dict(method="POST")
		try:
			run_doc_method(function.__name__, dt=doc.doctype, dn=doc.name, args=frappe.as_json(arguments))
			return dict(frappe.local.response)
		finally:
			frappe.local.request = None

	return way


def function_way(function: Callable, arguments: dict[str, Any], given: str) -> Way:
	"""`given`: the secret that the caller names. That a refusal repeats it tells nothing."""

	def way() -> Any:
		frappe.local.form_dict = frappe._dict(arguments)
		try:
			return frappe.call(function, **arguments)
		except frappe.PermissionError as error:
			frappe.local.message_log = []
			return str(error).replace(given, "")

	return way


def ways_of_doctypes(world: World) -> Iterator[tuple[str, Way]]:
	"""What Frappe offers for each DocType of the app: lists, single documents, fields, sums, files, forms, print."""
	for doctype in frappe.get_all("DocType", {**MODULE, "istable": 0}, pluck="name", order_by="name"):
		meta = frappe.get_meta(doctype)
		columns = [df.fieldname for df in meta.fields if df.fieldname in meta.get_valid_columns()]
		numbers = [df.fieldname for df in meta.fields if df.fieldtype in ("Currency", "Float")]
		names = frappe.get_all(doctype, pluck="name", order_by="name")
		columns = ["name", *columns]

		yield f"{doctype}: get_list", lambda d=doctype, c=columns: frappe.get_list(d, fields=c, limit=0)
		yield (
			f"{doctype}: client.get_list",
			lambda d=doctype: frappe.call(
				"frappe.client.get_list", doctype=d, fields=["*"], limit_page_length=0
			),
		)
		yield (
			f"{doctype}: reportview.get",
			lambda d=doctype, c=columns: form_call(get, d, fields=json.dumps(c)),
		)
		for form in ("Excel", "CSV"):
			yield f"{doctype}: export {form}", lambda d=doctype, c=columns, f=form: exported(d, c, f)
		yield f"{doctype}: get_stats", lambda d=doctype: get_stats(json.dumps(["_user_tags", "owner"]), d)
		for number in numbers:
			yield (
				f"{doctype}: sum of {number}",
				lambda d=doctype, n=number: form_call(
					get,
					d,
					fields=json.dumps(["owner", total(d, n)]),
					group_by=f"`tab{d}`.`owner`",
				),
			)
		for name in names:
			yield (
				f"{doctype} {name}: client.get",
				lambda d=doctype, n=name: frappe.call("frappe.client.get", doctype=d, name=n),
			)
			yield (
				f"{doctype} {name}: client.get_value",
				lambda d=doctype, n=name, c=columns: frappe.call(
					"frappe.client.get_value",
					doctype=d,
					fieldname=json.dumps(c),
					filters=json.dumps({"name": n}),
				),
			)
			yield f"{doctype} {name}: form", lambda d=doctype, n=name: form_of(d, n)
			for print_format in ("Standard", *print_formats_of(doctype)):
				yield (
					f"{doctype} {name}: print {print_format}",
					lambda d=doctype, n=name, p=print_format: frappe.call(
						"frappe.www.printview.get_html_and_style", doc=d, name=n, print_format=p
					),
				)


def print_formats_of(doctype: str) -> list[str]:
	formats = [json.loads(path.read_text()) for path in sorted(app_files.APP.glob("*/print_format/*/*.json"))]
	return [one["name"] for one in formats if one["doc_type"] == doctype]


def form_call(function: Callable, doctype: str, **arguments: Any) -> Any:
	frappe.local.form_dict = frappe._dict(
		doctype=doctype, start=0, page_length=500, view="Report", **arguments
	)
	return function()


def exported(doctype: str, columns: list[str], file_format: str) -> bytes:
	frappe.local.response = frappe._dict(docs=[])
	form_call(export_query, doctype, fields=json.dumps(columns), file_format_type=file_format, title=doctype)
	content = frappe.local.response.get("filecontent") or frappe.local.response.get("result") or b""
	return content if isinstance(content, bytes) else str(content).encode()


def form_of(doctype: str, name: str) -> dict[str, Any]:
	frappe.local.response = frappe._dict(docs=[])
	getdoc(doctype, name)
	return dict(frappe.local.response)


def ways_of_reports(world: World) -> Iterator[tuple[str, Way]]:
	for path in sorted(app_files.APP.glob("*/report/*/*.json")):
		name = json.loads(path.read_text())["name"]
		filters = {"company": HL, "from_date": "2024-01-01", "to_date": "2027-12-31", "period": "Yearly"}
		yield f"report {name}", lambda n=name, f=filters: run_report(n, filters=dict(f))


def ways_of_dashboards(world: World) -> Iterator[tuple[str, Way]]:
	"""Number cards and charts, as the workspace calls them; a chart that Frappe keeps is asked for as it was kept."""
	from frappe.desk.doctype.dashboard_chart.dashboard_chart import get as chart_result
	from frappe.desk.doctype.number_card.number_card import get_result

	for path in sorted(app_files.APP.glob("*/number_card/*/*.json")):
		card = json.loads(path.read_text())
		filters = [row[:4] for row in json.loads(card["filters_json"])]
		yield f"card {card['name']}", lambda c=card, f=filters: get_result(c, f)
	for path in sorted(app_files.APP.glob("*/dashboard_chart/*/*.json")):
		chart = json.loads(path.read_text())
		if chart["chart_type"] == "Custom":
			source = methods()["ar_writeoff.ar_writeoff.dashboard_chart_source.write_offs.write_offs.get"]
			filters = {**json.loads(chart["filters_json"]), "company": HL}
			yield f"chart {chart['name']}", lambda s=source, f=filters: s(filters=f)
		else:
			yield f"chart {chart['name']}", lambda n=chart["name"]: chart_result(chart_name=n)


def ways_of_files(world: World) -> Iterator[tuple[str, Way]]:
	for name, url in frappe.get_all(
		"File",
		{"attached_to_doctype": "Write-Off Run Event"},
		["name", "file_url"],
		order_by="name",
		as_list=True,
	):
		yield f"file {url.rpartition('.')[2]}", lambda n=name: download(n)


def download(name: str) -> bytes:
	file = frappe.get_doc("File", name)
	if not file.is_downloadable():
		raise frappe.PermissionError
	content = file.get_content()
	return content if isinstance(content, bytes) else content.encode()


def ways_of_messages(world: World) -> Iterator[tuple[str, Way]]:
	def told() -> Any:
		me = frappe.session.user
		logs = frappe.get_all(
			"Notification Log", {"for_user": me}, ["subject", "email_content"], order_by="name", as_list=True
		)
		mine = frappe.get_all("Email Queue Recipient", {"recipient": me}, pluck="parent", order_by="parent")
		mails = frappe.get_all("Email Queue", {"name": ("in", mine)}, pluck="message", order_by="name")
		return str(logs) + "".join(mails)

	yield "notifications", told


def ways(world: World) -> Iterator[tuple[str, Way]]:
	for kind in (
		ways_of_reports,
		ways_of_dashboards,
		ways_of_files,
		ways_of_doctypes,
		ways_of_messages,
		ways_of_methods,
	):
		yield from kind(world)


def secrets_told(world: World, user: str, *, changing: bool = True) -> dict[str, set[str]]:
	"""The secrets that each way tells this user. A refusal is an answer, too."""
	found = {}
	for name, way in ways(world):
		if not changing and TABLE.get(name.split(" ")[0], ("",))[0] == MANAGES:
			continue
		with as_user(user):
			frappe.local.message_log = []
			try:
				answer = way()
			except (frappe.ValidationError, frappe.PermissionError, frappe.DoesNotExistError) as error:
				answer = str(error)
			found[name] = world.told(answer) | world.told(str(frappe.local.message_log))
		frappe.db.rollback()
	return found


# ------------------------------------------------------------------------------------------------------------- tests


@pytest.fixture
def world(site: str) -> Iterator[World]:
	yield World()
	clear_data_caches()


def test_outputs_have_all_amounts_for_an_unrestricted_user(world: World):
	"""Without this, a way that does not work would pass for one that keeps a secret."""
	told = secrets_told(world, MANAGER, changing=False)
	telling = {name for name, secrets in told.items() if secrets}
	posted, draft = world.posted.name, world.draft.name
	assert telling >= {
		"report Write-Off Register",
		"report Write-Off Roll-forward",
		"report Write-Off Holds",
		"Write-Off Hold: get_list",
		"card Written Off This Year",
		"chart Write-Offs by Month",
		"chart Write-Offs by Reason",
		"file xlsx",
		"file csv",
		"Write-Off Run: get_list",
		"Write-Off Run: client.get_list",
		"Write-Off Run: reportview.get",
		"Write-Off Run: export Excel",
		"Write-Off Run: export CSV",
		"Write-Off Run: sum of posted_amount",
		f"Write-Off Run {posted}: client.get",
		f"Write-Off Run {posted}: client.get_value",
		f"Write-Off Run {posted}: form",
		f"Write-Off Run {posted}: print Standard",
		f"Write-Off Run {posted}: print Write-Off Evidence",
		"Write-Off Run Item: get_list",
		"Write-Off Run Item: sum of write_off_amount",
		f"Write-Off Run Item {world.names['item']}: form",
		"Write-Off Run Event: get_list",
		"Write-Off Recovery: get_list",
		*(
			f"{RUN}{name} 0"
			for name in ("get_items", "get_summary", "preview_entries", "get_voucher_details")
		),
		*(f"{RUN}{name} 1" for name in ("get_items", "get_summary", "get_voucher_details")),
		f"{RUN}find_invoices 0",
	}, draft
	pages = {name for name in told if name.startswith(("report ", "card ", "chart "))}
	assert pages - telling == TELLS_NOTHING["pages"], "does it show amounts, and are its filters right?"
	called = {name.split(" ")[0] for name in told if name.startswith(METHOD_PREFIXES)}
	expected = TELLS_NOTHING["methods"]
	surprising = {name: told[name] for name in telling if name.split(" ")[0] in expected}
	assert called - {name.split(" ")[0] for name in telling} == expected, surprising


def test_each_kind_of_page_has_its_ways():
	"""What else the app could show somewhere, such as a web page or a Web Form, needs ways of its own."""
	assert {path.name for path in app_files.APP.joinpath("ar_writeoff").iterdir() if path.is_dir()} - {
		"__pycache__"
	} == {*KINDS_WITH_WAYS, *KINDS_WITHOUT_BALANCES}
	assert not app_files.APP.joinpath("www").exists()


@pytest.mark.parametrize(("doctype", "value"), LIMITED_BY)
def test_fault_04_hidden_amounts_are_in_no_output(world: World, doctype: str, value: str):
	told = secrets_told(world, MANAGER, changing=False)  # also fills what Frappe keeps for the next one
	assert any(told.values())
	permit(MANAGER, doctype, value)
	with as_user(PREPARER):
		frappe.get_doc("Write-Off Run", world.draft.name).request_approval()
	frappe.db.commit()
	told = secrets_told(world, MANAGER)
	assert {name: secrets for name, secrets in told.items() if secrets} == {}


@pytest.mark.parametrize(("doctype", "value"), LIMITED_BY[:-1])
def test_fault_04_visible_amounts_are_in_the_output(world: World, doctype: str, value: str):
	"""A run with hidden balances in it is summed up over the others, wherever it is shown."""
	permit(MANAGER, doctype, value)
	with as_user(MANAGER):
		doc = frappe.get_doc("Write-Off Run", world.draft.name)
		assert {row.voucher_no for row in doc.get_items()["items"]} <= world.mine
		assert doc.preview_entries()["total"] == doc.as_dict().selected_amount == 40
		posted = frappe.get_doc("Write-Off Run", world.posted.name)
		assert (posted.as_dict().posted_amount, posted.as_dict().posted_count) == (30, 2)
		evidence = frappe.utils.strip_html(frappe.get_print(doc=posted, print_format="Write-Off Evidence"))
		assert "Anchor Cafe" in evidence
		own = frappe.get_doc("File", {"file_url": posted.export_items("CSV")["file_url"]})
		assert own.is_downloadable()
	# The totals in the database are those of the run.
	assert cint(frappe.db.get_value("Write-Off Run", world.posted.name, "posted_count")) == 4


def test_fault_04_a_completely_visible_run_is_listed(world: World):
	"""With its totals, its log and its exports, which are for those who may see all of it."""
	permit(MANAGER, "Customer", "Anchor Cafe")
	with as_user(MANAGER):
		run = run_helpers.run(find=True, user=MANAGER, max_invoice_amount=50)
		assert frappe.get_list("Write-Off Run", pluck="name") == [run.name]
		run_helpers.post(run)
		[row] = frappe.get_list("Write-Off Run", fields=["name", "posted_amount"])
		assert (row.name, row.posted_amount) == (run.name, 40)
		assert frappe.get_list("Write-Off Run Event", {"event": "Finished"}, pluck="run") == [run.name]


@pytest.mark.parametrize("name", ["O'Neill \\ Sons", "Fifty % Off", "`quoted`"])
def test_names_are_text_in_the_conditions(name: str):
	one = invoice(customer(name), 10, FIRST)
	invoice("Anchor Cafe", 20, FIRST)
	run = run_helpers.run()
	permit(MANAGER, "Customer", name)
	with as_user(MANAGER):
		assert frappe.get_list("Write-Off Run Item", pluck="voucher_no") == [one.name]
		assert frappe.get_list("Write-Off Run") == []
		assert {row.voucher_no for row in frappe.get_doc("Write-Off Run", run.name).get_items()["items"]} == {
			one.name
		}
	frappe.db.rollback()
	clear_data_caches()


def test_file_over_the_web(world: World, web):
	"""The address of an export, in the browser of somebody who may see a part of the run."""
	url = frappe.db.get_value("File", {"file_name": ("like", f"{world.posted.name}%")}, "file_url")
	assert web.session(MANAGER).get(web.url + url, timeout=60).status_code == 200
	permit(MANAGER, "Customer", "Anchor Cafe")
	frappe.db.commit()
	assert web.session(MANAGER).get(web.url + url, timeout=60).status_code == 403
