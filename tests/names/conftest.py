"""`make names ARGS=--rewrite` brings signatures.txt up to date with the app and the release that is installed."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
	parser.addoption("--rewrite", action="store_true", help="write signatures.txt anew")
