"""Decimals of currencies. An export does not have them; ERPNext's precision depends on the currency."""

from __future__ import annotations

from functools import cache

# Currencies that do not have two decimals.
NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


@cache
def decimals(currency: str) -> int:
	"""Decimals of a currency."""
	return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
