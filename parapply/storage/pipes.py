"""Inputs that are read once: standard input, named pipes, `<(...)`, devices. In the parent.

They are always local. Descriptors opened by the shell are read as they are; a named pipe is opened
without blocking, as its writer may never come.
"""

from __future__ import annotations

import io
import os
import re
import select
import stat
import time

from parapply.model.errors import InputError
from parapply.storage.api import FILE, FOLDER
from parapply.storage.registry import file_system_of

HEAD_BYTES = 8  # enough to tell a format
WRITER_S = 60.0  # to wait for a named pipe's writer
_DESCRIPTOR = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)|(/dev/stdin)")
_LOOK_MS = 100


def descriptor_of(path: str) -> int | None:
    """Return the descriptor that a path like /dev/fd/3 names, or None."""
    found = _DESCRIPTOR.fullmatch(path)
    return None if found is None else int(found[1] or found[2] or 0)


def file_of(descriptor: int) -> str | None:
    """Return the path of a descriptor's regular file if it is at its start, else None."""
    try:
        status = os.fstat(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        same = os.path.samestat(status, os.stat(path))
        fresh = os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    except OSError:
        return None
    return path if same and fresh and stat.S_ISREG(status.st_mode) else None


def is_read_once(path: str) -> bool:
    """Whether it is neither a regular file nor a folder; raises OSError."""
    return file_system_of(path).stat(path).kind not in (FILE, FOLDER)


def opened(path: str, name: str, wait_s: float = WRITER_S) -> Peeked:
    """Open such an input and read its first bytes.

    Raises OSError, and InputError where a named pipe has no writer for `wait_s` seconds.
    """
    if (number := descriptor_of(path)) is not None:
        return Peeked(os.dup(number), owned=True)
    descriptor, first = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), b""
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            first = _await_writer(descriptor, name, wait_s)
        os.set_blocking(descriptor, True)
        return Peeked(descriptor, first, owned=True)
    except BaseException:
        os.close(descriptor)
        raise


def _await_writer(descriptor: int, name: str, wait_s: float) -> bytes:
    """Wait until a writer has, or had, opened the pipe; return what was read meanwhile."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + wait_s
    while not poll.poll(_LOOK_MS):
        try:
            if first := os.read(descriptor, 1):  # without a writer it is b"", and does not block
                return first
        except BlockingIOError:
            return b""
        if time.monotonic() > deadline:
            raise InputError(
                f"{name}: nobody has opened this named pipe for writing for {wait_s:g} s; start "
                f"what writes to it first, or wait as long as it takes: cat {name} | parapply ..."
            )
    return b""


class Peeked(io.RawIOBase):
    """A descriptor with `head`, its first 8 bytes or short line (no magic number has newlines)."""

    def __init__(self, descriptor: int, first: bytes = b"", *, owned: bool = False) -> None:
        self.descriptor, self.head, self._owned = descriptor, first, owned
        while b"\n" not in self.head and len(self.head) < HEAD_BYTES:
            if not (more := os.read(descriptor, HEAD_BYTES - len(self.head))):
                break
            self.head += more
        self._head = self.head

    def readable(self) -> bool:
        return True

    def silent(self, seconds: float | None) -> bool:
        """Whether nothing, not even the end, comes for `seconds` (None: waits)."""
        if self._head:
            return False
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return not poll.poll(None if seconds is None else seconds * 1000)

    def close(self) -> None:
        if self._owned and not self.closed:
            os.close(self.descriptor)
        super().close()

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return os.read(self.descriptor, size)
