"""Additional lines for the sample in `examples/`, so that it shows every reason for exclusion.

Without Frappe: a handful of lines, a few names in the policy, and the total.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

AGE = timedelta(days=200)
# voucher type, number, customer, group, account, account currency, amount in it, amount in company currency
LINES = (
	# On a separate advance account.
	("Journal Entry", "ACC-JV-ADVANCE-1", "Cedar Bookshop", "Bookshops", "Advances Received - LP", "USD", 4.0, 4.0),
	# An advance on an order that was over-refunded.
	("Sales Order", "SAL-ORD-REFUNDED-1", "Birch School", "Schools", "Debtors - LP", "USD", 3.0, 3.0),
	# An unallocated payment to the customer.
	("Payment Entry", "ACC-PAY-REFUND-1", "Elder Library", "Libraries", "Debtors - LP", "USD", 6.5, 6.5),
	# A discounted invoice, see the policy.
	("Sales Invoice", "LP-26-DISCOUNTED", "Gorse Book Wholesale", "Wholesalers", "Debtors - LP", "USD", 8.2, 8.2),
	# A dunning fee as version 14 booked it; it is written off.
	("Dunning", "DUNN-14-1", "Hawthorn Newsagent", "Newsagents", "Debtors - LP", "USD", 5.0, 5.0),
	# An Exchange Rate Revaluation without an invoice.
	("Exchange Rate Revaluation", "ACC-ERR-1", "Iris University", "Universities", "Debtors EUR - LP", "EUR", 0.0, 1.2),
	# Paid, with an exchange difference left.
	("Sales Invoice", "LP-26-RESIDUE", "Juniper Institute", "Universities", "Debtors EUR - LP", "EUR", 0.0, 0.03),
	# Open, but zero in company currency.
	("Sales Invoice", "LP-26-WORTHLESS", "Bali Books", "Bookshops", "Debtors IDR - LP", "IDR", 50.0, 0.0),
	# Over the customer maximum, see the policy.
	*(
		("Sales Invoice", f"LP-26-MANY-{number}", "Yew Reading Room", "Subscribers", "Debtors - LP", "USD", 9.5, 9.5)
		for number in range(1, 6)
	),
)  # fmt: skip
POLICY = {
	"minimum_age_days = 90\n": "minimum_age_days = 90\nmax_customer_amount = 40\n",
	"[leave_out]\n": '[leave_out]\ndiscounted = ["LP-26-DISCOUNTED"]\nadvance_accounts = ["Advances Received - LP"]\n',
}


def add(folder: Path, today: date) -> None:
	"""Add the lines to both reports in this folder, and their data to the policy."""
	import openpyxl

	path = folder / "accounts-receivable.csv"
	with path.open(encoding="utf-8", newline="") as file:
		*before, last = file.readlines()
	heads = next(csv.reader(before[:1]))
	[total] = csv.reader([last], quoting=csv.QUOTE_NONNUMERIC)
	added = list(lines(heads, today, home=True))
	for name in ("Invoiced Amount", "Outstanding Amount", "121-Above"):
		at = heads.index(name)
		total[at] = float(total[at]) + sum(float(row[at]) for row in added)
	with path.open("w", encoding="utf-8", newline="") as file:
		file.writelines(before)
		csv.writer(file, quoting=csv.QUOTE_NONNUMERIC).writerows([*added, total])

	path = folder / "accounts-receivable-party-currency.xlsx"
	book = openpyxl.load_workbook(path)
	for row in lines(heads, today, home=False):
		book.worksheets[0].append(row)
	book.save(path)

	path = folder / "policy.toml"
	text = path.read_text()
	for before, after in POLICY.items():
		text = text.replace(before, after)
	path.write_text(text)


def lines(heads: list[str], today: date, *, home: bool) -> Iterable[list[Any]]:
	"""The lines as rows of the report, in company currency or account currency."""
	posted, due = today - AGE, today - AGE + timedelta(days=30)
	for voucher_type, voucher_no, customer, group, account, currency, amount, base in LINES:
		values = {
			"Posting Date": posted.isoformat() if home else posted,
			"Party Type": "Customer",
			"Party": customer,
			"Receivable Account": account,
			"Cost Center": "Editorial - LP",
			"Voucher Type": voucher_type,
			"Voucher No": voucher_no,
			"Due Date": due.isoformat() if home else due,
			"Invoiced Amount": base if home else amount,
			"Outstanding Amount": base if home else amount,
			"Age (Days)": (today - due).days,
			"121-Above": base if home else amount,
			"Currency": "USD" if home else currency,
			"Territory": "Abroad" if currency != "USD" else "Coast",
			"Customer Group": group,
		}
		numbers = ("Paid Amount", "Credit Note", "0-30", "31-60", "61-90", "91-120")
		yield [values.get(head, 0.0 if head in numbers else "") for head in heads]
