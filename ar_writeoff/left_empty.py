"""Fields that stay empty when nobody filled them."""

from frappe.model.document import Document


class LeftEmpty(Document):
	"""Frappe fills an empty Link from defaults of the same name, such as the default currency or item group, and an
	empty Time with the clock. A search that nobody narrowed would leave balances out without a word.
	"""

	NARROWING = (
		"customer_group",
		"territory",
		"item_group",
		"currency",
		"receivable_account",
		"cost_center",
		"project",
	)

	def __init__(self, *args, **kwargs) -> None:
		super().__init__(*args, **kwargs)
		if self.get("__islocal") and not self.name:
			# As frappe.new_doc makes it, with defaults that nobody asked for.
			self.empty(*self.NARROWING)

	def _set_defaults(self) -> None:
		left_empty = [fieldname for fieldname in self.NARROWING if self.get(fieldname) in (None, "")]
		super()._set_defaults()
		if self.is_new():
			self.empty(*left_empty)

	def empty(self, *fieldnames: str) -> None:
		for fieldname in fieldnames:
			self.set(fieldname, None)
