"""Create the index on outstanding amounts where the ledger is small or has the index for the search."""

from ar_writeoff.ledger import covering_index


def execute() -> None:
	if covering_index.exists():
		covering_index.create()
	else:
		covering_index.create_if_small()
