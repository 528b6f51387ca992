"""The rules of a write-off, without a database.

Pure Python: frozen dataclasses in, `(result, reasons)` out, money as Decimal. Nothing here imports frappe,
so every rule runs in a unit test in microseconds and in the offline preview alike.
"""
