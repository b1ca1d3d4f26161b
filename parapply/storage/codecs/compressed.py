"""Decompression of concatenated streams. In the parent.

Python's `bz2.open` and `lzma.open` silently ignore what follows a stream and does not begin like
another: all that comes after xz padding, or a stream damaged at its start. This does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

_RAW_BYTES = 1 << 18


class Streams:
    """Reads streams, each with a decompressor (like `lzma.LZMADecompressor`) that `begin` makes.

    A multiple of `padding` zero bytes may separate streams; 0: none. Raises EOFError for a
    truncated stream, OSError for what is no stream, and the decompressor's errors for damage.
    """

    def __init__(self, file: BinaryIO, begin: Callable[[], Any], padding: int) -> None:
        self._file, self._begin, self._padding = file, begin, padding
        self._stream: Any = None
        self._raw, self._position = b"", 0  # read ahead, from this place in the file
        self._count, self._began = 0, 0  # streams so far, and the latest one's start
        self._fresh = False  # whether that has given no bytes yet

    def read(self, size: int = -1) -> bytes:
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
    """`zlib`'s decompressor of one gzip member, with the interface of bz2's and lzma's."""

    def __init__(self) -> None:
        import zlib

        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def needs_input(self) -> bool:
        return not self._member.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, size: int) -> bytes:
        import zlib

        try:
            return self._member.decompress(self._member.unconsumed_tail + data, size)
        except zlib.error as error:
            raise OSError(str(error)) from error


class NotEmpty:
    """A file for decompressors that accept an empty one: reading that raises EOFError."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._empty = file, True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._empty = self._empty and not data
        if self._empty:
            raise EOFError("it is empty")
        return data

    def close(self) -> None:
        """The file is closed by whoever opened it."""
