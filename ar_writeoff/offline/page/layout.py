"""Layout of the page: criteria on the left; totals, charts and lists; actions at the bottom."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from nicegui import Client, events, run, ui

from ar_writeoff.core.criteria import CREDIT, DEBIT, DEDUCT, DUE_DATE, IGNORE, LEAVE_OUT, NET_FIRST
from ar_writeoff.offline import files, policy, summary, words
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.evidence import write_off_notice
from ar_writeoff.offline.page import charts, facts, grids, lists
from ar_writeoff.offline.page.fields import Fields
from ar_writeoff.offline.page.grids import ENTRIES, FOUND, LEFT_OUT
from ar_writeoff.offline.policy import POSTING_DATE, InvalidPolicy, InvalidSetting
from ar_writeoff.offline.problems import InvalidFile
from ar_writeoff.offline.report import KINDS, criteria, totals_of
from ar_writeoff.offline.review import Review
from ar_writeoff.offline.values import DATE_FORMATS, Format
from ar_writeoff.offline.words import Text, t
from ar_writeoff.posting.rules import BATCH, CUSTOMER, INVOICE

CUSTOMERS_IN_CHART = 8


class Page:
	"""The page of one review. Opening it again, in another tab or language, shows the same review and disables the
	earlier tab, so that Confirm writes what is on screen."""

	def __init__(self, review: Review, *, out: Path, scratch: Path):
		self.review = review
		self.out = out
		self.scratch = scratch
		self.planned: Decision | None = None
		self.written: list[Path] = []
		self.error: InvalidFile | InvalidPolicy | None = None
		self.pending: Path | None = review.path
		self.pending_party: Path | None = None
		self.fields = Fields(review, self.on_find)
		self.client: Client | None = None

	# ------------------------------------------------------------------------------------------------ frame

	def build(self) -> None:
		"""Build the page for the state of the review."""
		before, self.client = self.client, ui.context.client
		if before and before.has_socket_connection:
			self.disable_tab(before)
		ui.add_head_html(
			f'<script>document.documentElement.lang = "{words.current_language()}"</script>'
			'<link rel="stylesheet" href="/page/page.css"><script src="/page/grid.js"></script>'
		)
		ui.colors(primary="#1f6f54")
		ui.on("ticked", self.on_ticked)
		ui.on("row_focused", self.on_row_focused)
		ui.on("amount_typed", self.on_amount_typed)
		ui.on("key", self.on_key)
		with ui.header(elevated=False), ui.element("div").classes("bar"):
			ui.label("AR Write-Off").classes("brand")
			self.file_name = ui.label().classes("soft ellipsis grow")
			ui.button(icon="keyboard", on_click=self.show_keys).props(
				f'flat dense round color=grey-8 aria-label="{t("Keys")}"'
			)
			ui.toggle(
				dict(words.LANGUAGES),
				value=words.current_language(),
				on_change=lambda event: self.set_language(event.value),
			).props("dense no-caps unelevated toggle-color=primary")
		with ui.left_drawer(value=True, bordered=False).props("width=320 breakpoint=700"):
			self.side()
		with ui.element("div").classes("main"):
			self.content()
		with ui.footer():
			self.footer()
		# Outside the refreshed elements: a dialog is deleted with the element it was opened in.
		self.dialogs = ui.element("div")

	def disable_tab(self, client: Client) -> None:
		"""Disable a tab, because the review was opened in another one."""
		with client, ui.dialog(value=True).props("persistent"), ui.card().classes("set-aside"):
			ui.label(str(t("The review was opened in another window.")))
			ui.button(str(t("Use Here")), on_click=ui.navigate.reload).props("no-caps unelevated")

	def set_language(self, language: str) -> None:
		words.set_language(language)
		ui.navigate.reload()

	def refresh(self) -> None:
		self.side.refresh()
		self.content.refresh()
		self.footer.refresh()

	# ------------------------------------------------------------------------------------------------- side

	@ui.refreshable_method
	def side(self) -> None:
		"""Upload and criteria."""
		self.fields.clear()
		with ui.element("div").classes("side"):
			uploader = (
				ui.upload(
					label=str(t("Accounts Receivable, .csv or .xlsx")),
					auto_upload=True,
					multiple=True,
					on_upload=self.on_upload,
				)
				.props('accept=".csv,.tsv,.txt,.xlsx,.xlsm,.xls,.ods,.toml" flat bordered')
				.classes("uploader report")
			)
			ui.run_javascript(f"window.arWriteOffUploader = {uploader.id}")
			self.criteria_fields()
			with ui.element("div").classes("bar"):
				ui.button(str(t("Find Invoices")), on_click=self.on_find).props("no-caps unelevated").classes(
					"grow find"
				)
			self.posting_fields()
			self.missing_data_fields()
			self.file_fields()

	def criteria_fields(self) -> None:
		ui.html(f"<h2>{t('Criteria')}</h2>", sanitize=False)
		self.fields.choice(
			"criteria.balance_type",
			t("Balances"),
			{DEBIT: t("Debit: customers owe us"), CREDIT: t("Credit: we owe them")},
		)
		self.fields.amount("criteria.max_invoice_amount", t("Maximum balance"))
		self.fields.amount("criteria.max_customer_amount", t("Maximum total per customer"))
		self.fields.text("criteria.minimum_age_days", t("Older than (days)"))
		self.fields.choice(
			"criteria.ageing_based_on",
			t("Age from"),
			{DUE_DATE: t("Due date"), POSTING_DATE: t("Posting date")},
		)
		self.fields.day("criteria.cutoff_date", t("Dated until"))
		self.fields.choice(
			"criteria.customer_credits",
			t("Customers with credits"),
			{
				LEAVE_OUT: t("Leave out"),
				DEDUCT: t("Deduct"),
				IGNORE: t("Ignore"),
				NET_FIRST: t("Set off first"),
			},
		)
		with ui.expansion(str(t("Only these"))).classes("w-full").props("dense"):
			self.fields.names("only.customers", t("Customers"))
			self.fields.multi_choice("only.customer_groups", t("Customer groups"))
			self.fields.multi_choice("only.territories", t("Territories"))
			self.fields.multi_choice("only.receivable_accounts", t("Receivable accounts"))
			if self.review.main and "cost_center" in self.review.main.columns:
				self.fields.multi_choice("only.cost_centers", t("Cost centers"))
			if self.review.main and "sales_person" in self.review.main.columns:
				self.fields.names("only.sales_persons", t("Sales persons"))
			if self.review.main and "payment_terms_template" in self.review.main.columns:
				self.fields.multi_choice("only.payment_terms_templates", t("Payment terms templates"))
			self.fields.choice(
				"criteria.voucher_kind",
				t("Voucher kind"),
				{"": t("All"), **KINDS},
			)
			self.fields.amount("criteria.min_invoice_amount", t("Minimum balance"))
			for currency in self.foreign_currencies():
				self.fields.amount_range(
					f"thresholds.{currency}",
					t("Balance in {currency} (maximum, or 5..25)", currency=currency),
				)
			self.fields.amount("criteria.max_original_share", t("Maximum share of the invoiced amount (%)"))
			self.fields.flag(
				"criteria.only_remainders", t("Only what is left after a payment or credit note")
			)

	def foreign_currencies(self) -> list[str]:
		"""Currencies of receivable accounts, as far as the files show them, besides the company's, and those with a
		threshold."""
		review = self.review
		named = {name.partition(".")[2] for name in review.settings if name.startswith("thresholds.")}
		if not review.decision or not review.main:
			return sorted(named)
		found = {*review.main.currencies, *(review.party.currencies if review.party else ())}
		return sorted((found | named) - {review.decision.company_currency})

	def posting_fields(self) -> None:
		ui.html(f"<h2>{t('Posting')}</h2>", sanitize=False)
		self.fields.text("company", t("Company"))
		self.fields.text("accounts.offset", t("Offset account"))
		self.fields.text("accounts.cost_center", t("Cost center of vouchers without one"))
		self.fields.day("criteria.posting_date", t("Posting date"))
		self.fields.choice(
			"entries.entries_per",
			t("Entries per"),
			{BATCH: t("Batch"), CUSTOMER: t("Customer"), INVOICE: t("Invoice")},
		)

	def missing_data_fields(self) -> None:
		"""Data the report does not have."""
		with ui.expansion(str(t("Data that the report does not have"))).classes("w-full").props("dense"):
			ui.label(
				str(t("On a site the app reads these names from ERPNext. Press Enter after each name."))
			).classes("soft small")
			self.fields.names("leave_out.opted_out", t("Customers excluded from write-offs"))
			self.fields.names("leave_out.disabled", t("Disabled customers"))
			self.fields.names("leave_out.frozen", t("Frozen customers"))
			self.fields.names("leave_out.discounted", t("Discounted invoices"))
			self.fields.names("leave_out.on_hold", t("Invoices and customers on hold"))
			self.fields.multi_choice("leave_out.advance_accounts", t("Advance accounts"))

	def file_fields(self) -> None:
		"""Format of the file, and the report in party currency."""
		review = self.review
		main = review.main
		currencies = main.currencies if main else []
		error = self.error is not None
		if len(currencies) > 1:
			ui.html(f"<h2>{t('Currencies')}</h2>", sanitize=False)
			self.fields.text("company_currency", t("Currency of the company"))
			for currency in currencies:
				if currency != review.settings.get("company_currency"):
					self.fields.amount(f"rates.{currency}", t("Value of 1 {currency}", currency=currency))
		with ui.expansion(str(t("The file")), value=error).classes("w-full").props("dense"):
			if main:
				ui.label(
					str(t("The same report in party currency, if receivable accounts have other currencies:"))
				).classes("soft small")
				ui.upload(
					label=review.party_path.name if review.party_path else str(t("In party currency")),
					auto_upload=True,
					on_upload=self.on_upload_party,
				).props('accept=".csv,.tsv,.txt,.xlsx,.xlsm,.xls,.ods" flat bordered').classes(
					"uploader party"
				)
			shown = {
				"": str(t("as the file shows")),
				**{form: date(2026, 1, 31).strftime(form) for form in DATE_FORMATS},
			}
			self.form_date = ui.select(
				shown, value=review.form.date_format or "", label=str(t("Dates")), on_change=self.on_form
			).props("dense")
			signs = {"": str(t("as the file shows")), "point": "1,234.50", "comma": "1.234,50"}
			sign = {None: "", True: "comma", False: "point"}[review.form.decimal_comma]
			self.form_sign = ui.select(
				signs, value=sign, label=str(t("Amounts")), on_change=self.on_form
			).props("dense")
			encodings = {"utf-8-sig": "UTF-8", "cp1252": "Windows (cp1252)", "latin-1": "Latin-1"}
			encodings.setdefault(review.encoding, review.encoding)
			self.form_encoding = ui.select(
				encodings,
				value=review.encoding,
				label=str(t("Encoding of a CSV file")),
				on_change=self.on_form,
			).props("dense")

	# ---------------------------------------------------------------------------------------------- content

	@ui.refreshable_method
	def content(self) -> None:
		review = self.review
		main = review.main
		self.file_name.set_text(main.name if main else "")
		if self.error:
			self.problem_card(self.error)
		if not main:
			self.empty_state()
			return
		if not review.decision:
			return
		self.cards_and_charts()
		if review.decision.notes:
			with (
				ui.expansion(str(t("Please note ({count})", count=len(review.decision.notes))), icon="info")
				.props("dense")
				.classes("note notes")
			):
				for note in review.decision.notes:
					ui.label(str(note))
		with ui.tabs().props("dense no-caps align=left inline-label") as tabs:
			ui.tab(FOUND, str(t("To write off ({count})", count=len(review.rows))))
			ui.tab(LEFT_OUT, str(t("Excluded ({count})", count=len(review.left_out))))
			ui.tab(ENTRIES, str(t("Entries")))
		self.tabs = tabs
		with ui.tab_panels(tabs, value=FOUND, animated=False, on_change=self.on_tab).props("keep-alive"):
			with ui.tab_panel(FOUND).classes("tab-panel"):
				self.list_with_facts(FOUND)
			with ui.tab_panel(LEFT_OUT).classes("tab-panel"):
				self.list_with_facts(LEFT_OUT)
			with ui.tab_panel(ENTRIES).classes("tab-panel"):
				self.entries()

	def empty_state(self) -> None:
		with ui.element("div").classes("hero"):
			ui.icon("upload_file", size="48px", color="primary")
			ui.label(str(t("Drop an Accounts Receivable report here"))).classes("big")
			ui.label(
				str(
					t(
						"In ERPNext open Accounts Receivable, choose company and date, then Menu > Export, CSV or Excel."
						" Select Include filters so that the file has the report date."
					)
				)
			).classes("soft")
			ui.label(str(t("The file stays on this machine. Nothing is posted."))).classes("soft")

	def problem_card(self, error: InvalidFile | InvalidPolicy) -> None:
		with ui.element("div").classes("problem"):
			if isinstance(error, InvalidPolicy):
				ui.label(str(error))
				return
			ui.label(str(t("{name} cannot be used.", name=error.name))).classes("text-weight-bold")
			with ui.element("table"):
				for problem in error.problems[:20]:
					with ui.element("tr"):
						for text in (problem.place, str(problem.text)):
							with ui.element("td"):
								ui.label(text)
			if len(error.problems) > 20:
				ui.label(str(t("More problems: {count}", count=len(error.problems) - 20)))

	def cards_and_charts(self) -> None:
		review = self.review
		decision = review.decision
		assert decision
		currency = decision.company_currency
		with ui.element("div").classes("cards"):
			self.ticked_card = self.card(t("To write off"))
			left = self.card(t("Excluded"))
			none = self.card(t("No match"))
			criteria_labels = self.card(t("Criteria"))
		left[0].set_text(
			f"{words.number(sum((one.base_amount for one in review.left_out), Decimal('0.00')))} {currency}"
		)
		left[1].set_text(str(t("Balances: {count}", count=len(review.left_out))))
		none[0].set_text(words.number(decision.not_matching))
		none[1].set_text(str(t("Balances checked: {count}", count=decision.considered)))
		criteria_labels[0].set_text("")
		criteria_labels[0].set_visibility(False)
		criteria_labels[1].set_text(criteria(decision.policy.criteria, currency))
		with ui.element("div").classes("charts"):
			with ui.element("div").classes("card"):
				ui.label(str(t("By age in days"))).classes("soft small")
				self.ages = ui.echart(charts.bars(vertical=True)).classes("chart ages")
			with ui.element("div").classes("card"):
				ui.label(str(t("Largest customers"))).classes("soft small")
				self.customers = ui.echart(charts.bars(vertical=False)).classes("chart customers")
		self.show_totals()

	def card(self, title: Text) -> tuple[ui.label, ui.label]:
		with ui.element("div").classes("card"):
			ui.label(str(title)).classes("soft small")
			return ui.label().classes("value"), ui.label().classes("soft small")

	def show_totals(self) -> None:
		"""Show totals and charts of the ticked rows."""
		review = self.review
		decision = review.decision
		if not decision:
			return
		currency = decision.company_currency
		count, customers, total = review.ticked()
		shown = f"{words.number(total if count else Decimal('0.00'))} {currency}"
		self.ticked_card[0].set_text(shown)
		self.ticked_card[1].set_text(
			str(
				t(
					"Selected: {count} of {all}, customers: {customers}",
					count=count,
					all=len(review.rows),
					customers=customers,
				)
			)
		)
		ages = review.by_age()
		for chart, axis, found in (
			(self.ages, "xAxis", [(summary.age_label(one.name), one.amount) for one in ages]),
			(
				self.customers,
				"yAxis",
				[(one.name, one.amount) for one in review.by_customer(CUSTOMERS_IN_CHART)],
			),
		):
			chart.options[axis]["data"] = [name for name, _amount in found]
			chart.options["series"][0]["data"] = [float(amount) for _name, amount in found]
			chart.update()

	def show_new_totals(self) -> None:
		"""Show the totals after a tick or an amount. The buttons beside the footer's total are kept: a click on a
		button that is built anew would be lost."""
		self.show_totals()
		self.footer_total.set_text(self.selected_total())

	# ------------------------------------------------------------------------------------------------ lists

	def list_with_facts(self, name: str) -> None:
		with ui.element("div").classes("bar").style("padding: 8px 0"):
			ui.input(
				placeholder=str(t("Filter: voucher, customer, account")),
				on_change=lambda event: filter_list(name, event.value),
			).props("dense outlined clearable debounce=150").classes(f"grow quick-filter filter-{name}")
			if name == FOUND:
				ui.label(str(t("Space: select. Enter: change the amount."))).classes("soft small")
		with ui.element("div").classes("workbench"):
			assert self.review.decision
			options = grids.balances(name, self.review.decision.company_currency)
			ui.aggrid(options, theme="balham", auto_size_columns=False).classes(f"grid list-{name}")
			with ui.element("div").classes(f"facts facts-{name}") as where:
				ui.label(str(t("Select a row to see its details."))).classes("soft")
		if name == FOUND:
			self.facts_of_found = where
		else:
			self.facts_of_left_out = where

	# ---------------------------------------------------------------------------------------------- entries

	@ui.refreshable_method
	def entries(self) -> None:
		planned = self.planned
		if not planned:
			ui.label(str(t("Open this tab to plan the entries."))).classes("soft").style("padding: 16px 0")
			return
		currency = planned.company_currency
		with ui.element("div").classes("stack").style("padding-top: 10px"):
			ui.label(
				str(
					t(
						"Journal Entries on {day}: {count}, {total}",
						count=len(planned.entries),
						day=planned.policy.posting_date,
						total=totals_of(planned.write_off, currency),
					)
				)
			).classes("text-weight-bold")
			with ui.element("table").classes("accounts"):
				with ui.element("tr"):
					heads = (
						t("Account"),
						t("Debit {currency}", currency=currency),
						t("Credit {currency}", currency=currency),
					)
					for index, head in enumerate(heads):
						with ui.element("th").classes("n" if index else ""):
							ui.label(str(head))
				for account, debit, credit in summary.by_account(planned.entries):
					with ui.element("tr"):
						for index, text in enumerate(
							(account, amount_or_blank(debit), amount_or_blank(credit))
						):
							with ui.element("td").classes("n" if index else ""):
								ui.label(text)
			ui.aggrid(grids.entries(currency), theme="balham", auto_size_columns=False).classes(
				"grid list-entries"
			)

	async def plan(self) -> bool:
		"""Plan the entries for the ticked rows; returns whether there are any."""
		if not self.fields.read_values():
			return False
		# The browser sends ticks with a delay: fetch pending ones, so that the plan matches the screen.
		if pending := await ui.run_javascript(f"arWriteOff.pendingTicks({FOUND!r})", timeout=10):
			self.take_ticks(pending)
		try:
			self.apply_posting_settings()
			self.planned = await run.io_bound(self.review.decision_of_ticks)
		except InvalidPolicy as error:
			self.planned = None
			ui.notify(str(error), type="warning")
		self.entries.refresh()
		return self.planned is not None

	# ----------------------------------------------------------------------------------------------- footer

	@ui.refreshable_method
	def footer(self) -> None:
		review = self.review
		with ui.element("div").classes("bar"):
			if not review.decision:
				ui.label(str(t("No report yet."))).classes("soft grow")
				return
			self.footer_total = ui.label(self.selected_total()).classes("total ticked-total")
			ui.label(str(write_off_notice())).classes("soft small grow")
			ui.button(str(t("Preview")), on_click=self.on_preview).props("no-caps outline").classes("preview")
			ui.button(str(t("Confirm")), on_click=self.on_confirm).props("no-caps unelevated").classes(
				"confirm"
			)

	def selected_total(self) -> str:
		assert self.review.decision
		count, _customers, total = self.review.ticked()
		return str(
			t(
				"Selected: {count}, total: {total} {currency}",
				count=count,
				total=total if count else Decimal("0.00"),
				currency=self.review.decision.company_currency,
			)
		)

	# ----------------------------------------------------------------------------------------------- events

	async def on_upload(self, event: events.UploadEventArguments) -> None:
		path = await self.save_upload(event)
		event.sender.reset()  # type: ignore[attr-defined]
		if path.suffix.lower() == ".toml":
			await self.apply_change(lambda: self.load_policy(path))
		else:
			await self.apply_change(lambda: self.use(path))

	async def on_upload_party(self, event: events.UploadEventArguments) -> None:
		path = await self.save_upload(event)
		await self.apply_change(lambda: self.review.read_party_currency(path))

	async def save_upload(self, event: events.UploadEventArguments) -> Path:
		"""Save an uploaded file in a folder of its own, which is deleted when the page ends."""
		folder = self.scratch / f"file-{len(list(self.scratch.iterdir()))}"
		folder.mkdir()
		path = folder / (Path(event.file.name.replace("\\", "/")).name or "file")
		await event.file.save(path)
		return path

	def use(self, path: Path) -> None:
		self.pending = path
		self.review.read(path)

	def load_policy(self, path: Path) -> None:
		self.review.settings = {**self.review.settings, **policy.read_file(path)}

	async def on_form(self) -> None:
		comma = {"": None, "comma": True, "point": False}[self.form_sign.value]
		form = Format(self.form_date.value or None, comma)
		encoding = self.form_encoding.value

		def again() -> None:
			self.review.form, self.review.encoding = form, encoding
			if self.pending and self.pending != self.review.path:
				self.review.read(self.pending)
			else:
				self.review.read_again(form, encoding)

		if self.pending:
			await self.apply_change(again)
		else:
			self.review.form, self.review.encoding = form, encoding

	async def on_find(self) -> None:
		if self.fields.read_values() and self.review.main:
			await self.apply_change(lambda: None)

	async def apply_change(self, change: Callable[[], None]) -> None:
		"""Make a change, search again and show the result. An error is shown, and the previous result stays."""

		def work() -> None:
			change()
			self.review.find(date.today())

		working = ui.notification(str(t("Working...")), spinner=True, timeout=None, position="top")
		self.error = None
		self.planned = None
		try:
			await run.io_bound(work)
		except (InvalidFile, InvalidPolicy) as error:
			self.error = error
		finally:
			working.dismiss()
		self.refresh()

	async def on_ticked(self, event: events.GenericEventArguments) -> None:
		self.take_ticks(event.args)
		if self.tabs.value == ENTRIES:
			await self.plan()

	def take_ticks(self, args: dict[str, Any]) -> None:
		if args["number"] != self.review.number:
			return
		self.review.tick(lists.unpack_bits(args["flags"], len(self.review.flags)))
		self.planned = None
		self.show_new_totals()

	def on_row_focused(self, event: events.GenericEventArguments) -> None:
		index, decision = int(event.args["id"]), self.review.decision
		if not decision:
			return
		if event.args["list"] == FOUND and index < len(self.review.rows):
			facts.show(self.facts_of_found, decision, self.review.rows[index], self.review.amounts[index])
		elif event.args["list"] == LEFT_OUT and index < len(self.review.left_out):
			verdict = self.review.left_out[index]
			facts.show(self.facts_of_left_out, decision, verdict, verdict.amount)

	def on_amount_typed(self, event: events.GenericEventArguments) -> None:
		args = event.args
		index = int(args["id"])
		if args["number"] != self.review.number:
			return
		try:
			self.review.set_amount(index, args["typed"])
		except InvalidSetting as error:
			ui.notify(str(error), type="negative", timeout=8000)
			return
		self.planned = None
		amount, base = self.review.amounts[index], self.review.base_amounts[index]
		ui.run_javascript(f"arWriteOff.setAmount({index}, {float(amount)}, {float(base)})")
		assert self.review.decision
		facts.show(self.facts_of_found, self.review.decision, self.review.rows[index], amount)
		self.show_new_totals()

	async def on_tab(self, event: events.ValueChangeEventArguments[Any]) -> None:
		if event.value == ENTRIES:
			await self.plan()

	async def on_preview(self) -> None:
		if self.tabs.value == ENTRIES:
			await self.plan()
		self.tabs.set_value(ENTRIES)

	async def on_key(self, event: events.GenericEventArguments) -> None:
		if event.client is not self.client:
			return
		if event.args == "?":
			self.show_keys()
		elif event.args == "f":
			await self.on_find()
		elif self.review.decision:
			await (self.on_preview() if event.args == "p" else self.on_confirm())

	def show_keys(self) -> None:
		with ui.dialog(value=True), ui.card():
			ui.label(str(t("Keys"))).classes("text-h6")
			for key, text in (
				("/", t("Filter the list")),
				("↑ ↓", t("Move in the list")),
				(str(t("Space")), t("Select or deselect the row")),
				(str(t("Enter")), t("Change the amount in the column Write off")),
				("F", t("Find invoices with the criteria")),
				("P", t("Preview the entries")),
				("C", t("Confirm")),
				("?", t("Show these keys")),
			):
				with ui.element("div").classes("fact"):
					ui.label(key).classes("text-weight-bold")
					ui.label(str(text))

	# ---------------------------------------------------------------------------------------------- confirm

	async def on_confirm(self) -> None:
		if not self.fields.read_values():
			return
		missing = self.review.missing()
		for name, text in missing.items():
			self.fields.show_error(name, text)
		if missing:
			ui.notify(" ".join(str(text) for text in missing.values()), type="warning")
			return
		if not await self.plan() or not self.planned:
			return
		planned = self.planned
		chosen_policy = planned.policy
		with (
			self.dialogs,
			ui.dialog(value=True) as dialog,
			ui.card().classes("confirming").style("max-width: 640px"),
		):
			ui.label(str(t("Write the files?"))).classes("text-h6")
			for label, value in (
				(t("Company"), chosen_policy.company),
				(t("Criteria"), criteria(chosen_policy.criteria, planned.company_currency)),
				(t("To write off"), totals_of(planned.write_off, planned.company_currency)),
				(
					t("Journal Entries"),
					str(t("{count} on {day}", count=len(planned.entries), day=chosen_policy.posting_date)),
				),
				(t("Account"), chosen_policy.offset_account),
				(t("Folder"), str(self.out.resolve())),
			):
				with ui.element("div").classes("fact"):
					ui.label(str(label)).classes("soft")
					ui.label(value)
			ui.label(str(write_off_notice())).classes("soft")
			ui.label(
				str(
					t(
						"The import does not check the balances again. Import the file before other entries are posted."
					)
				)
			).classes("soft")
			with ui.element("div").classes("bar").style("justify-content: flex-end"):
				ui.button(str(t("Back")), on_click=dialog.close).props("flat no-caps")

				async def write() -> None:
					# A double click sends its second click before the dialog is closed.
					if button.enabled:
						button.disable()
						dialog.close()
						await self.write(planned)

				button = ui.button(str(t("Write the files")), on_click=write)
				button.props("no-caps unelevated").classes("write")

	def apply_posting_settings(self) -> None:
		"""Apply company, accounts and posting settings, which do not change the list.

		Raises:
		    InvalidPolicy: the criteria are invalid or have changed since the search.
		"""
		decision, main = self.review.decision, self.review.main
		assert decision and main
		chosen_policy = policy.make(self.review.settings, today=date.today(), report_date=main.report_date)
		now = decision.policy
		changed = replace(
			chosen_policy,
			company=now.company,
			offset_account=now.offset_account,
			cost_center=now.cost_center,
			entries_per=now.entries_per,
			posting_date=now.posting_date,
		)
		if changed != now:
			raise InvalidPolicy(t("The criteria were changed. Press Find Invoices first."))
		decision.policy = chosen_policy

	async def write(self, planned: Decision) -> None:
		sources = [path for path in (self.review.path, self.review.party_path) if path]
		working = ui.notification(str(t("Writing...")), spinner=True, timeout=None, position="top")
		try:
			written = await run.io_bound(
				files.write, planned, sources, self.out, datetime.now(), getpass.getuser()
			)
			self.written = written or []
		except OSError as error:
			ui.notify(
				str(t("{path} cannot be written: {error}.", path=self.out.resolve(), error=error.strerror)),
				type="negative",
				timeout=None,
				close_button=True,
			)
			return
		finally:
			working.dismiss()
		purposes = {
			files.ENTRIES: t(
				"Journal Entries for ERPNext: Data Import, Journal Entry, Insert New Records, Submit After Import."
			),
			files.SPREADSHEET: t(
				"The evidence as a spreadsheet: balances written off, balances excluded with reasons, and the"
				" entries."
			),
			files.PAGE: t(
				"The evidence as a page, to print or to save as PDF, with the fingerprints of the files."
			),
		}
		with self.dialogs, ui.dialog(value=True), ui.card().classes("written").style("max-width: 640px"):
			ui.label(str(t("Written"))).classes("text-h6")
			ui.label(str(self.written[0].parent.resolve())).classes("soft folder")
			for path in self.written:
				with ui.element("div").classes("bar"):
					ui.button(path.name, icon="download", on_click=lambda path=path: ui.download(path)).props(
						"flat no-caps dense"
					).classes("download")
					ui.label(str(purposes[path.name])).classes("soft small grow")


def amount_or_blank(amount: Decimal) -> str:
	return words.number(amount) if amount else ""


def filter_list(name: str, text: str | None) -> None:
	"""Show only rows that contain this text."""
	ui.run_javascript(f"arWriteOff.filter({json.dumps(name)}, {json.dumps(text or '')})")
