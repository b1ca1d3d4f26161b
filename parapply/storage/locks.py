"""File locks that end with the process that took them. In the parent and in workers.

They are flock() locks, which belong to the open file: a forked child has to close it, or the lock
would outlive the parent. POSIX record locks would be lost when anybody in this process closed the
same file. Where a file system has no locks, or grants them to everybody, owners.py decides: `make`
and `seize` take "no locks here" for a free lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_PATIENCE_S = 0.5  # a process that tests a lock holds it for a moment
_held = set[int]()  # descriptors


def take(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file until it is closed; False (unless `wait`) where another holds the lock.

    Raises OSError, with an errno of NO_LOCKS where the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make(path: str) -> int:
    """Create and lock a file; return the descriptor that holds the lock.

    Raises FileExistsError, or OSError if it cannot be made or locked: it is removed then.
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
    """Lock an existing file (in the open `folder`); return its descriptor, None if it is held.

    Raises OSError where there is no such file.
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
    """Release a lock."""
    _held.discard(descriptor)
    with suppress(OSError):  # closed all the same, and nothing was written
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        return take(descriptor)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _leave_to_parent() -> None:
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
