"""Folders in which outputs take their names: one run at a time, and on the disk. In the parent."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from parapply.storage import locks
from parapply.storage.copying import send_on

_NO_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # of a file system without it for folders
TURN_S = 2.0  # to wait for another run, which needs a millisecond
_PUSHED = 4 << 20  # bytes that are sent to the disk at once


@contextmanager
def turn(folder: str) -> Iterator[None]:
    """Have a folder to oneself, among runs that are about to give files in it their names.

    Where it cannot be locked, or somebody keeps it locked, nobody waits any longer.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        deadline = time.monotonic() + TURN_S
        while not _locked(descriptor) and time.monotonic() < deadline:
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


class FolderSync:
    """Has the names in a folder survive a power cut. A context: it is opened while all may fail."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._descriptor: int | None = None
        self._error: OSError | None = None

    def __enter__(self) -> FolderSync:
        try:
            self._descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:  # one that may be written to, and not read: no reason to fail
            self._error = error
        return self

    def __exit__(self, *exception: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def sync(self) -> OSError | None:
        """Do it; return why it could not be done."""
        if self._descriptor is not None:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._error = error
        return self._error

    def settle(self) -> None:
        """Do it; raises OSError where that could be done, and fails."""
        if (error := self.sync()) is not None and error.errno not in _NO_SYNC:
            raise OSError(error.errno, os.strerror(error.errno or 0), self.folder) from error


def _locked(descriptor: int) -> bool:
    try:
        return locks.take(descriptor)
    except OSError:  # no locks here
        return True


def push(descriptor: int, start: int) -> int:
    """Have the kernel begin to write a file from `start` on; return from where to go on."""
    size = os.fstat(descriptor).st_size - start
    if size < _PUSHED:
        return start
    send_on(descriptor, start, size)
    return start + size
