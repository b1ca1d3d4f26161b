"""Bytes that come once, from standard input or another descriptor. In the parent."""

from __future__ import annotations

import io
import os
import select

HEAD_BYTES = 8  # that tell a format


class Peeked(io.RawIOBase):
    """A descriptor whose first bytes have been looked at: 8, or a short line (nothing that begins
    otherwise than text has a newline there).
    """

    def __init__(self, descriptor: int, first: bytes = b"", *, owned: bool = False) -> None:
        self.descriptor, self.head, self._owned = descriptor, first, owned
        while b"\n" not in self.head and len(self.head) < HEAD_BYTES:
            more = os.read(descriptor, HEAD_BYTES - len(self.head))
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

    def close(self) -> None:
        """Close it, where it is not somebody else's: whoever writes to it hears of it."""
        if self._owned and not self.closed:
            os.close(self.descriptor)
        super().close()

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, b"" at the end; all of them where it is negative."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return os.read(self.descriptor, size)
