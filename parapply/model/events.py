"""What happens in a run, as listeners in the parent are told, in the order in which it happens.

A listener must be quick: the run waits for it. What it raises ends the run.
"""

from __future__ import annotations

from typing import Protocol

from parapply.model.outcome import Cause
from parapply.model.records import record
from parapply.model.report import Report


@record
class Begun:
    """The job makes sense, and its inputs are open; workers start."""

    workers: int
    backend: str
    output: str


@record
class Surveyed:
    """The columns and their types are known, and how many rows there are."""

    columns: tuple[str, ...]
    rows: int | None  # None where they are still coming


@record
class Progress:
    """How far a run is, in rows of the input; told about ten times a second, and for each chunk.

    `total` is None while it is not known. `failed`: rows that were set aside.
    """

    computed: int
    written: int
    total: int | None
    failed: int = 0


@record
class ChunkDone:
    """The function was called for a chunk, and its part is written."""

    number: tuple[int, ...]  # its place in the output; of halves that of the whole, and 0 or 1
    rows_in: int
    rows_out: int
    seconds: float | None  # in its worker, reading and writing too; None: done by an earlier run


@record
class RowsFailed:
    """Rows of a chunk were set aside."""

    number: tuple[int, ...]  # the chunk's
    failed: int  # rows so far
    causes: tuple[Cause, ...]  # of all of these


@record
class WorkerLost:
    """A worker died, or ran out of memory, while it was at an item."""

    number: tuple[int, ...]  # the chunk's
    how: str  # "was killed by SIGKILL"


@record
class Published:
    """The output has its name."""

    columns: tuple[str, ...]
    made: tuple[str, ...]
    shape: str
    rows_in: int
    rows_out: int
    stopped: bool
    notes: tuple[str, ...]
    counts: dict[str, int]
    gauges: dict[str, float]
    groups: int | None = None
    hints: tuple[str, ...] = ()
    sorted_bytes: int = 0


@record
class Ended:
    """The run is over, and has left nothing behind but its output: told last, and always."""

    report: Report
    error: BaseException | None  # what `run` raises


Event = Begun | Surveyed | Progress | ChunkDone | RowsFailed | WorkerLost | Published | Ended


class Listener(Protocol):
    """Somebody who wants to know what happens."""

    def on(self, event: Event) -> None:
        """Hear of it, in the parent's main thread."""
        ...
