"""Approval: who may submit a run, and that what is posted is what was approved.

On submit the criteria are written down, every selected item gets a seal, and a hash over all of it is kept. The
worker looks at the seals of the items it has locked before it posts them: a row that was changed, added or moved
in the database since has no seal that fits.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

import frappe
from frappe import _
from frappe.utils import now
from frappe.utils.password import get_encryption_key

from ar_writeoff.approval import limits
from ar_writeoff.approval import seal_rules as core
from ar_writeoff.approval.rules import Authority
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.run.terms import offset_of, settings_of

# What is approved of a run besides its items.
APPROVED_FIELDS = (
	"name",
	"company",
	"balance_type",
	"reason",
	"posting_date",
	"cutoff_date",
	"max_invoice_amount",
	"max_customer_amount",
	"ageing_based_on",
	"minimum_age_days",
	"customer_group",
	"territory",
	"item_group",
	"currency",
	"receivable_account",
	"cost_center",
	"project",
	"submitted_by",
	"by_schedule",
	"schedule",
)

# What is approved of an item. Its status, entry and message change when it is posted.
SEALED_FIELDS = (
	"name",
	"run",
	"company",
	"customer",
	"voucher_type",
	"voucher_no",
	"receivable_account",
	"currency",
	"outstanding_amount",
	"base_outstanding_amount",
	"write_off_amount",
	"base_write_off_amount",
)


def why_not_approver(run: Any, user: str, settings: Any = None) -> str | None:
	"""Why this person cannot be the second one to look at the run; None when the Settings do not ask for one."""
	settings = settings_of(run.company) if settings is None else settings
	if not settings.require_second_approver:
		return None
	if user in {run.prepared_by, run.changed_by, run.searched_by}:
		return _(
			"You prepared this run or changed it last, and {0} asks for a second approver: somebody else has to"
			" submit it."
		).format(run.company)
	return None


def as_stored(run: str) -> Any:
	"""What is approved of a run, and what was written down of it, from the database."""
	fields = [*APPROVED_FIELDS, "owner", "approval_snapshot", "approval_seal"]
	doc = frappe.db.get_value("Write-Off Run", run, fields, as_dict=True)
	customer = frappe.qb.DocType("Write-Off Run Customer")
	doc.customers = (
		frappe.qb.from_(customer)
		.select(customer.customer)
		.where((customer.parent == run) & (customer.parenttype == "Write-Off Run"))
		.orderby(customer.idx)
		.run(as_dict=True)
	)
	return doc


def freeze(run: str, offset_account: str, authority: Authority) -> tuple[list[Any], dict[str, str]]:
	"""Seal the items of a run that is being submitted. Returns them, and fields for the run that say what is approved:
	criteria, hash and the limits that applied."""
	# A caller's copy may have the same date in other words.
	stored = as_stored(run)
	secret = secret_of_site()
	rows = rows_to_seal(run)
	texts, seals = [], {}
	for row in rows:
		text = text_of(row)
		texts.append(text)
		seals[row.name] = {"seal": core.seal(secret, text)}
	frappe.db.bulk_update("Write-Off Run Item", seals, chunk_size=500, update_modified=False)
	snapshot = core.canonical(snapshot_of(stored, offset_account))
	return rows, {
		"approval_snapshot": snapshot,
		"approval_hash": core.digest(snapshot, texts),
		"approval_seal": core.seal(secret, snapshot),
		"limits_applied": json.dumps(
			limits.applied(authority, stored.submitted_by), indent=1, ensure_ascii=False
		),
	}


def snapshot_of(run: Any, offset_account: str | None) -> dict[str, Any]:
	"""Criteria, date, and the account that the offset side goes to."""
	return {
		**{fieldname: run.get(fieldname) for fieldname in APPROVED_FIELDS},
		"customers": sorted(row.customer for row in run.customers),
		"offset_account": offset_account,
	}


def rows_to_seal(run: str) -> list[Any]:
	return frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run, "status": states.OPEN, "selected": 1},
		fields=list(SEALED_FIELDS),
		order_by="name asc",
	)


def text_of(row: Any) -> str:
	return core.canonical({fieldname: row.get(fieldname) for fieldname in SEALED_FIELDS})


def secret_of_site() -> str:
	"""A secret that is in the site's configuration and not in its database."""
	return hmac.new(get_encryption_key().encode(), b"ar_writeoff approval", hashlib.sha256).hexdigest()


def tampered(rows: Iterable[Any]) -> set[str]:
	"""Names of the items that are not what was approved."""
	secret = secret_of_site()
	return {row.name for row in rows if not core.intact(secret, text_of(row), row.seal)}


def why_void(run: Any, offset_account: str | None) -> Reason | None:
	"""Why the approval of a submitted run no longer holds; None when it does. `offset_account`: as it would be posted
	with now."""
	if not core.intact(secret_of_site(), run.approval_snapshot or "", run.approval_seal):
		return Reason.of(reasons.APPROVAL_RECORD_CHANGED)
	now_ = core.canonical(snapshot_of(run, offset_account))
	if now_ == run.approval_snapshot:
		return None
	before, after = json.loads(run.approval_snapshot), json.loads(now_)
	changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
	return Reason.of(reasons.RUN_CHANGED_SINCE_APPROVAL, fields="\n".join(changed))


def verify(run: Any) -> dict[str, Any]:
	"""For an auditor: whether the criteria and every item of a submitted run are still as approved."""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(*[item[fieldname] for fieldname in (*SEALED_FIELDS, "seal", "journal_entry", "status")])
		.where((item.run == run.name) & item.seal.isnotnull() & (item.seal != ""))
		.orderby(item.name)
		.run(as_dict=True)
	)
	changed = sorted(tampered(rows))
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
	digest = core.digest(run.approval_snapshot or "", [text_of(row) for row in rows])
	void = why_void(run, offset_of(run).account)
	return {
		"intact": digest == run.approval_hash and not changed and not unapproved and not void,
		"approval_hash": run.approval_hash,
		"hash_now": digest,
		"criteria": messages.message(void) if void else None,
		"changed_items": changed,
		"unapproved_items": unapproved,
	}


def changed(run: str, user: str) -> None:
	"""Somebody changed the selection or the amounts of a draft: that person cannot be its second approver, a
	request for approval is void, and a form that still shows the list as it was cannot submit it."""
	stamp = now()
	frappe.db.set_value(
		"Write-Off Run",
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
	void_workflow_state(frappe.get_doc("Write-Off Run", run))


def void_workflow_state(run: Any) -> None:
	"""Where a Workflow is active, send a draft that was changed back to its first state."""
	workflow = run.meta.get_workflow()
	if not workflow:
		return
	doc = frappe.get_cached_doc("Workflow", workflow)
	field, first = doc.workflow_state_field, doc.states[0].state
	asked_with_this_save = run.get_doc_before_save() and run.has_value_changed(field)
	if run.get(field) in (None, first) or asked_with_this_save:
		return
	run.db_set(field, first, update_modified=False)
	run.add_comment("Workflow", _("The terms or the selection changed: approval has to be requested again."))
