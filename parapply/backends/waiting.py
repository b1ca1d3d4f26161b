"""Waits that end: a bell that wakes the parent, and steps that are given up. In the parent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress


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
        with self._lock, suppress(BlockingIOError):  # full: it rings already
            if not self._closed:
                os.write(self._write, b"!")

    def hush(self) -> None:
        """Have it wait again."""
        with suppress(BlockingIOError):
            os.read(self.fd, 65536)

    def close(self) -> None:
        """Let go of the pipe."""
        with self._lock:
            self._closed = True
            os.close(self.fd)
            os.close(self._write)


def in_background(*steps: Callable[[], object], wait_s: float) -> bool:
    """Take the steps in a daemon thread, as they may hang; return whether all ended in time."""
    done = threading.Event()
    arguments = (*steps, done.set)
    thread = threading.Thread(target=_take, args=arguments, name="parapply-end", daemon=True)
    thread.start()
    thread.join(wait_s)
    return done.is_set()


def _take(*steps: Callable[[], object]) -> None:
    with suppress(Exception):  # of a pool that is given up: nobody could do anything about it
        for step in steps:
            step()
