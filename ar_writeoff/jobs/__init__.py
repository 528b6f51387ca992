"""Names that jobs in a queue and other apps call: they stay where they have always been."""

from ar_writeoff.posting.service import post_run
from ar_writeoff.undo.service import undo_run

__all__ = ["post_run", "undo_run"]
