"""The rules of a write-off, without a database.

Plain Python: frozen dataclasses in, results and reasons out, amounts as Decimal. Nothing here imports Frappe, so the
unit tests and the offline preview use the same rules.
"""
