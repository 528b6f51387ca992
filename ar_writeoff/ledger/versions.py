"""Feature detection for differences between releases of ERPNext and Frappe."""

import frappe


def order_advances_on_payments() -> bool:
	"""Whether an advance on an order is a balance of the payment, as on 15.102 and 16, not of the order, as on 15.71."""
	return frappe.get_meta("Payment Entry Reference").has_field("advance_voucher_no")
