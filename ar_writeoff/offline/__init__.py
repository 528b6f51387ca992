"""Offline preview and review: what a write-off run would find, from an exported Accounts Receivable report, without a
site or bench.

Uses the rules in `ar_writeoff.core` that run on a site. Standard library only, except for spreadsheets, which need
openpyxl: `pip install "ar_writeoff[preview]"`.
"""
