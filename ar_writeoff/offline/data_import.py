"""Journal Entries as a CSV file for ERPNext's Data Import (Journal Entry, Insert New Records)."""

from __future__ import annotations

import csv
from pathlib import Path

from ar_writeoff.core.criteria import DEBIT
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.progress import bar
from ar_writeoff.offline.words import t
from ar_writeoff.posting.rules import EntryPlan, Row

VOUCHER_TYPE = "Write Off Entry"

# Field names instead of labels, because they do not depend on the site's language.
ENTRY_COLUMNS = ("voucher_type", "company", "posting_date", "multi_currency", "user_remark")
ROW_COLUMNS = (
	"accounts.account",
	"accounts.party_type",
	"accounts.party",
	"accounts.reference_type",
	"accounts.reference_name",
	"accounts.cost_center",
	"accounts.exchange_rate",
	"accounts.debit_in_account_currency",
	"accounts.credit_in_account_currency",
)


def write(path: Path, decision: Decision) -> None:
	"""Write the entries to a CSV file: the first row of each entry has the fields of the entry, its other rows leave
	them empty."""
	with path.open("w", encoding="utf-8", newline="") as file:
		writer = csv.writer(file)
		writer.writerow([*ENTRY_COLUMNS, *ROW_COLUMNS])
		for plan in bar(decision.entries, len(decision.entries), str(t("Writing {name}", name=path.name))):
			values = entry_values(plan, decision)
			for row in plan.rows:
				writer.writerow([*values, *row_values(row)])
				values = [""] * len(ENTRY_COLUMNS)


def entry_values(plan: EntryPlan, decision: Decision) -> list[str]:
	policy = decision.policy
	foreign = any(row.currency != decision.company_currency for row in plan.rows)
	cutoff = policy.criteria.cutoff_date
	remark = str(
		t("Write-off of debit balances as of {cutoff}", cutoff=cutoff)
		if policy.criteria.balance_type == DEBIT
		else t("Write-off of credit balances as of {cutoff}", cutoff=cutoff)
	)
	return [VOUCHER_TYPE, policy.company, str(policy.posting_date), str(int(foreign)), remark]


def row_values(row: Row) -> list[str]:
	return [
		row.account,
		"Customer" if row.customer else "",
		row.customer,
		row.reference_type,
		row.reference_name,
		dict(row.dimensions).get("cost_center", ""),
		f"{row.exchange_rate:f}",
		str(row.amount) if row.amount > 0 else "",
		str(-row.amount) if row.amount < 0 else "",
	]
