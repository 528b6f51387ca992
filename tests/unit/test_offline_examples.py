"""The sample shows every kind of exclusion that an export can show."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ar_writeoff.core import reasons
from ar_writeoff.offline import decide, export, policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

KINDS = {
	reasons.CUSTOMER_OPTED_OUT,
	reasons.CUSTOMER_DISABLED,
	reasons.CUSTOMER_FROZEN,
	reasons.CUSTOMER_OVER_MAXIMUM,
	reasons.SEPARATE_ADVANCE,
	reasons.DISCOUNTED,
	reasons.ON_ORDER,
	reasons.REFUND,
	reasons.CREDIT_AVAILABLE,
	reasons.REVALUATION,
	reasons.BASE_RESIDUE,
	reasons.WORTH_NOTHING,
}


def test_the_sample_shows_every_kind_of_exclusion() -> None:
	settings = policy.read_file(EXAMPLES / "policy.toml")
	of = export.read(EXAMPLES / "accounts-receivable.csv")
	assert of.notes == [], "the sums of the file are those of its lines"
	decision = decide.decide(
		policy.make(settings, today=date(2026, 11, 21)),
		of,
		export.read(EXAMPLES / "accounts-receivable-party-currency.xlsx"),
	)
	found = {one.reason.code for one in decision.left_out if one.reason}
	assert found == KINDS
	assert len(decision.write_off) > 900
