"""Standard input: a file that it is redirected from, or bytes that come once. In the parent."""

from __future__ import annotations

import io
import os
import select
import stat
import sys


def redirected() -> str | None:
    """Return the file that standard input is redirected from at its start, or None."""
    try:
        descriptor = sys.stdin.fileno()
        status = os.fstat(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        same = os.path.samestat(status, os.stat(path))
        fresh = os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    except (OSError, ValueError, AttributeError):
        return None
    return path if same and fresh and stat.S_ISREG(status.st_mode) else None


class Peeked(io.RawIOBase):
    """A descriptor whose first bytes have been looked at: 8, or a short line (nothing that begins
    otherwise than text has a newline there).
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self.head = descriptor, b""
        while b"\n" not in self.head and len(self.head) < 8:
            more = os.read(descriptor, 8 - len(self.head))
            if not more:
                break
            self.head += more
        self._head = self.head

    def readable(self) -> bool:
        """Say so to readers that ask."""
        return True

    def silent(self, seconds: float | None) -> bool:
        """Whether nothing comes for so long, not even the end; waits for it where that is None."""
        if self._head:
            return False
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return not poll.poll(None if seconds is None else seconds * 1000)

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, b"" at the end; all of them where it is negative."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return os.read(self.descriptor, size)
