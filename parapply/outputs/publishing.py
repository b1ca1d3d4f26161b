"""How a file or a folder that is written takes its name, in one step. In the parent."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from parapply.formats.copying import send_on

TURN_S = 2.0  # to wait for another run, which needs a millisecond
_AT_FDCWD, _EXCHANGE = -100, 2  # of renameat2(2)
_FULL = (errno.ENOTEMPTY, errno.EEXIST)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def replace_folder(new: str, target: str, attic: str) -> None:
    """Give a folder a name, also when another has it; that one is `new` then, or in `attic`.

    Where the kernel swaps names, there is a folder of that name at every moment.
    """
    while True:
        with suppress_errors(*_FULL):
            os.rename(new, target)  # nothing is there, or an empty folder
            return
        if _exchange(new, target):
            return
        with suppress(FileNotFoundError):  # another run did the same; its folder may come yet
            os.rename(target, os.path.join(attic, f"old-{os.urandom(6).hex()}"))


def appear(new: str, target: str) -> None:
    """Give a file or folder a name that nothing has; raises FileExistsError where one has it."""
    if not os.path.isdir(new):
        with suppress_errors(*_NO_LINKS):
            os.link(new, target)
            return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(new, target)


@contextmanager
def turn(folder: str) -> Iterator[None]:
    """Have a folder to oneself, among runs that are about to give files in it their names.

    Where it cannot be locked, or somebody keeps it locked, nobody waits any longer.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + TURN_S
        while not _locked(descriptor) and time.monotonic() < deadline:
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Have the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def suppress_errors(*numbers: int) -> Iterator[None]:
    """Go on after an OSError of one of these numbers."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True


def _exchange(one: str, other: str) -> bool:
    """Swap two names; False where the kernel, the file system or the C library cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(one), os.fsencode(other)
    done: int = renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _EXCHANGE)
    return done == 0


_PUSHED = 4 << 20  # bytes that are sent to the disk at once


def push(descriptor: int, start: int) -> int:
    """Have the kernel begin to write a file from `start` on; return from where to go on."""
    size = os.fstat(descriptor).st_size - start
    if size < _PUSHED:
        return start
    send_on(descriptor, start, size)
    return start + size
