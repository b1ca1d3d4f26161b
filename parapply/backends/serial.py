"""No workers at all: every item is run in the parent, in the caller's thread, one by one.

For a debugger, a profiler, or a job that is too small for anything else. An exception is raised
just as it was, with its traceback; a crash takes the parent with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import connection

from parapply.backends.api import Done, Item, ItemProgress, Outside, PoolConfig, Result, Session
from parapply.backends.pooled import BEAT_S, PATIENCE_S
from parapply.storage.descriptors import Lookout


class Serial:
    """The backend "serial"."""

    def open(self, config: PoolConfig) -> AbstractContextManager[Session]:
        """Return a session; the caller's thread calls `config.start` before the first item."""
        return _opened(config)


@contextmanager
def _opened(config: PoolConfig) -> Iterator[Session]:
    session = _Session(config.start)
    try:
        yield session
    finally:
        if session.begun:
            config.leave()


class _Session:
    def __init__(self, start: Callable[[], None]) -> None:
        self._start, self.begun = start, False
        self.done = 0

    def units(self) -> int:
        return self.done

    def run(
        self,
        task: Callable[[Item, ItemProgress], Result],
        items: Iterator[Item],
        *,
        beat: Callable[[], None] | None = None,
        outside: Outside | None = None,
    ) -> Iterator[Done[Item, Result]]:
        pace = _ItemProgress(self, beat)
        for item in _all(items, outside):
            if not self.begun:
                self.begun = True
                self._start()
            self.done, here = 0, os.getpid()
            try:
                result = task(item, pace)
            finally:
                if os.getpid() != here:
                    os._exit(1)  # a child that the function forked and did not end
            self.done = 0
            yield Done(item, result)


class _ItemProgress:
    """Counts progress, and beats meanwhile: nobody else is there to do it."""

    relieved = False

    def __init__(self, session: _Session, beat: Callable[[], None] | None) -> None:
        self._session, self._beat, self._due = session, beat, 0.0
        self._look = Lookout(apart=False)

    def __call__(self, count: int) -> None:
        self._look(count)
        self._session.done += count
        if self._beat is not None and time.monotonic() >= self._due:
            self._beat()
            self._due = time.monotonic() + BEAT_S

    def within(self, seconds: float | None) -> None:
        pass


def _all(items: Iterator[Item], outside: Outside | None) -> Iterator[Item]:
    """Yield items until no more can come."""
    while True:
        yield from items
        if outside is None or not outside.more:
            return
        connection.wait(list(outside.descriptors()), PATIENCE_S)
        outside.look()
