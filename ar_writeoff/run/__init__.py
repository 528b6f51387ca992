"""What the features share of a run: its terms, status, totals, log and workers."""
