"""Waits that end: a bell that wakes the parent, and steps that are given up. In the parent."""

from __future__ import annotations

import math
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

_AT_ONCE_S = 0.05  # in which most steps end


class Bell:
    """Wakes the parent from its wait; may be rung from any thread, and after it is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)

    def ring(self) -> None:
        """Have the descriptor `fd` be ready to read."""
        with self._lock, suppress(OSError):  # full: it rings already; or a function closed it
            if not self._closed:
                os.write(self._write, b"!")

    def hush(self) -> None:
        """Have it wait again."""
        with suppress(OSError):
            os.read(self.fd, 65536)

    def close(self) -> None:
        """Let go of the pipe."""
        with self._lock:
            self._closed = True
            for end in (self.fd, self._write):
                with suppress(OSError):
                    os.close(end)


class Ears:
    """Hears which of many descriptors is ready.

    `multiprocessing.connection.wait` makes a selector of them each time, which takes longer than
    most chunks' outcomes do: 20 microseconds for each worker.
    """

    def __init__(self) -> None:
        self._poll, self._known = select.poll(), list[int]()

    def wait(self, descriptors: list[int], timeout_s: float) -> list[int]:
        """Wait until some are ready to read, or closed at their other end; return these."""
        if descriptors != self._known:
            self._poll, self._known = select.poll(), descriptors
            for descriptor in descriptors:
                self._poll.register(descriptor, select.POLLIN)
        return [descriptor for descriptor, _ in self._poll.poll(math.ceil(timeout_s * 1000))]


def in_background(*steps: Callable[[], object], wait_s: float) -> bool:
    """Take the steps in a daemon thread, as they may hang; return whether all ended in time.

    Time in which nobody ran, the steps neither, does not count.
    """
    done = threading.Event()
    arguments = (*steps, done.set)
    thread = threading.Thread(target=_take, args=arguments, name="parapply-end", daemon=True)
    thread.start()
    thread.join(min(wait_s, _AT_ONCE_S))
    if wait_s > _AT_ONCE_S and thread.is_alive():
        _wait_out(thread, wait_s)
    return done.is_set()


def _wait_out(thread: threading.Thread, wait_s: float) -> None:
    from parapply.runtime.lapses import LOOK_S, Lapses

    lapses, left_s = Lapses(), wait_s
    began = lapses.looked
    while left_s > 0 and thread.is_alive():
        pause_s = min(left_s, LOOK_S)
        thread.join(pause_s)
        now = lapses.look(pause_s)
        left_s = wait_s - (now - began - lapses.within(began, now))


def _take(*steps: Callable[[], object]) -> None:
    with suppress(Exception):  # of a pool that is given up: nobody could do anything about it
        for step in steps:
            step()
