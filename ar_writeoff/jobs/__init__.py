"""Stable paths for queued jobs and other apps."""

from ar_writeoff.posting.service import post_run
from ar_writeoff.undo.service import undo_run

__all__ = ["post_run", "undo_run"]
