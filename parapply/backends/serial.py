"""No workers at all: every item is run in the parent, in the caller's thread, one by one.

For a debugger, a profiler, or a job that is too small for anything else. An exception is raised
just as it was, with its traceback; a crash takes the parent with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import connection

from parapply.backends import Crew, Done, Item, Outside, Result, Session
from parapply.backends.pooled import BEAT_S, PATIENCE_S


class Serial:
    """The backend "serial"."""

    def open(self, crew: Crew) -> AbstractContextManager[Session]:
        """Return a session; `crew.start` is called in the caller's thread before the first item."""
        return nullcontext(_Session(crew.start))


class _Session:
    def __init__(self, start: Callable[[], None]) -> None:
        self._start: Callable[[], None] | None = start
        self._units = 0

    def units(self) -> int:
        return self._units

    def run(
        self,
        task: Callable[[Item, Callable[[int], None]], Result],
        items: Iterator[Item],
        *,
        beat: Callable[[], None] | None = None,
        outside: Outside | None = None,
    ) -> Iterator[Done[Item, Result]]:
        progress = self._counting(beat)
        for item in _all(items, outside):
            if self._start is not None:
                self._start()
                self._start = None
            self._units = 0
            result = task(item, progress)
            self._units = 0
            yield Done(item, result)

    def _counting(self, beat: Callable[[], None] | None) -> Callable[[int], None]:
        """Return what counts progress, and beats meanwhile: nobody else is there to do it."""
        due = 0.0

        def progress(count: int) -> None:
            nonlocal due
            self._units += count
            if beat is not None and time.monotonic() >= due:
                beat()
                due = time.monotonic() + BEAT_S

        return progress


def _all(items: Iterator[Item], outside: Outside | None) -> Iterator[Item]:
    """Yield items until no more can come."""
    while True:
        yield from items
        if outside is None or not outside.more:
            return
        connection.wait(list(outside.descriptors()), PATIENCE_S)
        outside.look()
