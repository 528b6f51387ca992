"""Stable paths for queued jobs and other apps."""

from ar_writeoff.posting.prove_ahead import prove as prove_posting
from ar_writeoff.posting.service import post_run
from ar_writeoff.review.letters import send_all as send_letters
from ar_writeoff.tax_relief.notices import send_all as send_notices
from ar_writeoff.tax_relief.returns import box_amounts
from ar_writeoff.undo.service import undo_run

__all__ = ["box_amounts", "post_run", "prove_posting", "send_letters", "send_notices", "undo_run"]
