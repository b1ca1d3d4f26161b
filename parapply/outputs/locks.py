"""Locks on files that last as long as the process which took them, however it ends.

They are flock() locks, which belong to the open file and not to the process: a forked child has to
close it, or the lock would outlive the parent; POSIX record locks would be gone as soon as anybody
in this process closed the same file. Runs in the parent.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress

_held = set[int]()  # descriptors


def hold(path: str) -> int | None:
    """Lock a file, which is made where there is none; None where another holds it.

    Returns the descriptor that keeps it. Raises OSError where a file cannot be made or locked.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        _held.add(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            let_go(descriptor)
            return None
        except BaseException:
            let_go(descriptor)
            raise
        let_go(descriptor)  # whoever had it has removed the file meanwhile: there is another now


def hold_patiently(path: str, seconds: float) -> int | None:
    """`hold`, but ask again for a while: who only looks whether a lock is free has it, too."""
    deadline = time.monotonic() + seconds
    while (descriptor := hold(path)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return descriptor


def let_go(descriptor: int) -> None:
    """Give a lock back."""
    _held.discard(descriptor)
    os.close(descriptor)


def is_at(path: str, descriptor: int) -> bool:
    """Whether the file is still the one of that name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _leave_to_parent() -> None:
    """In a forked child: close them, which does not unlock them."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
