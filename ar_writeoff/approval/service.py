"""Approval of runs: second approver, sealed terms and items, and their verification.

Submit records the terms, seals every selected item and stores a hash over both. Workers post with the recorded terms and
check the seals of the locked items: rows that were changed, added or moved in the database have no valid seal. Links are
sealed by name; later renames and merges are taken from the change log and are not changes.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import frappe
from frappe import _
from frappe.permissions import has_user_permission
from frappe.utils import now

from ar_writeoff.approval import change_log, customer_maximum, limits, seals
from ar_writeoff.approval import seal_rules as core
from ar_writeoff.approval.entry_verification import entry_differences
from ar_writeoff.approval.rules import Authority
from ar_writeoff.core import reasons
from ar_writeoff.core import renames as renaming
from ar_writeoff.core import status as states
from ar_writeoff.core import terms as core_terms
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.renames import Rename
from ar_writeoff.core.run_types import doctype_of, posts_claims
from ar_writeoff.core.terms import Terms
from ar_writeoff.ledger import messages
from ar_writeoff.posting import entry_values
from ar_writeoff.run import terms as run_terms
from ar_writeoff.run.items import BALANCE_FIELDS
from ar_writeoff.run.terms import company_settings

# Sealed fields of an item. Status, entry and message change when it is posted.
SEALED_FIELDS = (*BALANCE_FIELDS, "run", "company", "base_write_off_amount")


def approved_fields(run: str) -> tuple[str, ...]:
	"""Return the sealed fields of a run, besides tables, items and terms from the Settings."""
	fields = (*run_terms.fields_of(run), "submitted_by")
	return fields if posts_claims(run) else (*fields, "by_schedule", "schedule")


def approver_blocker(run: Any, user: str, settings: Any = None) -> str | None:
	"""Return why this user cannot be the second approver of the run; None if the user can, or none is required."""
	settings = company_settings(run.company) if settings is None else settings
	if not settings.require_second_approver:
		return None
	if user in {run.prepared_by, run.changed_by, run.searched_by}:
		return _("You prepared or last changed this run. {0} requires a second approver.").format(run.company)
	return None


def stored_run(run: str) -> Any:
	"""Return the sealed fields and the approval record of a run from the database."""
	doctype = doctype_of(run)
	fields = [*approved_fields(run), "owner", "docstatus", "approval_snapshot", "approval_seal"]
	doc = frappe.db.get_value(doctype, run, fields, as_dict=True)
	for fieldname in run_terms.tables_of(run):
		table = frappe.qb.DocType(frappe.get_meta(doctype).get_field(fieldname).options)
		doc[fieldname] = (
			frappe.qb.from_(table)
			.select(table.star)
			.where((table.parent == run) & (table.parenttype == doctype))
			.orderby(table.idx)
			.run(as_dict=True)
		)
	return doc


def seal_run(run: str, authority: Authority) -> tuple[list[Any], Terms, dict[str, str]]:
	"""Seal the terms and items of a run that is being submitted. Returns the items, the terms, and the approval fields for
	the run: snapshot, hash, seal and limits."""
	# The caller's copy may have dates in another format.
	stored = stored_run(run)
	rows = items_to_seal(run)
	texts, sealed = [], {}
	for row in rows:
		text = item_text(row)
		texts.append(text)
		sealed[row.name] = {"seal": seals.seal(text)}
	frappe.db.bulk_update("Write-Off Run Item", sealed, chunk_size=500, update_modified=False)
	snapshot = core.canonical(
		{
			**{fieldname: stored.get(fieldname) for fieldname in approved_fields(run)},
			**run_terms.terms_record(stored),
			"change_log_until": change_log.last_timestamp(),
		}
	)
	terms = core_terms.from_record(json.loads(snapshot))
	customer_maximum.check_items(rows, terms)
	return (
		rows,
		terms,
		{
			"approval_snapshot": snapshot,
			"approval_hash": core.digest(snapshot, texts),
			"approval_seal": seals.seal(snapshot),
			"limits_applied": json.dumps(
				limits.evidence(authority, stored.submitted_by), indent=1, ensure_ascii=False
			),
		},
	)


def items_to_seal(run: str) -> list[Any]:
	return frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run, "status": states.OPEN, "selected": 1},
		fields=list(SEALED_FIELDS),
		order_by="name asc",
	)


def item_text(row: Any) -> str:
	return seals.canonical_text(row, SEALED_FIELDS)


# The terms


def terms_of(run: Any) -> Terms:
	"""Return the posting terms: current ones for a draft, else the approved ones with current names.

	Raises:
	    frappe.ValidationError: the approval record was changed in the database.
	"""
	if not run.docstatus:
		return run_terms.current_terms(run)
	record = change_log.with_current_names(*record_and_renames(run))
	if not core_terms.is_complete(record):
		# Approved by version 0.1.0, which did not record terms from the Settings.
		now_ = json.loads(core.canonical(run_terms.terms_record(run)))
		record = {**{name: now_[name] for name in core_terms.SETTINGS_FIELDS if name in now_}, **record}
	return core_terms.from_record(record)


def terms_digest(terms: Terms) -> str:
	"""Return a digest of the terms; the form sends the one it has previewed."""
	return core.digest(core.canonical(terms.values()), [])


def record_and_renames(run: Any) -> tuple[dict[str, Any], list[Rename]]:
	"""Return the approval record of a submitted run and the renames since.

	Raises:
	    frappe.ValidationError: the record was changed in the database.
	"""
	if not seals.is_valid(run.approval_snapshot, run.approval_seal):
		messages.throw_reason(Reason.of(reasons.APPROVAL_RECORD_CHANGED))
	record = json.loads(run.approval_snapshot)
	return record, renames_since(run)


def renames_since(run: Any) -> list[Rename]:
	"""Return the renames and merges since the approval. Approvals by version 0.1.0 are older than the log."""
	record = frappe.parse_json(run.approval_snapshot or "{}")
	return change_log.renames_since(record.get("change_log_until"))


def void_reason(run: Any) -> Reason | None:
	"""Return why the approval of a submitted run is void, or None."""
	if not seals.is_valid(run.approval_snapshot, run.approval_seal):
		return Reason.of(reasons.APPROVAL_RECORD_CHANGED)
	before = change_log.with_current_names(*record_and_renames(run))
	after = json.loads(
		core.canonical(
			{
				**{fieldname: run.get(fieldname) for fieldname in approved_fields(run.name)},
				**run_terms.table_values(run),
			}
		)
	)
	changed = [
		name
		for name in (*approved_fields(run.name), *run_terms.tables_of(run.name))
		if before.get(name) != after.get(name)
		# An approval may be older than a criterion, which is empty then.
		and (name in before or after.get(name) not in (None, "0", []))
	]
	if not changed:
		return None
	labels = [frappe.get_meta(doctype_of(run.name)).get_label(name) for name in changed]
	return Reason.of(reasons.RUN_CHANGED_SINCE_APPROVAL, fields="\n".join(labels))


def approved_values(run: Any) -> list[tuple[str, str]]:
	"""Return label and value of the approved terms besides the criteria, or why the approval is void."""
	void = void_reason(run)
	if void:
		return [(_("Approval"), messages.message(void))]
	terms = terms_of(run)
	meta = frappe.get_meta("Write-Off Settings")
	if posts_claims(run.name):
		return [
			(_(meta.get_label("rows_per_entry")), str(terms.rows_per_entry)),
			*entry_values.labels(terms.entry_values or ()),
		]
	values = {
		"cost_center": terms.offset_cost_center,
		"force_cost_center": terms.force_cost_center and _("Yes"),
		"customer_credits": _(terms.customer_credits),
		"credit_threshold": terms.credit_threshold and str(terms.credit_threshold),
		"include_disabled_customers": terms.include_disabled_customers and _("Yes"),
		"include_internal_customers": terms.include_internal_customers and _("Yes"),
		"cancel_payment_requests": terms.cancel_payment_requests and _("Yes"),
		"entries_per": _(terms.entries_per),
		"rows_per_entry": str(terms.rows_per_entry),
	}
	return [
		(_("Write-Off Account"), terms.offset_account or ""),
		*((_(meta.get_label(fieldname)), value) for fieldname, value in values.items() if value),
		*tax_values(terms),
		*entry_values.labels(terms.entry_values or ()),
	]


def tax_values(terms: Terms) -> list[tuple[str, str]]:
	"""Return label and value of the terms for the tax that the entries take."""
	if not terms.tax_method:
		return []
	rule = frappe.get_meta("Write-Off Tax Rule")
	found = [(_(rule.get_label("method")), _(terms.tax_method))]
	if terms.tax_accounts:
		accounts = ", ".join(f"{tax} → {account}" for tax, account in terms.tax_accounts)
		found.append((_(rule.get_label("accounts")), accounts))
	return found


# The items


def sealed_text(row: Any, renames: Sequence[Rename]) -> str | None:
	"""Return the text that matches the seal of an item, with current or previous names of its links; None if the item
	was changed."""
	return next((text for text in possible_texts(row, renames) if seals.is_valid(text, row.seal)), None)


def possible_texts(row: Any, renames: Sequence[Rename]) -> Iterator[str]:
	if not renames:
		yield item_text(row)
		return
	links = [fieldname for fieldname in SEALED_FIELDS if fieldname in change_log.LINK_DOCTYPES]
	names = [
		sorted(renaming.previous_names(renames, change_log.LINK_DOCTYPES[fieldname], row.get(fieldname)))
		for fieldname in links
	]
	for before in product(*names):
		yield item_text({**row, **dict(zip(links, before, strict=True))})


def changed_items(rows: Iterable[Any], renames: Sequence[Rename]) -> set[str]:
	"""Return the names of items that were changed since the approval."""
	return {row.name for row in rows if sealed_text(row, renames) is None}


def verify(run: Any) -> dict[str, Any]:
	"""Verify that terms, items and Journal Entries of a submitted run are as approved. Renames are listed separately."""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(*[item[fieldname] for fieldname in (*SEALED_FIELDS, "seal", "journal_entry")])
		.where((item.run == run.name) & item.seal.isnotnull() & (item.seal != ""))
		.orderby(item.name)
		.run(as_dict=True)
	)
	unapproved = (
		frappe.qb.from_(item)
		.select(item.name)
		.where(
			(item.run == run.name)
			& item.status.isin([states.POSTED, states.CONFLICT])
			& (item.seal.isnull() | (item.seal == ""))
		)
		.orderby(item.name)
		.run(pluck=True)
	)
	renames = renames_since(run)
	texts = {row.name: sealed_text(row, renames) for row in rows}
	changed = [row.name for row in rows if texts[row.name] is None]
	digest = core.digest(run.approval_snapshot or "", [texts[row.name] or item_text(row) for row in rows])
	void = void_reason(run)
	posted = []
	if not void:
		record = json.loads(run.approval_snapshot)
		posted = entry_differences(terms_of(run), rows, all_terms=core_terms.is_complete(record))
	return {
		"intact": digest == run.approval_hash and not (changed or unapproved or void or posted),
		"approval_hash": run.approval_hash,
		"hash_now": digest,
		"criteria": messages.message(void) if void else None,
		"changed_items": changed,
		"unapproved_items": unapproved,
		"posted_otherwise": posted,
		"renamed": rename_lines(run, [text for text in texts.values() if text], renames),
	}


def rename_lines(run: Any, texts: Iterable[str], renames: Sequence[Rename]) -> list[str]:
	"""Return the linked documents that were renamed since the approval and that the current user may see, one line
	each."""
	if not renames:
		return []
	found: set[tuple[str, str, str]] = set()
	for text in (run.approval_snapshot or "{}", *texts):
		found |= change_log.renamed_links(json.loads(text), renames)
	return [
		_("{0}: {1} → {2}").format(_(doctype), old, new)
		for doctype, old, new in sorted(found)
		if not frappe.db.exists(doctype, new) or has_user_permission(frappe.get_doc(doctype, new))
	]


def record_change(run: str, user: str) -> None:
	"""Record that a user changed the selection or amounts of a draft: the user cannot be its second approver, an approval
	request is cleared, and forms with the old list cannot submit it."""
	stamp = now()
	frappe.db.set_value(
		doctype_of(run),
		run,
		{
			"changed_by": user,
			"changed_on": stamp,
			"approval_requested_by": None,
			"approval_requested_on": None,
			"modified": stamp,
			"modified_by": user,
		},
		update_modified=False,
	)
	reset_workflow_state(frappe.get_doc(doctype_of(run), run))


def reset_workflow_state(run: Any) -> None:
	"""Reset a changed draft to the first state of an active Workflow."""
	workflow = run.meta.get_workflow()
	if not workflow:
		return
	doc = frappe.get_cached_doc("Workflow", workflow)
	field, first = doc.workflow_state_field, doc.states[0].state
	state_changed_by_save = run.get_doc_before_save() and run.has_value_changed(field)
	if run.get(field) in (None, first) or state_changed_by_save:
		return
	run.db_set(field, first, update_modified=False)
	run.add_comment("Workflow", _("The terms or the selection changed. Request approval again."))
