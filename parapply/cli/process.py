"""Signals, standard output and the end of the command's process. In the parent."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from parapply.functions.observers import is_observed
from parapply.model.errors import PUBLISHED

if TYPE_CHECKING:
    pass


CLEANING_S = 3.0  # in which a second signal is not heeded


class Signalled(BaseException):
    """A signal asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Signals:
    """While open, SIGINT, SIGTERM and SIGHUP are raised as Signalled; closed, they end the process.

    What is being cleaned up is not cut short by another signal. One that seems to be lost is sent
    again: C code that asks whether an object has an attribute drops what is raised meanwhile.
    """

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> None:
        self._came, self._deaf_until = 0, 0.0
        usual = (signal.SIG_DFL, signal.default_int_handler)
        self._heeded = [n for n in self.numbers if signal.getsignal(n) in usual]  # not with nohup
        for number in self._heeded:
            signal.signal(number, self._raise)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            for number in self._heeded:
                signal.signal(number, signal.SIG_DFL)
            if self._came:
                late = Signalled(self._came)
                late.add_note(PUBLISHED)
                raise late

    def _raise(self, number: int, frame: FrameType | None) -> None:
        del frame
        if time.monotonic() >= self._deaf_until:
            self._came, self._deaf_until = number, time.monotonic() + CLEANING_S
            again = threading.Timer(CLEANING_S + 0.1, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            raise Signalled(number)


def protect_stdout() -> int:
    """Send what anybody prints to standard error; return a descriptor of the real output.

    Before the user's code is imported: its print() would end up between the rows.
    """
    real = os.dup(1)
    os.dup2(2, 1)
    os.register_at_fork(after_in_child=lambda: _let_go(real))
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return real


def _let_go(real: int) -> None:
    """Have a forked process, a worker or one that a function leaves behind, not hold the output.

    Whoever reads it would wait for the end of that process; nor is anything written there twice.
    """
    with contextlib.suppress(OSError):
        output, null = os.fstat(real), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else [str(real)]:
            with contextlib.suppress(OSError):
                if (number := int(name)) > 2 and os.path.samestat(os.fstat(number), output):
                    os.dup2(null, number, inheritable=False)
        os.close(null)


def die_of(number: int) -> NoReturn:
    """End by the signal itself, so that the shell and make see it and stop too.

    Not while somebody looks on, who would lose what was seen: then the exit code says it.
    """
    gc.collect()  # pools unlink their semaphores, or a helper of theirs would complain
    if is_observed():
        raise SystemExit(128 + number)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)  # not reached, unless the signal is blocked


def leave(end: SystemExit) -> NoReturn:
    """Exit at once: to take all apart that was imported, as an interpreter does, takes time.

    It would also wait for threads that were given up in the midst of C code, or of an import;
    those may hold what functions of atexit want, which are called only where there are none.
    """
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    if is_observed() or not all(one.daemon for one in others) or not isinstance(end.code, int):
        raise end
    if others:
        from parapply.storage.atomic.staging import remove_all

        remove_all()  # what functions of atexit would remove
        gc.collect()  # pools unlink their semaphores, or a helper of theirs would complain
    else:
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(end.code)
