"""The name of a run tells its type."""

from __future__ import annotations

import pytest

from ar_writeoff.core import run_types


@pytest.mark.parametrize(
	("name", "doctype", "field"),
	[
		("WTR-2026-00001", "Write-Off Tax Run", "write_off_tax_run"),
		("WTR-2026-00001-1", "Write-Off Tax Run", "write_off_tax_run"),
		("WOR-2026-00001", "Write-Off Run", "write_off_run"),
		("AWTR-1", "Write-Off Run", "write_off_run"),
		("", "Write-Off Run", "write_off_run"),
	],
)
def test_types(name: str, doctype: str, field: str) -> None:
	assert run_types.doctype_of(name) == doctype
	assert run_types.type_of(name).entry_field == field
	assert run_types.posts_claims(name) == (doctype == run_types.TAX_RUN)
	assert run_types.type_of(name) in run_types.ALL


def test_the_names_of_doctypes() -> None:
	assert (run_types.TAX_RUN, run_types.TAX_CLAIM) == ("Write-Off Tax Run", "Write-Off Tax Claim")
