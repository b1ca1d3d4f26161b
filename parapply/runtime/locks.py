"""Locks and limits over all workers of a run: `flock` on small files in the run's folder.

The kernel lets go of a flock when the process that holds it dies, however it dies, so that nobody
waits for ever. Each acquisition has a descriptor of its own, so that threads exclude each other
as processes do.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from parapply.storage.flocks import LEAST_S, MOST_S, flock, in_loop, path_of, try_flock
from parapply.storage.locks import let_go

_LOOK_S = 0.05  # a holder that dies rings no bell: this often the places are looked at anyway


class _Held(threading.local):
    def __init__(self) -> None:
        self.paths: set[str] = set()


_held = _Held()


class Lock:
    """One worker at a time. `with` (in an async function `async with`), or acquire and release."""

    what = "lock"

    def __init__(self, folder: str, name: str) -> None:
        self.path, self.name = path_of(folder, self.what, name), name
        self._descriptor: int | None = None

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait, at most `timeout` seconds; return whether it is held now.

        Raises RuntimeError where this thread holds it already, as it would wait for itself.
        """
        call = f"worker.{self.what}({self.name!r})"
        if in_loop():
            raise RuntimeError(f"{call} would hold up the event loop: write `async with {call}`")
        if self.path in _held.paths:
            raise RuntimeError(f"{call} is held by this worker already, and would wait for itself")
        self._descriptor = self._wait(None if timeout is None else time.monotonic() + timeout)
        if self._descriptor is None:
            return False
        _held.paths.add(self.path)
        return True

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor is None:
            raise RuntimeError(f"worker.{self.what}({self.name!r}) is not held")
        let_go(self._descriptor)
        self._descriptor = None
        _held.paths.discard(self.path)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.release()

    async def __aenter__(self) -> Self:
        pause = LEAST_S
        while (descriptor := self._try()) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_S)
        self._descriptor = descriptor
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.release()

    def _try(self) -> int | None:
        return try_flock(self.path)

    def _wait(self, until: float | None) -> int | None:
        return flock(self.path, until)


class Limit(Lock):
    """At most so many workers at a time: as many files, each of which one worker locks.

    Those that wait stand in a queue, which is a lock too. The first of them sleeps until a place
    becomes free: whoever leaves rings a bell, which is a named pipe.
    """

    what = "limit"

    def __init__(self, folder: str, name: str, most: int, first: int = 0) -> None:
        super().__init__(folder, name)
        if not isinstance(most, int) or most < 1:
            raise ValueError(f"worker.limit({name!r}, {most!r}): give a whole number, at least 1")
        self.most, self._first = most, first
        self._bell = f"{self.path}.bell"

    def release(self) -> None:
        """Let the next one in."""
        super().release()
        with suppress(OSError):  # nobody waits, or it rings already
            bell = os.open(self._bell, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(bell, b"!")
            finally:
                os.close(bell)

    def _try(self) -> int | None:
        for number in range(self.most):
            place = (self._first + number) % self.most
            if (descriptor := try_flock(f"{self.path}.{place}")) is not None:
                return descriptor
        return None

    def _wait(self, until: float | None) -> int | None:
        if (queue := flock(f"{self.path}.queue", until)) is None:
            return None
        try:
            found = self._try()
            return found if found is not None else self._sleep(until)
        finally:
            let_go(queue)

    def _sleep(self, until: float | None) -> int | None:
        with suppress(FileExistsError):
            os.mkfifo(self._bell, 0o600)
        bell = os.open(self._bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while (found := self._try()) is None and not _over(until):
                if select.select([bell], [], [], _LOOK_S)[0]:
                    os.read(bell, 4096)
            return found
        finally:
            os.close(bell)


def _over(until: float | None) -> bool:
    return until is not None and time.monotonic() >= until
