"""Points at which a worker of a test stops until it is told to go on. Loaded into the worker by patched_worker.py.

A point that the test does not hold is passed without a trace. Nothing of this is in the app: the app's functions are
wrapped from outside, in the worker's process only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOLDS = "AR_WRITEOFF_TEST_HOLDS"


def reach(point: str) -> None:
	"""Stop here as long as the file `<point>.hold` is there; `<point>.reached` says that we did."""
	folder = Path(os.environ[HOLDS])
	hold = folder / f"{point}.hold"
	if not hold.exists():
		return
	(folder / f"{point}.reached").write_text(str(os.getpid()))
	while hold.exists():
		time.sleep(0.01)


def after(owner: Any, function: str, point: str) -> None:
	"""Stop at `point` each time that this function of a module or class has returned."""
	original: Callable = getattr(owner, function)

	def wrapped(*args: Any, **kwargs: Any) -> Any:
		result = original(*args, **kwargs)
		reach(point)
		return result

	setattr(owner, function, wrapped)


def install() -> None:
	from ar_writeoff.posting import entries as journal
	from ar_writeoff.posting import ledger as posting
	from ar_writeoff.posting import service as job
	from ar_writeoff.run import worker
	from ar_writeoff.undo import service as undo

	after(job, "lock_items", "items_locked")
	after(posting, "look_again", "looked")
	after(journal, "submit", "submitted")  # the Journal Entry is submitted, nothing is committed
	after(job, "record_batch", "before_commit")
	after(worker.WorkerSession, "should_publish", "after_commit")  # asked when a batch is committed
	after(undo, "undo_entry", "undone")  # an entry is undone, nothing is committed
