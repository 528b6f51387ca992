"""Posting of approved items as Journal Entries: planning, batches, workers, entries."""
