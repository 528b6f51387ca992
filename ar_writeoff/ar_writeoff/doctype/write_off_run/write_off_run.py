# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A write-off of the balances of one company that match the criteria.

Tests in tests/site: test_find_invoices.py, test_validation.py, test_posting.py, test_undo.py, test_workers.py
"""

from typing import Any, ClassVar, NoReturn

import frappe
from frappe import _
from frappe.utils import cint, comma_and, getdate, now, today

from ar_writeoff.approval import limits, notifications
from ar_writeoff.approval import service as approval
from ar_writeoff.ar_writeoff.doctype.write_off_run import terms
from ar_writeoff.core import criteria, run_types
from ar_writeoff.core import status as states
from ar_writeoff.core.money import AmountError, parse_amount
from ar_writeoff.core.reasons import Reason
from ar_writeoff.criteria_document import CriteriaDocument, settings_criteria
from ar_writeoff.holds.service import hold_items
from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.posting import batches, pause_resume, preview
from ar_writeoff.posting import service as posting
from ar_writeoff.review import export, selection
from ar_writeoff.review import items as run_items
from ar_writeoff.run import gate, items, log
from ar_writeoff.run import status as run_status
from ar_writeoff.run import terms as run_terms
from ar_writeoff.run.arguments import json_argument
from ar_writeoff.search import service as search
from ar_writeoff.undo import ledger as undo_ledger
from ar_writeoff.undo import reinstate as reinstatement
from ar_writeoff.undo import service as undo
from ar_writeoff.validation import throw_field_errors


class WriteOffRun(CriteriaDocument, LatestDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from ar_writeoff.ar_writeoff.doctype.write_off_run_customer.write_off_run_customer import (
			WriteOffRunCustomer,
		)
		from ar_writeoff.ar_writeoff.doctype.write_off_threshold.write_off_threshold import (
			WriteOffThreshold,
		)

		ageing_based_on: DF.Literal["", "Due Date", "Posting Date"]
		amended_from: DF.Link | None
		approval_hash: DF.Data | None
		approval_requested_by: DF.Link | None
		approval_requested_on: DF.Datetime | None
		approval_seal: DF.Data | None
		approval_snapshot: DF.Code | None
		balance_type: DF.Literal["Debit", "Credit"]
		by_schedule: DF.Check
		cancel_when_undone: DF.Check
		changed_by: DF.Link | None
		changed_on: DF.Datetime | None
		company: DF.Link
		conflict_count: DF.Int
		cost_center: DF.Link | None
		currency: DF.Link | None
		customer_group: DF.Link | None
		customers: DF.TableMultiSelect[WriteOffRunCustomer]
		cutoff_date: DF.Date
		excluded_count: DF.Int
		failed_count: DF.Int
		found_count: DF.Int
		held_amount: DF.Currency
		held_count: DF.Int
		item_group: DF.Link | None
		limits_applied: DF.Code | None
		max_customer_amount: DF.Currency
		max_invoice_amount: DF.Currency
		max_original_share: DF.Percent
		min_invoice_amount: DF.Currency
		method: DF.Data | None
		minimum_age_days: DF.Int
		naming_series: DF.Literal["WOR-.YYYY.-"]
		only_remainders: DF.Check
		payment_terms_template: DF.Link | None
		posted_amount: DF.Currency
		posted_count: DF.Int
		posted_on: DF.Datetime | None
		posting_date: DF.Date
		prepared_by: DF.Link | None
		prepared_on: DF.Datetime | None
		project: DF.Link | None
		reason: DF.Link
		receivable_account: DF.Link | None
		recovered_amount: DF.Currency
		remainder_of: DF.Link | None
		return_comment: DF.SmallText | None
		returned_by: DF.Link | None
		returned_on: DF.Datetime | None
		reversal_date: DF.Date | None
		reversal_dated: DF.Check
		reversed_by: DF.Link | None
		reversed_on: DF.Datetime | None
		sales_person: DF.Link | None
		schedule: DF.Link | None
		schedule_key: DF.Data | None
		schedule_period: DF.Data | None
		searched_by: DF.Link | None
		searched_on: DF.Datetime | None
		selected_amount: DF.Currency
		selected_count: DF.Int
		skipped_count: DF.Int
		small_differences: DF.Check
		status: DF.Literal[
			"Draft",
			"Searching",
			"Queued",
			"Posting",
			"Paused",
			"Posted",
			"Partly Posted",
			"Failed",
			"Reversing",
			"Reversed",
		]
		submitted_by: DF.Link | None
		submitted_on: DF.Datetime | None
		territory: DF.Link | None
		thresholds: DF.Table[WriteOffThreshold]
		voucher_kind: DF.Literal[
			"",
			"Sales Invoice",
			"Debit Note",
			"Opening Invoice",
			"Credit Note",
			"Payment Entry",
			"Journal Entry",
			"Dunning",
			"Fees",
		]
	# end: auto-generated types

	# Fields that posting writes to the database.
	RESULTS: ClassVar[list[str]] = [
		"status",
		"modified",
		"found_count",
		"selected_count",
		"excluded_count",
		"held_count",
		"selected_amount",
		"held_amount",
		"posted_count",
		"skipped_count",
		"failed_count",
		"conflict_count",
		"posted_amount",
		"recovered_amount",
		"posted_on",
		"approval_hash",
		"approval_seal",
		"approval_snapshot",
		"limits_applied",
	]

	def as_dict(self, *args: Any, **kwargs: Any) -> frappe._dict:
		"""The document for clients, with the totals of the items the reader may see."""
		values = super().as_dict(*args, **kwargs)
		values.update(self.visible_totals())
		return values

	def before_print(self, settings: Any = None) -> None:
		self.update(self.visible_totals())

	def visible_totals(self) -> dict[str, Any]:
		"""Totals of the items the reader may see, if these are not all items."""
		if self.is_new() or access.of_user().is_unrestricted:
			return {}
		return run_status.calculate_totals(self.name, visible_to=frappe.session.user)[1]

	def before_insert(self) -> None:
		# The results of a run are never copied, neither by the desk on Amend nor through the API.
		for fieldname in self.app_fields():
			self.set(fieldname, None)
		self.status = states.DRAFT
		self.prepared_by = self.changed_by = frappe.session.user
		self.prepared_on = self.changed_on = now()

	def set_defaults_from_settings(self) -> None:
		super().set_defaults_from_settings()
		self.cutoff_date = self.cutoff_date or today()
		self.posting_date = self.posting_date or today()

	def save(self, *args: Any, **kwargs: Any) -> "WriteOffRun":
		"""Save, submit or cancel the run, from the form, REST, a list or a script. The run is locked before Frappe
		compares it with the stored document.

		A run with many Journal Entries is cancelled in the background: it is Reversing until all entries are cancelled.
		"""
		if self.is_new() or not self.name:
			return super().save(*args, **kwargs)
		stored = gate.lock_document(self.name)
		if stored.docstatus == 1 and self.docstatus == 2:
			count = len(undo.live_entries(self.name))
			if count > undo.MAX_ENTRIES_PER_REQUEST:
				return self.cancel_in_background(stored, count)
		return super().save(*args, **kwargs)

	def before_validate(self) -> None:
		"""On save and submit: keep stored evidence and pass the gate."""
		stored = self.get_doc_before_save()
		if stored:
			self.keep_evidence(stored)
			self.check_gate(stored, gate.SUBMIT if self.docstatus == 1 else gate.EDIT)

	def before_update_after_submit(self) -> None:
		stored = self.get_doc_before_save()
		self.keep_evidence(stored)
		self.check_gate(stored, gate.ANNOTATE)

	def before_discard(self) -> None:
		"""v16: pass the gate before a draft is discarded."""
		self.enter(gate.DELETE)

	def check_gate(self, stored: "WriteOffRun", operation: gate.Operation) -> None:
		"""Check that the operation is allowed on the stored run, which is locked."""
		gate.check(stored, operation, permission=not self.flags.ignore_permissions)

	def validate(self) -> None:
		if run_types.doctype_of(self.name or "") != self.doctype:
			frappe.throw(
				_("{0} is no name for a {1}. Change the naming series.").format(self.name, _(self.doctype)),
				title=_("Naming Series"),
			)
		self.flags.settings = run_terms.company_settings(self.company)
		self.validate_terms()
		if self.searched_on and self.criteria_changed():
			self.discard_items()
		if not self.is_new() and self.terms_changed():
			self.changed_by, self.changed_on = frappe.session.user, now()
			self.approval_requested_by = self.approval_requested_on = None
			self.flags.terms_changed = True

	def validate_terms(self) -> None:
		terms.validate(self)
		self.method = accounts.write_off_method(self.reason)

	def future_dates(self) -> list[str]:
		"""Notes on the dates of the run that are in the future."""
		return [
			_("The {0}, {1}, is in the future.").format(
				_(self.meta.get_label(fieldname)), self.get_formatted(fieldname)
			)
			for fieldname in ("cutoff_date", "posting_date")
			if self.get(fieldname) and getdate(self.get(fieldname)) > getdate()
		]

	def on_update(self) -> None:
		if self.docstatus == 0:
			for note in self.future_dates():
				frappe.msgprint(note, alert=True, indicator="orange")
		if self.flags.terms_changed and self.docstatus == 0:
			approval.reset_workflow_state(self)

	def keep_evidence(self, stored: "WriteOffRun") -> None:
		"""Reset the fields the app writes to their stored values, whatever the client sent."""
		for fieldname in (*self.app_fields(), "owner", "creation"):
			self.set(fieldname, stored.get(fieldname))

	def app_fields(self) -> list[str]:
		"""Fields that only the app writes, not a form, an import or a REST call."""
		fields = self.meta.get("fields", {"read_only": 1, "no_copy": 1})
		return [field.fieldname for field in fields if field.fieldname != "amended_from"]

	def terms_changed(self) -> bool:
		"""Whether this save changes anything that is approved."""
		return self.criteria_changed() or any(
			self.has_value_changed(fieldname) for fieldname in ("posting_date", "reason")
		)

	def criteria_changed(self) -> bool:
		before = self.get_doc_before_save()
		return bool(before) and (
			any(self.has_value_changed(fieldname) for fieldname in criteria.SEARCH_FIELDS)
			or self.tables_changed(before)
		)

	def discard_items(self) -> None:
		"""Delete the items that were found with other criteria."""
		frappe.db.delete("Write-Off Run Item", {"run": self.name})
		self.searched_on = self.searched_by = None
		for fieldname in ("found_count", "selected_count", "excluded_count", "selected_amount"):
			self.set(fieldname, 0)

	def before_submit(self) -> None:
		access.check_company(self.company)
		user, settings = frappe.session.user, self.flags.settings
		problem = approval.approver_blocker(self, user, settings)
		if problem:
			frappe.throw(problem, frappe.PermissionError, title=_("Second Approver Needed"))
		posting_terms = run_terms.current_terms(self, settings)
		rules = run_terms.rules_of(posting_terms)
		if self.get("previewed_terms") not in (None, approval.terms_digest(posting_terms)):
			frappe.throw(
				_("Write-Off Settings or the reason changed since the preview. Preview the entries again."),
				title=_("Differs from the Preview"),
			)
		self.flags.authority = limits.authority_for(self, user)
		self.flags.pending = limits.mark_pending(self, user, self.flags.authority)
		if not run_items.has_selected_items(self.name):
			pending = limits.pending_summary(self.name)
			if pending["count"]:
				frappe.throw(
					_("All selected balances are over your limit: {0}").format(
						pending["reasons"][0]["message"]
					),
					frappe.PermissionError,
					title=_("Over Your Limit"),
				)
			self.throw_nothing_selected()
		preview.throw_if_blocked(self, rules)
		self.submitted_by = frappe.session.user
		self.submitted_on = now()
		self.status = states.QUEUED

	def on_submit(self) -> None:
		if self.flags.pending:
			remainder = limits.move_pending_to_draft(self)
			frappe.msgprint(
				_("Balances above your limit were moved to draft {0}.").format(
					frappe.utils.get_link_to_form(self.doctype, remainder)
				),
				title=_("Over Your Limit"),
			)
			notifications.approval_requested(frappe.get_doc(self.doctype, remainder))
		rows, posting_terms, approved = approval.seal_run(self.name, self.flags.authority)
		batches.create_batches(
			self.name, run_terms.rules_of(posting_terms), [(row.name, row.customer) for row in rows]
		)
		_counts, totals = run_status.calculate_totals(self.name)
		frappe.db.set_value(self.doctype, self.name, {**approved, **totals}, update_modified=False)
		reason = self.get("reason")
		log.record(
			self.name,
			"Submitted",
			company=self.company,
			posted_count=self.selected_count,
			amount=self.selected_amount,
			reason=Reason.verbatim(reason) if reason else None,
		)
		posting.start_posting(self.name)
		self.reload_results()

	def throw_nothing_selected(self) -> NoReturn:
		frappe.throw(
			_("No balances are selected. Press Find Invoices and select at least one balance."),
			title=_("No Balances Selected"),
		)

	def cancel_in_background(self, stored: "WriteOffRun", count: int) -> "WriteOffRun":
		self.check_cancel(stored)
		undo.start_undo(stored.name, getdate(stored.posting_date), cancel=True)
		frappe.msgprint(
			_(
				"The {0} Journal Entries of this run are cancelled in the background. When all of them are, the run is cancelled as well."
			).format(count),
			alert=True,
			indicator="blue",
		)
		return self.reload()

	def before_cancel(self) -> None:
		"""Cancel the run as stored: only custom fields, such as a Workflow state, are taken from the client."""
		stored = self.get_doc_before_save()
		for field in self.meta.fields:
			if not field.get("is_custom_field"):
				self.set(field.fieldname, stored.get(field.fieldname))
		self.keep_evidence(stored)
		self.check_cancel(stored)

	def check_cancel(self, stored: "WriteOffRun") -> None:
		self.check_gate(stored, gate.CANCEL)
		cancel_blocker = undo.run_cancel_blocker(stored.name, stored.company, getdate(stored.posting_date))
		throw_field_errors(self, [("posting_date", cancel_blocker)])

	def on_cancel(self) -> None:
		# The entries are cancelled in the same transaction as the run.
		self.ignore_linked_doctypes = ("Journal Entry", "GL Entry", "Payment Ledger Entry")
		undo.cancel_entries(self.name)
		self.db_set("status", states.REVERSED)
		run_status.refresh_totals(self.name)
		self.reload_results()

	def on_trash(self) -> None:
		"""Delete a draft with its items and log. Submitted runs are evidence and cannot be deleted."""
		gate.enter(self.name, gate.DELETE)
		for doctype in (
			"Write-Off Run Item",
			"Write-Off Run Batch",
			"Write-Off Run Event",
			"Write-Off Run Worker",
			"Write-Off Recovery",
		):
			frappe.db.delete(doctype, {"run": self.name})

	def reload_results(self) -> None:
		"""Reload the values that posting wrote to the database, for the form."""
		for fieldname, value in frappe.db.get_value(
			self.doctype, self.name, self.RESULTS, as_dict=True
		).items():
			self.set(fieldname, value)

	def get_saved(self, ptype: str) -> "WriteOffRun":
		"""The run as stored, with the permission checked; unsaved values of the client are ignored."""
		if self.is_new():
			frappe.throw(_("Save the run first."), title=_("Not Saved"))
		run = frappe.get_doc(self.doctype, self.name)
		run.check_permission(ptype)
		access.check_company(run.company)
		return run

	def enter(self, operation: gate.Operation) -> "WriteOffRun":
		"""The run as stored, locked for this operation of the current user."""
		if self.is_new():
			frappe.throw(_("Save the run first."), title=_("Not Saved"))
		return gate.enter(self.name, operation)

	@frappe.whitelist(methods=["POST"])
	def find_invoices(self, background: bool | int | None = None) -> dict[str, Any]:
		"""Replace the items with the balances that match the criteria.

		Returns the number of items found, selected, excluded, and how many were added, dropped and changed since the
		last search. A large search runs in the background (unless `background` says otherwise): the run is then
		Searching, and `{"background": True}` is returned.
		"""
		run = self.enter(gate.FIND)
		if search.needs_worker(run) if background is None else cint(background):
			search.start_search(run.name)
			self.reload()
			return {"background": True}
		counts = search.search_run(run.name)
		self.reload()
		return {**counts, "background": False}

	@frappe.whitelist(methods=["POST"])
	def cancel_search(self) -> dict[str, Any]:
		"""Cancel a background search; the items stay as they were before it."""
		run = self.enter(gate.CANCEL_SEARCH)
		cancelled = search.stop_search(run.name)
		self.reload()
		return {"cancelled": cancelled, "status": self.status}

	@frappe.whitelist(methods=["POST"])
	def set_write_off_amount(self, item: str, amount: float | str) -> dict[str, Any]:
		"""Set the amount to write off of an item, in its currency, with its sign, up to its balance.

		Returns the item's fields. Posting checks the balance again.
		"""
		run = self.enter(gate.SELECT)
		try:
			part = parse_amount(amount)
		except AmountError as error:
			frappe.throw(
				messages.message(Reason.of(error.code, **error.facts)), title=_("Amount to Write Off")
			)
		run_items.set_write_off_amount(run.name, item, part)
		selection.after_selection_change(run)
		self.reload()
		return run_items.item_list_values(run.name, item)

	@frappe.whitelist()
	def get_items(
		self,
		start: int = 0,
		page_length: int = 100,
		sort_by: str = "name",
		sort_order: str = "asc",
		filters: str | dict | None = None,
		with_sums: bool | int = False,
		more_columns: str | list | None = None,
	) -> dict[str, Any]:
		"""One page of items and the number of items under the filters.

		`with_sums`: also their sums by currency. `more_columns`: of `review.items.MORE_COLUMNS`.
		"""
		run = self.get_saved("read")
		parsed = json_argument("filters", filters, dict)
		page = run_items.page(
			run.name,
			start=start,
			page_length=page_length,
			sort_by=sort_by,
			sort_order=sort_order,
			filters=parsed,
		)
		run_items.add_columns(
			run.company, page["items"], json_argument("more_columns", more_columns, list) or []
		)
		return {**page, "sums": run_items.sums(run.name, parsed)} if cint(with_sums) else page

	@frappe.whitelist()
	def get_customers(
		self,
		start: int = 0,
		page_length: int = 100,
		filters: str | dict | None = None,
		with_sums: bool | int = False,
	) -> dict[str, Any]:
		"""One page of customers with the totals of their items under the filters, largest first. `with_sums`: also the sums
		of all items under the filters, by currency."""
		run = self.get_saved("read")
		parsed = json_argument("filters", filters, dict)
		page = run_items.customers_page(run.name, start=start, page_length=page_length, filters=parsed)
		return {**page, "sums": run_items.sums(run.name, parsed)} if cint(with_sums) else page

	@frappe.whitelist(methods=["POST"])
	def set_note(self, item: str, note: str) -> dict[str, Any]:
		"""Set the note of an item of a draft; returns the item's fields. It is not part of what is approved."""
		run = self.enter(gate.SELECT)
		run_items.set_note(run.name, item, note)
		return run_items.item_list_values(run.name, item)

	@frappe.whitelist(methods=["POST"])
	def hold_balances(
		self,
		items: str | list,
		kind: str,
		hold_until: str | None = None,
		note: str | None = None,
		whole_customer: bool | int = False,
	) -> dict[str, Any]:
		"""Put the vouchers of these items of a draft, or their customers, on hold. The items become excluded.

		`hold_until`: the last day; None for no end.
		"""

		# It waits for runs that are being posted. Under a snapshot it could not lock them after they have changed.
		gate.restart_transaction(with_snapshot=False)
		run = gate.enter(self.name, gate.SELECT, restart=False)
		hold_items(
			run,
			frappe.parse_json(items),
			whole_customer=bool(cint(whole_customer)),
			kind=kind,
			hold_until=hold_until,
			note=note,
		)
		selection.after_selection_change(run)
		self.reload()
		return self.summary()

	@frappe.whitelist(methods=["POST"])
	def set_selection(
		self,
		selected: bool | int = True,
		items: str | list | None = None,
		filters: str | dict | None = None,
		invert: bool | int = False,
	) -> dict[str, Any]:
		"""Select or deselect open items: the named ones, those under the filters, or all."""
		run = self.enter(gate.SELECT)
		run_items.select(
			run.name,
			selected=bool(cint(selected)),
			items=json_argument("items", items, list),
			filters=json_argument("filters", filters, dict),
			invert=bool(cint(invert)),
		)
		selection.after_selection_change(run)
		self.reload()
		return self.summary()

	@frappe.whitelist()
	def get_summary(self) -> dict[str, Any]:
		"""Data of the form besides the items: counts, totals, reasons for exclusion, ageing, top customers, items over
		a limit, messages on what blocks approval, posting or cancelling, the drafts with items over the submitter's
		limit, and other drafts with the same balances."""
		run = self.get_saved("read")
		return {**self.summary(), "other_drafts": run_items.other_drafts(run) if run.docstatus == 0 else []}

	def summary(self) -> dict[str, Any]:
		"""`get_summary` without the other drafts, for the answer to each change of the selection."""
		run = self.get_saved("read")
		return {
			"status": run.status,
			"modified": str(run.modified),
			"changed_by": run.changed_by,
			"amounts_editable": int(
				run.docstatus == 0 and run.status == states.DRAFT and not run_types.posts_claims(run.name)
			),
			**run_items.summary(run.name, run.company, submitted=run.docstatus > 0),
			"pending": limits.pending_summary(run.name),
			"approver_blocker": approval.approver_blocker(run, frappe.session.user)
			if run.docstatus == 0
			else None,
			"entry_cancel_blocker": undo.entry_cancel_blocker(
				run.name, run.company, getdate(run.posting_date)
			)
			if run.docstatus == 1
			else None,
			"pause_message": log.pause_message(run.name) if run.status == states.PAUSED else None,
			"posting_notes": preview.posting_notes(run.company)
			or [preview.way_of_posting(run.name, run.company, run.selected_count)]
			if run.status in (states.QUEUED, states.POSTING)
			else [],
			"approval_requested_by": run.approval_requested_by,
			"approval_requested_on": run.approval_requested_on,
			"returned_by": run.returned_by,
			"returned_on": run.returned_on,
			"return_comment": run.return_comment,
			"remainders": frappe.get_list(
				self.doctype, filters={"remainder_of": run.name}, pluck="name", order_by="name asc"
			),
		}

	@frappe.whitelist(methods=["POST"])
	def request_approval(self) -> list[str]:
		"""Notify the users who may submit this run; returns their names."""
		run = self.enter(gate.REQUEST_APPROVAL)
		if not run.selected_count and not run.held_count:
			self.throw_nothing_selected()
		recipients = notifications.approval_requested(run)
		if not recipients:
			frappe.throw(
				_("Approval cannot be requested: no other user may submit this run and has a limit for it."),
				title=_("Request Approval"),
			)
		frappe.db.set_value(
			self.doctype,
			run.name,
			{
				"approval_requested_by": frappe.session.user,
				"approval_requested_on": now(),
				"returned_by": None,
				"returned_on": None,
				"return_comment": None,
			},
			update_modified=False,
		)
		self.reload()
		return [frappe.utils.get_fullname(user) for user in recipients]

	@frappe.whitelist(methods=["POST"])
	def return_to_preparer(self, comment: str) -> list[str]:
		"""Return a draft to its preparer with a comment; returns the names of the users notified."""
		run = self.enter(gate.RETURN)
		comment = comment.strip()
		if not comment:
			frappe.throw(_("Enter the required changes."), title=_("Return to Preparer"))
		recipients = notifications.returned(run, comment)
		frappe.db.set_value(
			self.doctype,
			run.name,
			{
				"returned_by": frappe.session.user,
				"returned_on": now(),
				"return_comment": comment,
				"approval_requested_by": None,
				"approval_requested_on": None,
			},
			# A form opened before the return cannot be submitted.
			update_modified=True,
		)
		run.add_comment("Comment", frappe.utils.escape_html(comment))
		self.reload()
		return [frappe.utils.get_fullname(user) for user in recipients]

	@frappe.whitelist()
	def verify_approval(self) -> dict[str, Any]:
		"""Compare criteria and items with what was approved, by their seals and the hash."""
		run = self.get_saved("read")
		if run.docstatus == 0:
			frappe.throw(_("This run is not approved yet."), title=_("Verify Approval"))
		found = approval.verify(run)
		for key in ("changed_items", "unapproved_items"):
			found[key] = items.visible_names(run.name, found[key])
		return found

	@frappe.whitelist()
	def preview_entries(self, limit: int = 20) -> dict[str, Any]:
		"""The Journal Entries that submitting would create now: totals by account, and the rows of the first `limit`
		entries."""
		run = self.get_saved("read")
		return preview.preview(run, cint(limit), limits.selected_if_submitted(run, frappe.session.user))

	@frappe.whitelist()
	def get_voucher_details(self, item: str) -> dict[str, Any]:
		"""Details of an item's voucher, and earlier write-offs of its customer."""
		run = self.get_saved("read")
		return run_items.item_details(run.name, item)

	@frappe.whitelist(methods=["POST"])
	def export_items(self, file_format: str = "XLSX", filters: str | dict | None = None) -> dict[str, Any]:
		"""Export the items to a private file; returns its URL, or that a worker creates it."""
		run = self.get_saved("export")
		return export.export(run, file_format, json_argument("filters", filters, dict))

	@frappe.whitelist(methods=["POST"])
	def pause(self) -> None:
		"""Stop posting after the batches in progress."""
		pause_resume.pause(self.enter(gate.PAUSE).name)
		self.reload()

	@frappe.whitelist(methods=["POST"])
	def resume(self) -> None:
		"""Continue a paused run."""
		pause_resume.resume(self.enter(gate.RESUME).name)
		self.reload()

	@frappe.whitelist(methods=["POST"])
	def retry_failed(self) -> int:
		"""Post failed items again; returns their number. Skipped items stay: they changed after the approval."""
		count = pause_resume.retry_failed(self.enter(gate.RETRY).name)
		self.reload()
		return count

	@frappe.whitelist(methods=["POST"])
	def reverse(self, posting_date: str | None = None, dated: bool | int = False) -> None:
		"""Undo everything the run has written off and that is not reinstated.

		Entries are cancelled if their period is open, otherwise reversed by entries of `posting_date` (default: today);
		with `dated` they are always reversed.
		"""
		run = self.enter(gate.REVERSE)
		date = getdate(posting_date or today())
		if date < getdate(run.posting_date):
			frappe.throw(
				_("A reversal cannot be dated before the date of the write-off, {0}.").format(
					run.get_formatted("posting_date")
				),
				title=_("Posting Date"),
			)
		if cint(dated) or undo_ledger.cancel_blocker(run.company, getdate(run.posting_date)):
			self.check_open(run.company, date)
		undo.start_undo(run.name, date, always_dated=bool(cint(dated)))
		self.reload()

	@frappe.whitelist(methods=["POST"])
	def reinstate(
		self,
		items: str | list,
		amounts: str | dict | list | None = None,
		posting_date: str | None = None,
	) -> dict[str, str]:
		"""Reinstate balances, in full or in part, so that a late payment can be allocated.

		`amounts`: item -> amount, or amounts in the order of `items`, with the sign of the balance; without one, all
		that is still written off. Returns the Journal Entry of each item.
		"""
		run = self.enter(gate.REINSTATE)
		date = getdate(posting_date or today())
		reinstatement.check_date(run, date)
		names = json_argument("items", items, list) or []
		for name in names:
			run_items.get_item(run.name, name)
		wanted = json_argument("amounts", amounts, list, dict) or {}
		if isinstance(wanted, list):
			if len(wanted) != len(names):
				frappe.throw(_("Enter one amount for each balance, or none."), title=_("Reinstate Balances"))
			wanted = dict(zip(names, wanted, strict=True))
		if unknown := set(wanted) - set(names):
			frappe.throw(
				_("{0} is not among the balances to reinstate.").format(comma_and(sorted(unknown))),
				title=_("Reinstate Balances"),
			)
		entries = reinstatement.reinstate(run.name, {name: wanted.get(name) for name in names}, date)
		self.reload()
		return entries

	def check_open(self, company: str, date: Any) -> None:
		reason = closed_period_message(company, date)
		if reason:
			frappe.throw(reason, title=_("Period closed"))

	@frappe.whitelist()
	def get_progress(self) -> dict[str, Any]:
		"""Progress of posting, or of a background search, from the database."""
		run = self.get_saved("read")
		if run.status == states.SEARCHING:
			return {**run_status.progress(run.name), "search": search.search_progress(run.name)}
		return run_status.progress(run.name)


@frappe.whitelist()
def get_defaults(company: str, doctype: str = "Write-Off Run") -> dict[str, Any]:
	"""Default values of a new run or schedule of this company, from its Write-Off Settings."""
	frappe.has_permission(doctype, "create", throw=True)
	access.check_company(company)
	return settings_criteria(doctype, company)
