"""Workers are threads of this process: for functions that wait, or that let go of the GIL.

Runs in the parent. Nothing is pickled, nothing can be killed: threads that still work when a
session ends before its time are daemons and are not waited for. When one stays away for too long
all are given up, and what the others were at is done again by new ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from multiprocessing.dummy import DummyProcess
from multiprocessing.pool import Pool, ThreadPool
from multiprocessing.queues import SimpleQueue
from typing import Any

from parapply.backends.api import PoolConfig, Session
from parapply.backends.fork_guard import ForkGuard
from parapply.backends.pooled import Death, Pooled
from parapply.backends.shared_memory import SharedLock
from parapply.backends.waiting import in_background
from parapply.backends.worker_loop import SLOT_FIELDS, Codec, Slots, begin


class Threads:
    """The backend "threads"."""

    def open(self, config: PoolConfig) -> AbstractContextManager[Session]:
        """Start the threads; at the end of the context none is left that has nothing to do."""
        return Pooled(config.workers, partial(_WorkerPool, config))


class _Slots(list[int]):
    """The slots of a team; who writes into those of a team that was given up ends there."""

    given_up = False

    def __setitem__(self, place: Any, value: Any) -> None:
        if self.given_up:
            raise _GivenUpError
        super().__setitem__(place, value)


class _GivenUpError(SystemExit):
    """Ends a thread; a SystemExit does so without a word."""


class _WorkerPool:
    broken = False
    how = ""

    def __init__(self, config: PoolConfig, _changed: Callable[[], None]) -> None:
        self.codec = Codec(_as_it_is, _as_it_is, _as_it_is, _as_it_is)
        self.slots: Slots = _Slots([0] * (config.workers * SLOT_FIELDS))
        self.stillness = ForkGuard()
        self._deaths: list[Death] = []
        arguments = (self.slots, itertools.count(), self.codec, config.start)
        self._patience_s = config.patience_s
        self._threads = _Threads(config.leave, config.workers, _enter, arguments)
        self.pool: Pool = self._threads

    def pack_task(self, task: object) -> object:
        return task

    def sentinels(self) -> list[int]:
        return []

    def deaths(self) -> list[Death]:
        deaths, self._deaths = self._deaths, []
        return deaths

    def end_late(self, places: list[int]) -> None:
        self.broken = self.slots.given_up = True
        for place in places:
            number, units, *_ = self.slots[place * SLOT_FIELDS : (place + 1) * SLOT_FIELDS]
            if number:
                self._deaths.append(Death(number - 1, "was given up", units, late=True))

    def end(self, *, clean: bool) -> None:
        steps = self.pool.close, self.pool.join, self._threads.notes.close
        if not (clean and in_background(*steps, wait_s=self._patience_s)):
            in_background(self.pool.terminate, wait_s=0.0)


class _Threads(ThreadPool):
    """The standard pool of threads, each of which ends with a call of `leave`."""

    def __init__(
        self, leave: Callable[[], None], workers: int, enter: Callable[..., None], given: Any
    ) -> None:
        self._leave = leave
        context = _Context()
        try:
            Pool.__init__(self, workers, enter, given, context=context)  # ThreadPool takes no other
        except AttributeError as error:  # it would terminate the threads that it has
            if isinstance(error.__context__, RuntimeError):
                raise error.__context__ from None
            raise
        self.notes = context.notes

    def Process(self, _: Any, target: Callable[..., None], **arguments: Any) -> Any:  # type: ignore[override]  # noqa: N802
        def work(*given: Any) -> None:
            try:
                target(*given)
            finally:
                self._leave()

        return DummyProcess(target=work, **arguments)


class _Notes(SimpleQueue[Any]):
    """How the pool's own threads wake each other: without a semaphore, or a word in the end.

    For a function may have closed it, with all else; then the run ends anyway.
    """

    _gone = False

    def __init__(self) -> None:
        self._locks: list[SharedLock] = []
        super().__init__(ctx=self)

    def Lock(self) -> SharedLock:  # noqa: N802  the name multiprocessing gives it
        self._locks.append(SharedLock())
        return self._locks[-1]

    def close(self) -> None:
        """Let go of all of it, at the end of the pool: it is held in a circle."""
        super().close()
        for lock in self._locks:
            lock.close()

    def put(self, note: Any) -> None:
        with suppress(OSError):
            super().put(note)

    def get(self) -> Any:
        try:
            return super().get()
        except OSError:
            self._gone = True

    def empty(self) -> bool:
        return self._gone or super().empty()


class _Context:
    """What a pool of threads has of multiprocessing."""

    notes: _Notes

    def SimpleQueue(self) -> _Notes:  # noqa: N802  the name multiprocessing gives it
        self.notes = _Notes()
        return self.notes


def _enter(slots: Slots, numbers: Iterator[int], codec: Codec, start: Callable[[], None]) -> None:
    begin(slots, next(numbers), codec, start)


def _as_it_is(thing: Any) -> Any:
    return thing
