"""For every test. Nothing here may import Frappe: the unit tests run on machines that have none."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
	config.addinivalue_line("markers", "slow: takes more than a few seconds; leave out with -m 'not slow'")
	config.addinivalue_line("markers", "workers: needs real worker processes")
	config.addinivalue_line("markers", "corrupts_ledgers: leaves inconsistent ledgers on purpose")
