"""The version of ERPNext this site runs, for the few places where the versions differ."""

import erpnext
import frappe

VERSION = int(erpnext.__version__.split(".")[0])
IS_V16 = VERSION >= 16


def advances_stand_on_payments() -> bool:
	"""Whether an advance on an order is a balance of the payment, as on v16, or of the order, as on v15."""
	return frappe.get_meta("Payment Entry Reference").has_field("advance_voucher_no")
