"""What workers are given in these tests: tasks, and starts.

In a module of its own that imports little, as each worker of forkserver and spawn imports it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path


def nothing() -> None:
    pass


def square(number, progress):
    progress(1)
    return number * number


def square_slowly(number, progress):
    time.sleep(0.02)
    return number * number


def fail(number, progress):
    raise KeyError(number)


def leave(number, progress):
    raise SystemExit(5)


def interrupt(number, progress):
    raise KeyboardInterrupt


def rest(seconds, progress):
    time.sleep(seconds)
    return seconds


def report_and_rest(seconds, progress):
    progress(3)
    progress(4)
    time.sleep(seconds)


def pid(number, progress):
    time.sleep(0.1)
    return os.getpid()


def name(number, progress):
    return multiprocessing.current_process().name


def handlers(number, progress):
    return [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] + [
        len(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    ]


def exit_on_three(number, progress):
    time.sleep(0.01)
    if number == 3:
        os._exit(7)
    return number


def killed_on_three(number, progress):
    time.sleep(0.01)
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed_with_a_child_left(number, progress):
    """The child keeps open what tells the Pool of the death of its parent."""
    if number == 3:
        if os.fork() == 0:
            time.sleep(3)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def kill_the_others(pids, progress):
    for other in pids - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError):  # when it is run again in another pool
            os.kill(other, signal.SIGKILL)
    time.sleep(0.3)
    return "done"


def always_exit(number, progress):
    os._exit(1)


def unpicklable(number, progress):
    return lambda: number


class StubbornError(Exception):
    """Pickles, but cannot be unpickled: python/cpython#79492."""

    def __init__(self, one, two):
        super().__init__(one)


class LockedError(Exception):
    def __init__(self):
        super().__init__("locked")
        self.lock = threading.Lock()


class Ghost:
    def __reduce__(self):
        return ghost, ()


def ghost():
    raise RuntimeError("never comes back")


def raise_stubborn(number, progress):
    raise StubbornError(1, 2)


def raise_locked(number, progress):
    raise LockedError


def return_ghost(number, progress):
    return Ghost()


def fail_to_start() -> None:
    raise LookupError("no start")


def exit_at_start() -> None:
    os._exit(9)


def note_exit(folder: str) -> None:
    from multiprocessing import util

    util.Finalize(None, Path(folder, str(os.getpid())).touch, exitpriority=1)


def fork_a_child(number, progress):
    """The child keeps open what tells the Pool that its parent has left."""
    if os.fork() == 0:
        time.sleep(3)
        os._exit(0)
    return number


def pid_at_once(number, progress):
    return os.getpid()


def linger() -> None:
    from multiprocessing import util

    util.Finalize(None, time.sleep, (600,), exitpriority=1)


def crash_at_exit() -> None:
    from multiprocessing import util

    util.Finalize(None, os.kill, (os.getpid(), signal.SIGKILL), exitpriority=1)


def until_relieved(number, progress):
    """Count to ten seconds, or as far as it is wanted."""
    for count in range(1000 if number == 0 else 1):
        time.sleep(0.01)
        progress(1)
        if progress.relieved:
            return number, count + 1
    return number, None


def late_or_busy(number, progress):
    if number == 0:
        progress.within(0.1)
    time.sleep(0.6)
    return number


def close_all(number, progress):
    """Then its result cannot be sent."""
    if number == 3:
        os.closerange(3, 4096)
    return number


def fork_and_go_on(number, progress):
    """Without an end of the child: it must not become another worker."""
    if os.fork() == 0 and number % 2:
        raise SystemExit
    return number


def send_much(number, progress):
    return b"." * (4 << 20)


def stop(number, progress):
    progress.within(0.3)
    if number == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    progress.within(None)
    return number
