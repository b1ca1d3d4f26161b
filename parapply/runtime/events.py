"""Events over all workers of a run: a file that is there or not."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress

from parapply.runtime.stops import is_stopped
from parapply.storage.flocks import in_loop, path_of

_LEAST_S, _MOST_S = 0.001, 0.02


class Event:
    """Set by one worker, seen by all; once set it stays so until it is cleared."""

    def __init__(self, folder: str, name: str) -> None:
        self._folder, self._path = folder, path_of(folder, "event", name)

    def set(self) -> None:
        """Let everybody see it, and let those go on who wait for it."""
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def clear(self) -> None:
        """Have it be as it was before it was set."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)

    def is_set(self) -> bool:
        """Whether a worker has set it: one look at the file system, a microsecond or two."""
        return os.path.exists(self._path)

    def wait(self, timeout: float | None = None) -> bool | Coroutine[None, None, bool]:
        """Wait until it is set, for `timeout` seconds, or until the run is stopped.

        Return whether it is set. In an async function, await it.
        """
        pauses = self._pauses(None if timeout is None else time.monotonic() + timeout)
        if in_loop():
            return self._wait(pauses)
        for pause in pauses:
            time.sleep(pause)
        return self.is_set()

    async def _wait(self, pauses: Iterator[float]) -> bool:
        for pause in pauses:
            await asyncio.sleep(pause)
        return self.is_set()

    def _pauses(self, until: float | None) -> Iterator[float]:
        pause = _LEAST_S
        while not self.is_set() and not is_stopped(self._folder):
            if until is not None:
                pause = min(pause, until - time.monotonic())
                if pause <= 0:
                    return
            yield pause
            pause = min(pause * 2, _MOST_S)
