"""Bytes from one file into another, by the kernel where it can."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

_BLOCK = 1 << 20  # bytes


def copy(source: BinaryIO, start: int, size: int, file: BinaryIO) -> None:
    """Write `size` bytes of `source` from `start` on to the end of `file`, which is flushed."""
    file.flush()
    if not _sent(source, start, size, file):
        source.seek(start)
        while size and (block := source.read(min(size, _BLOCK))):
            file.write(block)
            size -= len(block)
        file.flush()


def _sent(source: BinaryIO, start: int, size: int, file: BinaryIO) -> bool:
    """Have the kernel copy; False where it does not copy to such a file."""
    stop = start + size
    try:
        while start < stop:
            sent = os.sendfile(file.fileno(), source.fileno(), start, stop - start)
            start = start + sent if sent else stop  # it is shorter than it was
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):  # a file opened to append, say
            raise
        return False
    return True
