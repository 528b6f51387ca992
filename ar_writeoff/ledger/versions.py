"""What differs between releases of ERPNext and Frappe: asked of what is installed, not of its version."""

import frappe


def order_advances_on_payments() -> bool:
	"""Whether an advance on an order is a balance of the payment, as on 15.102 and 16, or of the order, as
	on 15.71."""
	return frappe.get_meta("Payment Entry Reference").has_field("advance_voucher_no")
