"""Runs prepared, and posted within caps, by the calendar."""
