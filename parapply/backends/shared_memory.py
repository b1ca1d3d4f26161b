"""What processes of a pool share: a few numbers in memory, and locks. In the parent and in workers.

Multiprocessing's own are files in /dev/shm, which is missing, full or read-only in some containers,
and semaphores there, which a helper complains of where a signal ends the command. Anonymous memory
and a byte in a pipe need no place at all, and go with the last process that knows of them.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import multiprocessing
import os
import select
import tempfile
import weakref
from multiprocessing import reduction
from typing import Any


class Numbers:
    """Shared integers of 64 bits; `array` has them. A worker that is sent this gets the array.

    Those that are forked (not `sent`) have it already, and it needs no descriptor.
    """

    def __init__(self, count: int, *, sent: bool) -> None:
        self._file = _unnamed_file(count * _BYTES) if sent else -1
        if sent:
            weakref.finalize(self, os.close, self._file)
        self.array = _mapped(self._file, count)

    def __reduce__(self) -> Any:
        """Send the descriptor, which only works as a process starts."""
        return _rebuilt, (reduction.DupFd(self._file), len(self.array))


class SharedLock:
    """A lock that processes share: who reads the byte that is in a pipe holds it.

    Unlike a thread's it may be released by anyone, and releasing it twice would break it.
    """

    def __init__(self) -> None:
        self._read, self._write = multiprocessing.Pipe(duplex=False)
        self.release()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it; with a timeout, nobody else may wait for it at the same time."""
        if not block or timeout is not None:
            poll = select.poll()
            poll.register(self._read.fileno(), select.POLLIN)
            if not poll.poll(math.ceil((timeout or 0) * 1000)):
                return False
        return bool(os.read(self._read.fileno(), 1))

    def release(self) -> None:
        """Leave it to the next."""
        os.write(self._write.fileno(), b"!")

    def close(self) -> None:
        """Let go of it here, where nobody waits for it any more."""
        self._read.close()
        self._write.close()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *exception: object) -> None:
        self.release()


_BYTES = 8


def _unnamed_file(size_bytes: int) -> int:
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("parapply")
    else:
        file, path = tempfile.mkstemp(prefix="parapply-")
        os.unlink(path)
    os.ftruncate(file, size_bytes)
    return file


def _mapped(file: int, count: int) -> Any:
    return (ctypes.c_longlong * count).from_buffer(mmap.mmap(file, count * _BYTES))


def _rebuilt(sent: Any, count: int) -> Any:
    file = sent.detach()
    try:
        return _mapped(file, count)
    finally:
        os.close(file)
