"""The list of a run: paged, filtered, ticked, summed up, exported."""
