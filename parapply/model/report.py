"""What came of a run, for the person who asked for it."""

from __future__ import annotations

from parapply.model.outcome import Cause
from parapply.model.records import field, record


@record
class Report:
    """What came of a job; durations in seconds."""

    rows_in: int
    rows_out: int
    columns: tuple[str, ...]
    made: tuple[str, ...]  # those of the columns that the function made
    shape: str  # what the function returned: scalar, fields (dicts), table, or filter
    chunks: int
    workers: int
    backend: str
    seconds: float
    output: str
    failed: int = 0  # rows that were set aside
    causes: tuple[Cause, ...] = ()  # the most frequent first
    counts: dict[str, int] = field(default_factory=dict)  # of worker.count(), over all workers
    gauges: dict[str, float] = field(default_factory=dict)  # of worker.gauge(), the last
    stopped: bool = False  # by worker.stop(): not all rows of the input were worked on
    groups: int | None = None  # how often the function was called, where it is given groups
    sorted_bytes: int = 0  # on disk, of rows that were sorted to bring groups together
    hints: tuple[str, ...] = ()  # lines on what the person may have meant otherwise
    notes: tuple[str, ...] = ()  # lines on what is not as it should be, beside the output
