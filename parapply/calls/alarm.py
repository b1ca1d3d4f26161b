"""A time limit for calls of the user's function, in the worker that makes them.

A signal interrupts Python code and system calls in a process' main thread; in other threads an
exception is left for the next line of Python. What neither reaches (a loop in C) is for the
parent to end, worker and all: it is told when to, before each call.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from parapply.backends import Pace

GRACE_S = 1.0  # what a call is given beyond its limit before its worker is ended


class RowTimeoutError(BaseException):
    """A row took too long. No Exception, so that the user's `except Exception` lets it through."""


class Alarm:
    """Runs calls that are interrupted after `limit_s` seconds; None: only those that come back."""

    def __init__(self, limit_s: float | None) -> None:
        self.limit_s = limit_s
        self._main = threading.current_thread() is threading.main_thread()
        self._before: Any = None
        self._look = 0.0  # when to see again whether the signal is ours
        self._began: float | None = None  # when the call did that is being made

    def __enter__(self) -> Alarm:
        if self._main and self.limit_s is not None:
            self._before = signal.getsignal(signal.SIGALRM)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._main and self.limit_s is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    def run(self, step: Callable[[int, int], None], position: int, pace: Pace) -> None:
        """Run a step over one row; raises RowTimeoutError where it takes too long."""
        if self.limit_s is None:
            step(position, position + 1)
            return
        pace.within(self.limit_s + GRACE_S)
        began = time.monotonic()
        if self._main:
            self._run_main(step, position, began)
        else:
            self._run_beside(step, position)
        if time.monotonic() - began > self.limit_s:  # interrupted, and it went on regardless
            raise RowTimeoutError

    def _run_main(self, step: Callable[[int, int], None], position: int, began: float) -> None:
        if began >= self._look:  # not for each row: it takes longer than many a row does
            self._look = began + _LOOK_S
            if signal.getsignal(signal.SIGALRM) != self._ring:  # at first; or it is a row's own
                assert self.limit_s is not None
                signal.signal(signal.SIGALRM, self._ring)
                signal.setitimer(signal.ITIMER_REAL, self.limit_s)
        self._began = began
        try:
            step(position, position + 1)
        finally:
            self._began = None

    def _ring(self, number: int, frame: FrameType | None) -> None:
        """Look whether the call's time is up: setting the timer for each would cost two more."""
        del number, frame
        assert self.limit_s is not None
        left = self.limit_s
        if self._began is not None:
            left -= time.monotonic() - self._began
        if left <= 0:
            self._began = None  # here too: what is raised may come as the call ends
            signal.setitimer(signal.ITIMER_REAL, self.limit_s)
            raise RowTimeoutError
        signal.setitimer(signal.ITIMER_REAL, left)

    def _run_beside(self, step: Callable[[int, int], None], position: int) -> None:
        assert self.limit_s is not None
        _watch.arm(self.limit_s)
        try:
            step(position, position + 1)
        finally:
            _watch.disarm()


class _Watch:
    """One thread that leaves an exception with each of the others whose time is up."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}  # by thread
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def arm(self, limit_s: float) -> None:
        """Give the calling thread so many seconds."""
        with self._changed:
            self._due[threading.get_ident()] = time.monotonic() + limit_s
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring, name="parapply-alarm")
                self._thread.daemon = True
                self._thread.start()
            elif len(self._due) == 1:
                self._changed.notify()

    def disarm(self) -> None:
        """Let the calling thread take its time; nothing is left with it after this."""
        with self._changed:
            self._due.pop(threading.get_ident(), None)
        _leave(threading.get_ident(), None)

    def _ring(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for thread in [thread for thread, due in self._due.items() if due <= now]:
                    del self._due[thread]  # first: it must not ring twice for one call
                    _leave(thread, RowTimeoutError)
                soonest = min(self._due.values(), default=None)
                if soonest is None and not self._changed.wait(_IDLE_S) and not self._due:
                    self._thread = None  # where a thread is left, no process can be forked
                    return
                if soonest is not None:
                    # A later call may be due sooner, but not by more than this.
                    self._changed.wait(min(soonest - now, _LOOK_S))


_LOOK_S, _IDLE_S = 0.05, 1.0
_watch = _Watch()


def _leave(thread: int, kind: type[BaseException] | None) -> None:
    """Leave an exception with a thread, or take back one that has not been raised yet."""
    what = ctypes.py_object() if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)
