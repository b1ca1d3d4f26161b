"""Folders in which outputs are published: one run at a time, and synced. In the parent."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from parapply.storage import locks
from parapply.storage.copying import send_on

_NO_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # where folders cannot be synced
TURN_S = 2.0  # to wait for another run, which needs a millisecond
_PUSHED = 4 << 20  # bytes written back at once


@contextmanager
def turn(folder: str) -> Iterator[None]:
    """Hold a folder while publishing in it; go on where it stays locked, or cannot be locked."""
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
    """Syncs a folder's entries; a context, to be entered before anything is published."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._descriptor: int | None = None
        self._error: OSError | None = None

    def __enter__(self) -> FolderSync:
        try:
            self._descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:  # writable, but not readable: no reason to fail
            self._error = error
        return self

    def __exit__(self, *exception: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def sync(self) -> OSError | None:
        """Sync; return the error, if any."""
        if self._descriptor is not None:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._error = error
        return self._error

    def settle(self) -> None:
        """Sync; raises OSError, but not where folders cannot be synced."""
        if (error := self.sync()) is not None and error.errno not in _NO_SYNC:
            raise OSError(error.errno, os.strerror(error.errno or 0), self.folder) from error


def _locked(descriptor: int) -> bool:
    try:
        return locks.take(descriptor)
    except OSError:  # no locks here
        return True


def push(descriptor: int, start: int) -> int:
    """Start write-back of a file from `start`, if 4 MiB are there; return where to go on."""
    size = os.fstat(descriptor).st_size - start
    if size < _PUSHED:
        return start
    send_on(descriptor, start, size)
    return start + size
