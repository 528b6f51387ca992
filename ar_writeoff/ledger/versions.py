"""The version of ERPNext this site runs, for the few places where the versions differ."""

from importlib import import_module

import erpnext
import frappe

VERSION = int(erpnext.__version__.split(".")[0])
IS_V16 = VERSION >= 16


def advances_stand_on_payments() -> bool:
	"""Whether an advance on an order is a balance of the payment, as on v16, or of the order, as on v15."""
	return frappe.get_meta("Payment Entry Reference").has_field("advance_voucher_no")


def lost_connection_errors() -> tuple[type[Exception], ...]:
	"""What the database driver of this site raises when its connection breaks. v16 brings another driver."""
	driver = import_module(frappe.db.OperationalError.__module__.partition(".")[0])
	return (driver.OperationalError, driver.InterfaceError, driver.InternalError)
