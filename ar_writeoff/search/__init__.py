"""From criteria to the items of a run: balances found in the Payment Ledger and judged."""
