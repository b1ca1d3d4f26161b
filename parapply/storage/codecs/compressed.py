"""Compressed streams, one after the other, as the plain bytes in them. In the parent.

Python's own `bz2.open` and `lzma.open` take whatever follows a stream for nothing where it does not
begin like another one: padding, which the xz format allows between streams, hides all that comes
after it, and so does a second stream that is damaged at its start. Here it is read or said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

_RAW_BYTES = 1 << 18


class Streams:
    """Reads what `begin()` decompresses: an object like `lzma.LZMADecompressor`, one a stream.

    `padding` is how many zero bytes may stand between streams, or a multiple of it; 0: none may.
    Raises EOFError where a stream is not whole, OSError for anything else that is no stream, and
    what the decompressor raises for one that is damaged.
    """

    def __init__(self, file: BinaryIO, begin: Callable[[], Any], padding: int) -> None:
        self._file, self._begin, self._padding = file, begin, padding
        self._stream: Any = None
        self._raw, self._position = b"", 0  # what was read ahead, and where in the file it stands
        self._count, self._began = 0, 0  # streams so far, and where the latest one begins
        self._fresh = False  # whether nothing has come of that yet

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, b"" only at the end; all of them where it is negative."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while self._stream is not None or self._next():
            data = self._decompressed(size)
            if self._stream.eof:
                self._raw, self._stream = self._stream.unused_data, None
                self._position -= len(self._raw)
            if data:
                return data
        return b""

    def close(self) -> None:
        """The file is closed by whoever opened it."""

    def _next(self) -> bool:
        """Begin the next stream; False where there is none."""
        if self._count and self._padding:
            self._skip_padding()
        if not self._fill():
            if not self._count:
                raise EOFError("it is empty")
            return False
        self._stream, self._began, self._fresh = self._begin(), self._position, True
        self._count += 1
        return True

    def _skip_padding(self) -> None:
        start = self._position
        while self._fill() and self._raw.startswith(b"\0"):
            left = self._raw.lstrip(b"\0")
            self._position += len(self._raw) - len(left)
            self._raw = left
        if (zeros := self._position - start) % self._padding:
            raise OSError(f"{zeros} zero bytes follow the stream that ends at byte {start}")

    def _fill(self) -> bool:
        self._raw = self._raw or self._file.read(_RAW_BYTES)
        return bool(self._raw)

    def _decompressed(self, size: int) -> bytes:
        raw = b""
        if self._stream.needs_input and self._fill():
            raw, self._raw = self._raw, b""
            self._position += len(raw)
        try:
            data: bytes = self._stream.decompress(raw, size)
        except Exception as error:
            if self._count == 1 or not self._fresh:
                raise
            raise OSError(f"what follows byte {self._began} is no whole stream: {error}") from error
        if not (raw or data or self._stream.eof) and self._stream.needs_input:
            raise EOFError(f"it ends at byte {self._position}, in the midst of a stream")
        self._fresh = self._fresh and not data
        return data


class Gzip:
    """`zlib`'s decompressor of one gzip member, with the names that those of bz2 and lzma have."""

    def __init__(self) -> None:
        import zlib

        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def needs_input(self) -> bool:
        """Whether all that was given has been looked at."""
        return not self._member.unconsumed_tail

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self._member.unused_data

    def decompress(self, data: bytes, size: int) -> bytes:
        """Return at most `size` bytes; raises OSError for what is damaged."""
        import zlib

        try:
            return self._member.decompress(self._member.unconsumed_tail + data, size)
        except zlib.error as error:
            raise OSError(str(error)) from error


class NotEmpty:
    """A file in which something is: for readers that take an empty one for no stream at all."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._empty = file, True

    def read(self, size: int = -1) -> bytes:
        """Read on; raises EOFError where nothing has come before the end."""
        data = self._file.read(size)
        self._empty = self._empty and not data
        if self._empty:
            raise EOFError("it is empty")
        return data

    def close(self) -> None:
        """The file is closed by whoever opened it."""
