"""What a write-off run would find, from an Accounts Receivable report exported to a file: no site, no bench.

The rules are those of `ar_writeoff.core`, the same that run on a site. Standard library only, but for spreadsheets,
which openpyxl reads and writes: `pip install "ar_writeoff[preview]"`.
"""
