"""Holds: balances that are left out of write-offs until a date, with the reason and the user who set them."""
