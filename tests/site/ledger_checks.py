"""Ledger invariants, and snapshots of the ledgers to compare before and after."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe

CENT = Decimal("0.005")


def _money(value: Any) -> Decimal:
	return Decimal(str(value or 0)).quantize(Decimal("0.000000001"))


def assert_debits_equal_credits(company: str) -> None:
	"""Check that debit equals credit for every voucher and in total, and that accounts in company currency have equal
	amounts in both columns."""
	problems = []
	vouchers = frappe.db.sql(
		"""SELECT voucher_type, voucher_no, SUM(debit), SUM(credit) FROM `tabGL Entry`
		WHERE company = %s AND is_cancelled = 0 GROUP BY voucher_type, voucher_no""",
		company,
	)
	for voucher_type, voucher_no, debit, credit in vouchers:
		if abs(_money(debit) - _money(credit)) >= CENT:
			problems.append(f"{voucher_type} {voucher_no}: debit {debit}, credit {credit}")
	total = sum((_money(row[2]) - _money(row[3]) for row in vouchers), Decimal(0))
	if abs(total) >= CENT:
		problems.append(f"all of {company}: debit and credit differ by {total}")

	# Rows on accounts in company currency must have equal amounts in both columns. (ERPNext's own entries for exchange
	# differences are in company currency only.)
	rows = frappe.db.sql(
		"""SELECT gl.voucher_type, gl.voucher_no, gl.account, gl.debit - gl.credit,
			gl.debit_in_account_currency - gl.credit_in_account_currency
		FROM `tabGL Entry` gl JOIN `tabCompany` c ON c.name = gl.company
		LEFT JOIN `tabJournal Entry` je ON gl.voucher_type = 'Journal Entry' AND je.name = gl.voucher_no
		WHERE gl.company = %s AND gl.is_cancelled = 0 AND gl.account_currency = c.default_currency
			AND COALESCE(je.voucher_type, '') NOT IN ('Exchange Gain Or Loss', 'Exchange Rate Revaluation')
			AND ABS(gl.debit - gl.credit - gl.debit_in_account_currency + gl.credit_in_account_currency) >= 0.005""",
		company,
	)
	for voucher_type, voucher_no, account, base, own in rows:
		problems.append(
			f"{voucher_type} {voucher_no} on {account}: {base}, but {own} in the account's currency"
		)
	assert not problems, "The books do not balance:\n" + "\n".join(problems)


def assert_ple_equals_gl(company: str) -> None:
	"""Check that Payment Ledger and General Ledger agree for every receivable account and party, in company and account
	currency, and that each invoice's outstanding amount is its Payment Ledger balance.
	"""
	problems = []
	sums: dict[tuple, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
	for account, party, base, own in frappe.db.sql(
		"""SELECT gl.account, gl.party, SUM(gl.debit - gl.credit),
			SUM(gl.debit_in_account_currency - gl.credit_in_account_currency)
		FROM `tabGL Entry` gl JOIN `tabAccount` a ON a.name = gl.account
		WHERE gl.company = %s AND gl.is_cancelled = 0 AND a.account_type = 'Receivable'
		GROUP BY gl.account, gl.party""",
		company,
	):
		sums[account, party][:2] = [_money(base), _money(own)]
	for account, party, base, own in frappe.db.sql(
		"""SELECT account, party, SUM(amount), SUM(amount_in_account_currency) FROM `tabPayment Ledger Entry`
		WHERE company = %s AND delinked = 0 AND account_type = 'Receivable' GROUP BY account, party""",
		company,
	):
		sums[account, party][2:] = [_money(base), _money(own)]
	for (account, party), (gl_base, gl_own, ple_base, ple_own) in sums.items():
		if abs(gl_base - ple_base) >= CENT or abs(gl_own - ple_own) >= CENT:
			problems.append(
				f"{account}, {party}: GL {gl_base} / {gl_own}, Payment Ledger {ple_base} / {ple_own}"
			)

	for name, outstanding, balance in frappe.db.sql(
		"""SELECT si.name, si.outstanding_amount, COALESCE(SUM(ple.amount_in_account_currency), 0)
		FROM `tabSales Invoice` si LEFT JOIN `tabPayment Ledger Entry` ple
			ON ple.against_voucher_no = si.name AND ple.against_voucher_type = 'Sales Invoice'
			AND ple.party = si.customer AND ple.delinked = 0
		WHERE si.company = %s AND si.docstatus = 1 GROUP BY si.name
		HAVING ABS(si.outstanding_amount - COALESCE(SUM(ple.amount_in_account_currency), 0)) >= 0.005""",
		company,
	):
		problems.append(f"Sales Invoice {name}: outstanding {outstanding}, Payment Ledger {balance}")
	assert not problems, "The ledgers disagree:\n" + "\n".join(problems)


def assert_roll_forward_equals_gl(company: str) -> None:
	"""Check that the monthly roll-forward report agrees with the General Ledger of the offset accounts."""
	from ar_writeoff.ar_writeoff.report.write_off_roll_forward import write_off_roll_forward as report

	filters = {"company": company, "from_date": "2024-01-01", "to_date": "2027-12-31", "period": "Monthly"}
	_columns, rows, message, _chart, _summary = report.execute(filters)
	ledger = dict(
		frappe.db.sql(
			"""SELECT account, SUM(debit - credit) FROM `tabGL Entry` WHERE company = %s AND is_cancelled = 0
			GROUP BY account""",
			company,
		)
	)
	periods = [row for row in rows if "opening" in row and not row.get("bold")]
	for proof in (row for row in rows if "ledger" in row):
		own = [row for row in periods if row["account"] == proof["account"]]
		moved = sum(row["written_off"] + row["reversed"] + row["recovered"] for row in own)
		assert abs(moved - proof["ledger"]) < 0.005, f"{proof['account']}: {moved}, ledger {proof['ledger']}"
		assert abs(proof["balance"] - ledger.get(proof["account"], 0)) < 0.005, proof
	assert not any(abs(row.get("difference", 0)) >= 0.005 for row in rows), message


def voucher_rows(voucher: str) -> str:
	"""All rows that refer to an invoice, as text for a failure message."""
	lines = [f"Rows of {voucher}:"]
	for doctype, fieldname in (
		("Sales Invoice", "name"),
		("Payment Ledger Entry", "against_voucher_no"),
		("GL Entry", "against_voucher"),
		("Payment Entry Reference", "reference_name"),
		("Journal Entry Account", "reference_name"),
		("Write-Off Run Item", "voucher_no"),
		("Write-Off Run Event", "voucher_no"),
	):
		for row in frappe.get_all(doctype, {fieldname: voucher}, "*", order_by="creation asc"):
			told = {key: str(value) for key, value in row.items() if value not in (None, "", 0, "No")}
			lines.append(f"  {doctype}: {told}")
	return "\n".join(lines)


def assert_register_equals_gl(company: str) -> None:
	"""Check that the register's write-off amount of each run equals the change of the receivable accounts by its entries."""
	from ar_writeoff.ar_writeoff.report.write_off_register import write_off_register as report

	_columns, rows, _message, chart, summary = report.execute({"company": company})
	of_runs: dict[str, float] = defaultdict(float)
	for row in rows:
		of_runs[row.run] += row.written_off
	ledger = dict(
		frappe.db.sql(
			"""SELECT je.write_off_run, SUM(gl.credit - gl.debit) FROM `tabGL Entry` gl
			JOIN `tabJournal Entry` je ON je.name = gl.voucher_no AND gl.voucher_type = 'Journal Entry'
			WHERE gl.company = %s AND gl.is_cancelled = 0 AND gl.party IS NOT NULL AND je.write_off_run IS NOT NULL
			GROUP BY je.write_off_run""",
			company,
		)
	)
	assert ledger, "no run has posted anything"
	for run in of_runs.keys() | ledger.keys():
		assert abs(of_runs[run] - ledger.get(run, 0)) < 0.005, (
			f"{run}: {of_runs[run]}, ledger {ledger.get(run)}"
		)
	reclassified = sum(row.written_off for row in rows if row.method == "Reclassify")
	losses = sum(ledger.values()) - reclassified
	[left] = [one["value"] for one in summary if one["label"] == "Still Written Off"]
	assert abs(left - losses) < 0.005
	assert abs(sum(sum(data["values"]) for data in chart["data"]["datasets"]) - losses) < 0.005


# ----------------------------------------------------------------------------------------------- before and after


@dataclass(frozen=True)
class Snapshot:
	"""Ledger rows that are not cancelled: label of the row -> values."""

	rows: dict[tuple, tuple]

	def diff(self, after: Snapshot) -> list[str]:
		"""The changes, one line each. Cancelled and delinked rows are ignored."""
		lines = []
		for key in sorted(self.rows.keys() | after.rows.keys(), key=str):
			old, new = self.rows.get(key), after.rows.get(key)
			if old == new:
				continue
			label = " / ".join(str(part) for part in key if part not in (None, ""))
			if old is None:
				lines.append(f"+ {label}: {_format(new)}")
			elif new is None:
				lines.append(f"- {label}: {_format(old)}")
			else:
				lines.append(f"~ {label}: {_format(old)} -> {_format(new)}")
		return lines


def _format(values: tuple | None) -> str:
	return ", ".join(
		f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) for value in values or ()
	)


def snapshot(company: str) -> Snapshot:
	"""GL, Payment Ledger, outstanding amounts and statuses of invoices, without cancelled rows.

	Ledger rows with equal labels are summed, so the order and the split of rows do not matter.
	"""
	rows: dict[tuple, tuple] = {}

	def add(kind: str, labels: str, sums: str, table: str, where: str) -> None:
		count = labels.count(",") + 1
		names = ", ".join(f"COALESCE({label.strip()}, '')" for label in labels.split(","))
		found = frappe.db.sql(
			f"SELECT {names}, {sums} FROM `tab{table}` WHERE company = %s AND {where} GROUP BY {labels}",
			company,
		)
		for row in found:
			values = tuple(_money(value) for value in row[count:])
			if any(values):
				rows[(kind, *(str(label) for label in row[:count]))] = values

	add(
		"GL",
		"voucher_type, voucher_no, posting_date, account, party_type, party, cost_center, project, against_voucher_type,"
		" against_voucher",
		"SUM(debit), SUM(credit), SUM(debit_in_account_currency), SUM(credit_in_account_currency)",
		"GL Entry",
		"is_cancelled = 0",
	)
	add(
		"PLE",
		"voucher_type, voucher_no, posting_date, account, party, against_voucher_type, against_voucher_no",
		"SUM(amount), SUM(amount_in_account_currency)",
		"Payment Ledger Entry",
		"delinked = 0",
	)
	for name, outstanding, status in frappe.db.sql(
		"SELECT name, outstanding_amount, status FROM `tabSales Invoice` WHERE company = %s AND docstatus = 1",
		company,
	):
		rows["Sales Invoice", name] = (_money(outstanding), status)
	return Snapshot(rows)


# ------------------------------------------------------------------------------------------------------- to look at


def gl_table(voucher: Any) -> str:
	"""The ledger rows of a voucher as a sorted text table, to compare with an expected one.

	account      | party       | cost center |  debit | credit | against
	Debtors - HL | Anchor Cafe | Main - HL   | 100.00 |        | Sales Invoice ACC-SINV-2026-00001

	Amounts are in company currency, followed by the account currency where it differs: `120.00 (EUR 100.00)`.
	Rows that differ in amount only are summed.
	"""
	name = getattr(voucher, "name", voucher)
	entries = frappe.db.sql(
		"""SELECT gl.account, COALESCE(gl.party, ''), COALESCE(gl.cost_center, ''),
			TRIM(CONCAT(COALESCE(gl.against_voucher_type, ''), ' ', COALESCE(gl.against_voucher, ''))),
			gl.account_currency, c.default_currency, SUM(gl.debit), SUM(gl.credit),
			SUM(gl.debit_in_account_currency), SUM(gl.credit_in_account_currency)
		FROM `tabGL Entry` gl JOIN `tabCompany` c ON c.name = gl.company
		WHERE gl.voucher_no = %s AND gl.is_cancelled = 0 GROUP BY 1, 2, 3, 4, 5, 6, gl.debit > 0
		ORDER BY SUM(gl.credit) > 0, 1, 2, 4, 3""",
		name,
	)
	head = ["account", "party", "cost center", "debit", "credit", "against"]
	table = []
	for account, party, cost_center, against, currency, own, debit, credit, debit_own, credit_own in entries:
		amounts = []
		for base, foreign in ((debit, debit_own), (credit, credit_own)):
			text = f"{base:.2f}" if base or foreign else ""
			if text and currency != own:
				text += f" ({currency} {foreign:.2f})"
			amounts.append(text)
		table.append([account, party, cost_center, *amounts, against])
	widths = [max(len(row[place]) for row in [head, *table]) for place in range(len(head))]
	right = {3, 4}
	right = {head.index("debit"), head.index("credit")}
	lines = []
	for row in [head, *table]:
		cells = [text.rjust(width) if place in right else text.ljust(width)
			for place, (text, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
		lines.append(" | ".join(cells).rstrip())
	return "\n".join(lines)


def balances_by_cost_center(*accounts: str) -> dict[tuple[str, str], float]:
	"""Debit less credit of these accounts, by account and cost center."""
	found: dict[tuple[str, str], float] = {}
	for row in frappe.get_all(
		"GL Entry",
		{"account": ("in", accounts), "is_cancelled": 0},
		["account", "cost_center", "debit", "credit"],
	):
		key = (row.account, row.cost_center)
		found[key] = found.get(key, 0) + row.debit - row.credit
	return found
