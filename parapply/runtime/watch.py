"""One thread that looks, some twenty times a second, at those who have something to be watched.

Wherever calls have a time limit: in a worker process, or in the parent for its threads. It knows
when the process did not run, and it ends with the last worker: a thread that is left would keep
functions of atexit from being called, and processes from being forked.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Protocol

from parapply.runtime.context import leaving
from parapply.runtime.lapses import LOOK_S, Lapses

_IDLE_S = 1.0  # for which it stays when there is nobody to watch: the next chunk comes soon
_LATE_S = 0.5  # the longest wait for its next look


class Watched(Protocol):
    """What is looked at."""

    look_s: float  # how often, at least

    def look(self, now: float) -> None:
        """Called in the thread of the watch; must not raise, nor take long."""
        ...

    def forget(self) -> None:
        """Called in a forked process: the thread of the watch is not here."""
        ...


class Watch:
    """Those who are watched, and the thread that does it while there are any."""

    def __init__(self) -> None:
        self.lapses = Lapses()
        self._watched: dict[Watched, None] = {}
        self._books = threading.Lock()  # whether there is a thread
        self._thread: threading.Thread | None = None
        self._wake = threading.Lock()  # held, but to have the thread look at once

    def add(self, one: Watched) -> None:
        """Watch somebody."""
        with self._books:
            self._watched[one] = None
            if self._thread is None:
                self.lapses.look(float("inf"))  # nobody looked while there was nobody to watch
                self._wake = threading.Lock()
                self._wake.acquire()
                self._thread = threading.Thread(target=self._run, name="parapply-watch")
                self._thread.daemon = True
                self._thread.start()

    def remove(self, one: Watched) -> None:
        """Watch somebody no more."""
        self._watched.pop(one, None)

    def rest(self) -> None:
        """End the thread, if there is nobody to be watched."""
        with self._books:
            thread = None if self._watched else self._thread
            if thread is None:
                return
            self._thread = None
            self._wake.release()
        thread.join(_LATE_S)

    def ran(self, start: float, stop: float) -> float:
        """Return how much of a span, of whose end nothing may be known yet, this process ran."""
        deadline = stop + _LATE_S
        while self.lapses.looked < stop and time.monotonic() < deadline:
            time.sleep(0.001)
        return stop - start - self.lapses.within(start, stop)

    def _run(self) -> None:
        this, wake, idle_since = threading.current_thread(), self._wake, time.monotonic()
        while True:
            watched = list(self._watched)
            wait_s = min((one.look_s for one in watched), default=LOOK_S)
            wake.acquire(timeout=wait_s)
            now = self.lapses.look(wait_s)
            for one in watched:
                one.look(now)
            if watched:
                idle_since = now
            with self._books:
                if self._thread is not this:
                    return
                if now - idle_since > _IDLE_S and not self._watched:
                    self._thread = None
                    return

    def forget(self) -> None:
        """In a forked process: the thread is not here, nor anybody to be watched."""
        watched, self._watched = self._watched, {}
        self._books, self._thread = threading.Lock(), None
        for one in watched:
            one.forget()


watch = Watch()
leaving.append(watch.rest)
os.register_at_fork(after_in_child=watch.forget)
