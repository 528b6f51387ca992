"""Limits, second approver, seals and notifications: the approval of runs."""
