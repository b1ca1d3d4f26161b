"""Bytes from one file into another, by the kernel where it can, and on to the disk."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import BinaryIO

_BLOCK = 1 << 20  # bytes


def send_on(descriptor: int, start: int, size: int) -> None:
    """Have the kernel begin to write bytes of a file to the disk.

    That is the half of this advice which is wanted: pages that have yet to be written stay in
    memory, for who reads the file next.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # it is but advice
            os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_DONTNEED)


def copy_all(source: BinaryIO, file: BinaryIO, name: str) -> None:
    """Write all that comes from `source`, which is called `name`, to a file."""
    del name
    while block := source.read(_BLOCK):
        file.write(block)


def copy(source: BinaryIO, start: int, size: int, file: BinaryIO) -> None:
    """Write `size` bytes of `source` from `start` on where `file` is, which is flushed.

    Raises OSError where the source has fewer, as well as any that reading and writing raise.
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
    """Have the kernel copy; return how far it came, as it does not copy to every file.

    Systems give many reasons for that (EINVAL of a file opened to append, ENOTSOCK of any file on
    macOS); what is wrong with the file itself is found again by who writes the rest.
    """
    with suppress(OSError, AttributeError):
        while start < stop:
            sent = os.sendfile(file.fileno(), source.fileno(), start, stop - start)
            if not sent:
                break
            start += sent
    return start
