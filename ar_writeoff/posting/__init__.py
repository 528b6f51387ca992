"""From approved items to Journal Entries: plan, batches, worker, entries."""
