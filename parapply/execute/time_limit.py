"""A time limit for calls of the user's function, in the worker that makes them.

Nothing is sent to a thread that has not overstepped its limit: a signal ends waits in C that have
nothing to do with it. The watch (runtime/watch.py) looks at what call is being made, and rings for
one that has: in a process' main thread by a signal, which interrupts Python code and system calls;
in other threads by an exception that is left for the next line of Python. The next call does not
begin before what was sent has arrived. What neither reaches (a loop in C) is for the parent to
end, worker and all: it is told when to, before each call.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from parapply.backends.api import ItemProgress

if TYPE_CHECKING:
    from parapply.runtime.watch import Watch

GRACE_S = 1.0  # what a call is given beyond its limit before its worker is ended
_LOOK_S = 0.05  # how often it is looked whether a call is over its limit
# One that nobody else uses: SIGALRM is the function's own, with what sends it (alarm, setitimer).
RING = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else signal.SIGURG


class RowTimeoutError(BaseException):
    """A row took too long. No Exception, so that the user's `except Exception` lets it through."""


class Alarm:
    """Runs calls that are interrupted after `limit_s` seconds; None: only those that come back.

    Each call is known by the object that says when it began. The thread that makes the calls and
    that of the watch share no lock, which an interruption might leave locked: the one closes a call
    and then sees whether the other is `_looking`, the other says so and then looks what is open.
    """

    def __init__(self, limit_s: float | None) -> None:
        self.limit_s, self.look_s = limit_s, look_interval(limit_s)
        self._thread = threading.get_ident()
        self._main = threading.current_thread() is threading.main_thread()
        self._watch: Watch
        self._before: Any = None
        self._open: float | None = None  # when the call began that is being made
        self._rung: float | None = None  # for which call it has been rung, until that has ended
        self._looking = False

    def __enter__(self) -> Alarm:
        if self.limit_s is not None:
            from parapply.runtime.watch import watch  # few runs have limits

            self._watch = watch
            if self._main:
                self._before = signal.signal(RING, self._interrupt)
            watch.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.limit_s is not None:
            self._watch.remove(self)
            self._close()
            if self._main:
                signal.signal(RING, signal.SIG_DFL if self._before is None else self._before)

    def run(self, step: Callable[[int, int], None], position: int, pace: ItemProgress) -> None:
        """Run a step over one row; raises RowTimeoutError where it takes too long."""
        if self.limit_s is None:
            step(position, position + 1)
            return
        pace.within(self.limit_s + GRACE_S)
        began = self._open = time.monotonic()
        try:
            step(position, position + 1)
        finally:
            self._open = None
            if self._looking or self._rung is not None:
                self._close()
        # Here too: it was interrupted, and went on regardless, or is C code that came back.
        ended = time.monotonic()
        if ended - began > self.limit_s and self._watch.ran(began, ended) > self.limit_s:
            raise RowTimeoutError

    def look(self, now: float) -> None:
        call, limit_s = self._open, self.limit_s
        assert limit_s is not None
        if call is None or now - call <= limit_s:
            return
        if now - call - self._watch.lapses.within(call, now) <= limit_s:
            return
        self._looking = True
        if self._open is call:
            self._ring(call)
        self._looking = False

    def forget(self) -> None:
        self._open, self._looking, self._rung = None, False, None

    def _ring(self, call: float) -> None:
        if self._main:
            # Again and again, until it is heard: C code that was about to wait has missed it. Not
            # where the function has put another handler in place: without one, we would be ended.
            if signal.getsignal(RING) == self._interrupt:
                self._rung = call
                signal.pthread_kill(self._thread, RING)
        elif self._rung is not call:
            self._rung = call
            _leave(self._thread, RowTimeoutError)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """End the call that it was rung for, if that has not ended meanwhile; only once."""
        del number, frame
        if self._open is not None and self._open is self._rung:
            self._open = None
            raise RowTimeoutError

    def _close(self) -> None:
        """Make sure that nothing is on its way to this thread any more."""
        self._open = None
        while self._looking or self._rung is not None:
            try:
                while self._looking:
                    time.sleep(0)
                self._receive()
                self._rung = None
            except RowTimeoutError:  # left for a call that has ended: too late, as it will be told
                continue

    def _receive(self) -> None:
        if not self._main:
            _leave(self._thread, None)
            return
        # The kernel delivers what was sent before this returns, unless the function blocks it.
        while RING in signal.sigpending():
            signal.sigtimedwait([RING], 0)


def look_interval(limit_s: float | None) -> float:
    """Return how often to look whether a limit is overstepped."""
    return _LOOK_S if limit_s is None else min(_LOOK_S, max(limit_s / 4, _LOOK_S / 25))


def _leave(thread: int, kind: type[BaseException] | None) -> None:
    """Leave an exception with a thread, or take back one that has not been raised yet."""
    what = ctypes.py_object() if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)
