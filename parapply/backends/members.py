"""The processes of a standard Pool, recorded as it makes them. In the parent."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import connection, pool, queues
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from parapply.backends.api import RAN_OUT
from parapply.backends.limits import OUT_OF_MEMORY
from parapply.backends.shared_memory import SharedLock
from parapply.storage.descriptors import CLOSED, HOW


class PoolContext:
    """A multiprocessing context that has a say in the processes, and keeps the locks, of a pool."""

    def __init__(
        self,
        base: BaseContext,
        enlist: Callable[[Callable[..., BaseProcess]], Any],
        serve: Callable[..., None],  # runs in the process, given the Pool's own loop
    ) -> None:
        self._base, self._enlist, self._serve = base, enlist, serve
        self.locks: list[SharedLock] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    def Process(self, **arguments: Any) -> Any:  # noqa: N802  the name multiprocessing gives it
        """Make a process, not started yet."""
        process: Any = self._base.Process  # type: ignore[attr-defined]  # each context has its own
        target = partial(self._serve, arguments.pop("target"))
        return self._enlist(partial(process, target=target, **arguments))

    def Lock(self) -> SharedLock:  # noqa: N802  as above
        """Make a lock, and keep it."""
        self.locks.append(SharedLock())
        return self.locks[-1]

    def SimpleQueue(self) -> Any:  # noqa: N802  as above
        """Make a queue whose locks are kept."""
        return queues.SimpleQueue(ctx=self)

    def close(self) -> None:
        """Let go of the locks of a pool that has ended: they are held in a circle."""
        for lock in self.locks:
            lock.close()


class QuietPool(pool.Pool):
    """The standard Pool, but that its keeper of workers is woken by their ends alone.

    The standard one wakes at each result, too, and asks all workers whether they live: a third of
    what a chunk costs the parent, the more the more workers there are. Should a Python to come not
    ask for these sentinels, nothing but that is lost.
    """

    def _get_sentinels(self) -> list[Any]:
        every: list[Any] = super()._get_sentinels()  # type: ignore[misc]  # not in typeshed
        results = self._outqueue._reader  # type: ignore[attr-defined]
        return [one for one in every if one is not results]


class Worker:
    """A process, as the Pool and the parent see it; two threads ask for its exit code."""

    def __init__(
        self, process: Any, slot: int, launch: Callable[[Any], Any], *, is_child: bool
    ) -> None:
        self._process, self.slot, self._launch = process, slot, launch
        self._is_child = is_child  # of this process: not of a forkserver
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)

    def start(self) -> None:
        """Start it, or put nobody in its place."""
        self._process = self._launch(self._process)

    @property
    def exitcode(self) -> int | None:
        """How it ended, as multiprocessing says it; None while it is alive."""
        with self._lock:  # of two that ask a forkserver at once, one would be told 255
            code: int | None = self._process.exitcode
            return UNTOLD if code is None and self._is_reaped() else code

    def _is_reaped(self) -> bool:
        """Whether its exit code went to somebody else: a handler that waits for all children."""
        if not self._is_child or self._process.pid is None:
            return False
        try:
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False

    def fate(self) -> str | None:
        """Say how it ended; None while it is alive."""
        gone = self.seen_by_pool(0.0)
        patience = 50 if gone else 1  # its files are closed a moment before it can be waited for
        for _ in range(patience):
            if (code := self.exitcode) is not None:
                return _describe_exit(code)
            if gone:
                time.sleep(0.01)
        return "died" if gone else None

    def seen_by_pool(self, timeout_s: float = 0.05) -> bool:
        """Whether the Pool sees the end: not while a child of the worker holds its pipe open."""
        return bool(connection.wait([self.sentinel], timeout_s))


class Nobody:
    """Stands in the Pool for a process that is not to be started any more."""

    name = ""
    pid = exitcode = None

    def start(self) -> None:
        """Do nothing."""

    terminate = join = is_alive = start


UNTOLD = 1 << 16  # what no process ends with


def _describe_exit(code: int) -> str:
    if code == UNTOLD:
        return "died"
    if code == CLOSED:
        return HOW
    if code == OUT_OF_MEMORY:
        return RAN_OUT
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


LOST = _describe_exit(255)  # what is said of the children of a forkserver that died
