"""Copying bytes between files, by the kernel where it can, and early write-back to disk."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import BinaryIO

_BLOCK = 1 << 20  # bytes


def send_on(descriptor: int, start: int, size: int) -> None:
    """Have the kernel start writing dirty pages to disk: they stay cached, for the next reader."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # only advice
            os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_DONTNEED)


def copy_all(source: BinaryIO, file: BinaryIO, name: str) -> None:
    """Write all of `source` to a file; `name` is unused, as only other copiers need it."""
    del name
    while block := source.read(_BLOCK):
        file.write(block)


def copy(source: BinaryIO, start: int, size: int, file: BinaryIO) -> None:
    """Write `size` bytes of `source`, from `start`, at the position of `file`, and flush it.

    Raises OSError if the source is shorter, or reading or writing fails.
    """
    file.flush()
    stop = start + size
    start = _sent(source, start, stop, file)
    if start < stop:
        source.seek(start)
        while start < stop and (block := source.read(min(stop - start, _BLOCK))):
            file.write(block)
            start += len(block)
        file.flush()
    if start < stop:
        raise OSError(errno.EIO, "shorter than it was", source.name)


def _sent(source: BinaryIO, start: int, stop: int, file: BinaryIO) -> int:
    """Have the kernel copy; return where it stopped, as it cannot copy to every file.

    Errors vary (EINVAL when appending, ENOTSOCK on macOS); real ones recur in writing the rest.
    """
    with suppress(OSError, AttributeError):
        while start < stop:
            sent = os.sendfile(file.fileno(), source.fileno(), start, stop - start)
            if not sent:
                break
            start += sent
    return start
