"""The Report of a run, made of what is heard of it: of one that failed, too, as far as it came."""

from __future__ import annotations

import time

from parapply.model.events import Begun, ChunkDone, Event, Published, RowsFailed
from parapply.model.job import Job
from parapply.model.records import members, replace
from parapply.model.report import Report


class Recorder:
    """A listener that knows at any time what has come of the run so far."""

    def __init__(self, job: Job) -> None:
        self._began = time.perf_counter()
        self._known = Report(
            rows_in=0, rows_out=0, columns=(), made=(), shape="none", chunks=0, workers=0,
            backend=job.backend, seconds=0.0, output=job.output,
        )  # fmt: skip

    def on(self, event: Event) -> None:
        """Take down what counts."""
        known = self._known
        if isinstance(event, ChunkDone):
            rows_in, rows_out = known.rows_in + event.rows_in, known.rows_out + event.rows_out
            self._known = replace(
                known, rows_in=rows_in, rows_out=rows_out, chunks=known.chunks + 1
            )
        elif isinstance(event, RowsFailed):
            self._known = replace(known, failed=event.failed, causes=event.causes)
        elif isinstance(event, (Begun, Published)):
            self._known = replace(known, **members(event))

    def report(self) -> Report:
        """Return what has come of the run by now."""
        return replace(self._known, seconds=time.perf_counter() - self._began)
