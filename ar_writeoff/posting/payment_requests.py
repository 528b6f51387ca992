"""Payment Requests for balances that a run has written off."""

from collections.abc import Iterable

import frappe
from frappe import _

from ar_writeoff.ledger import messages
from ar_writeoff.ledger.open_items import Key, vouchers_by_type
from ar_writeoff.search.open_documents import NOT_PAID


def cancel_requests(run: str, keys: Iterable[Key]) -> None:
	"""Cancel the open Payment Requests for these vouchers in the current transaction, with a comment that names the run.

	One that Frappe or ERPNext does not let be cancelled stays, with the reason in a comment.
	"""
	for voucher_type, vouchers in vouchers_by_type(keys):
		for name in frappe.get_all(
			"Payment Request",
			filters={
				"docstatus": 1,
				"status": ("in", NOT_PAID),
				"reference_doctype": voucher_type,
				"reference_name": ("in", vouchers),
			},
			pluck="name",
			order_by="name asc",
		):
			cancel_request(run, name)


def cancel_request(run: str, name: str) -> None:
	request = frappe.get_doc("Payment Request", name)
	request.flags.ignore_permissions = True
	frappe.db.savepoint("payment_request")
	rejection = messages.validation_message(request.cancel)
	if rejection:
		frappe.db.rollback(save_point="payment_request")
		text = _("The balance was written off by {0}. Cancel this request manually: {1}").format(
			run, rejection
		)
	else:
		text = _("Cancelled: the balance was written off by {0}.").format(run)
	request.add_comment("Info", text)
