"""How many decimals a currency has. An export does not say; ERPNext's precision is that of the currency."""

from __future__ import annotations

from functools import cache

# Those with other than two decimals.
NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


@cache
def decimals(currency: str) -> int:
	"""Decimals of a currency."""
	return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
