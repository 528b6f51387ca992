"""Schedules: runs prepared by the calendar and posted within caps."""
