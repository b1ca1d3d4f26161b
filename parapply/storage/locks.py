"""Locks on files that last as long as the process which took them, however it ends.

`take` is what takes all locks of parapply, in the parent and in workers. They are flock() locks,
which belong to the open file and not to the process: a forked child has to close it, or the lock
would outlive the parent; POSIX record locks would be gone as soon as anybody in this process closed
the same file. Where a file system has none, or gives them to everybody, the notes in the files'
names decide (owners.py): to `make` and `seize` an error that says so is a lock that is free.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_PATIENCE_S = 0.5  # who looks whether a lock is free has it for a moment
_held = set[int]()  # descriptors


def take(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file, until it is closed; False where another holds the lock (not if `wait`).

    Raises OSError where it cannot be locked: an errno of NO_LOCKS where nothing there can.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make(path: str) -> int:
    """Make a file, and lock it; raises FileExistsError where there is one.

    Returns the descriptor that keeps the lock. Raises OSError where a file cannot be made, or not
    be locked: it is gone then.
    """
    descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    _held.add(descriptor)
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while not _lock(descriptor) and time.monotonic() < deadline:
            time.sleep(0.001)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        let_go(descriptor)
        raise
    return descriptor


def seize(path: str, folder: int | None = None) -> int | None:
    """Lock a file that is there, in a folder that is open; None where another holds it.

    Returns the descriptor that keeps the lock. Raises OSError where there is no such file.
    """
    descriptor = os.open(path, _FLAGS, dir_fd=folder)
    _held.add(descriptor)
    try:
        if _lock(descriptor):
            return descriptor
    except BaseException:
        let_go(descriptor)
        raise
    let_go(descriptor)
    return None


def let_go(descriptor: int) -> None:
    """Give a lock back."""
    _held.discard(descriptor)
    with suppress(OSError):  # it is closed all the same, and nothing was written to it
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        return take(descriptor)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _leave_to_parent() -> None:
    """In a forked child: close them, which does not unlock them."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
