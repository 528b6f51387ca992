"""Breakpoints at which a worker process of a test pauses. Loaded into the worker by worker_with_breakpoints.py.

A breakpoint that the test does not hold has no effect. The app's functions are wrapped in the worker's process only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BREAKPOINTS = "AR_WRITEOFF_TEST_BREAKPOINTS"


def pause_at(point: str) -> None:
	"""Wait while the file `<point>.hold` exists; write `<point>.reached` when the wait begins."""
	folder = Path(os.environ[BREAKPOINTS])
	hold = folder / f"{point}.hold"
	if not hold.exists():
		return
	(folder / f"{point}.reached").write_text(str(os.getpid()))
	while hold.exists():
		time.sleep(0.01)


def pause_after(owner: Any, function: str, point: str) -> None:
	"""Pause at `point` after each call of this function of a module or class."""
	original: Callable = getattr(owner, function)

	def wrapped(*args: Any, **kwargs: Any) -> Any:
		result = original(*args, **kwargs)
		pause_at(point)
		return result

	setattr(owner, function, wrapped)


def install() -> None:
	from ar_writeoff.posting import entries as journal
	from ar_writeoff.posting import ledger as posting
	from ar_writeoff.posting import service as job
	from ar_writeoff.posting.fast.ledger_rows import RowWriter
	from ar_writeoff.posting.proof import verdicts
	from ar_writeoff.run import worker
	from ar_writeoff.undo import service as undo

	pause_after(job, "clear_settings_cache", "claimed")  # the claim of a batch is committed
	pause_after(job, "lock_items", "items_locked")
	pause_after(posting, "revalidate_items", "looked")
	pause_after(journal, "submit", "submitted")  # the Journal Entry is submitted, nothing is committed
	pause_after(job, "record_batch", "before_commit")
	pause_after(worker.WorkerSession, "should_publish", "after_commit")  # called when a batch is committed
	pause_after(undo, "undo_entry", "undone")  # an entry is undone, nothing is committed
	pause_after(verdicts, "record", "verdict")  # of a rehearsal, not committed
	pause_after(RowWriter, "create_payment_ledger_entry", "payment_rows")  # in sets, between the two ledgers
