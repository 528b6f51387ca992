"""An approval Workflow for Write-Off Runs, created inactive on install.

Not a fixture, which would overwrite changes of the Workflow on every migrate.
"""

import frappe

NAME = "Write-Off Run Approval"

DRAFT, PENDING, APPROVED, REJECTED = "Draft", "Pending Approval", "Approved", "Rejected"
REQUEST = "Request Approval"

# state, style, docstatus, role that may edit
STATES = (
	(DRAFT, "", 0, "Accounts User"),
	(PENDING, "Warning", 0, "Accounts Manager"),
	(REJECTED, "Danger", 0, "Accounts User"),
	(APPROVED, "Success", 1, "Accounts Manager"),
)

# state, action, next state, role, allow self approval
TRANSITIONS = (
	(DRAFT, REQUEST, PENDING, "Accounts User", 1),
	(REJECTED, REQUEST, PENDING, "Accounts User", 1),
	(PENDING, "Approve", APPROVED, "Accounts Manager", 0),
	(PENDING, "Reject", REJECTED, "Accounts Manager", 1),
)


def create() -> str:
	"""Create the Workflow if it does not exist; return its name."""
	if frappe.db.exists("Workflow", NAME):
		return NAME
	for state, style, _docstatus, _role in STATES:
		if not frappe.db.exists("Workflow State", state):
			frappe.get_doc(
				{"doctype": "Workflow State", "workflow_state_name": state, "style": style}
			).insert(ignore_permissions=True)
	for action in {action for _state, action, *_rest in TRANSITIONS}:
		if not frappe.db.exists("Workflow Action Master", action):
			frappe.get_doc({"doctype": "Workflow Action Master", "workflow_action_name": action}).insert(
				ignore_permissions=True
			)
	frappe.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": NAME,
			"document_type": "Write-Off Run",
			"workflow_state_field": "workflow_state",
			"is_active": 0,
			"send_email_alert": 0,
			"states": [
				{"state": state, "doc_status": str(docstatus), "allow_edit": role}
				for state, _style, docstatus, role in STATES
			],
			"transitions": [
				{
					"state": state,
					"action": action,
					"next_state": following,
					"allowed": role,
					"allow_self_approval": self_approval,
				}
				for state, action, following, role, self_approval in TRANSITIONS
			],
		}
	).insert(ignore_permissions=True)
	return NAME


def remove_states_and_actions() -> None:
	"""Remove the states and actions that were added, unless a Workflow uses them."""
	for state in (DRAFT, PENDING):
		if not frappe.db.exists("Workflow Document State", {"state": state}):
			frappe.delete_doc("Workflow State", state, ignore_permissions=True, ignore_missing=True)
	if not frappe.db.exists("Workflow Transition", {"action": REQUEST}):
		frappe.delete_doc("Workflow Action Master", REQUEST, ignore_permissions=True, ignore_missing=True)
