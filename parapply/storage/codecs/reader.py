"""Reading an input's plain bytes, whatever its compression and encoding. In the parent."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

from parapply.model.errors import InputError
from parapply.storage.codecs.compression import CODECS


def open_reader(file: BinaryIO, name: str, codec: str | None, folder: str) -> Reader:
    """Return a reader of plain bytes; zip archives from a pipe are copied into `folder` first."""
    return Reader(file if codec is None else CODECS[codec].reader(file, folder), name, file)


@runtime_checkable
class _Archive(Protocol):
    inner_name: str


@runtime_checkable
class _Slow(Protocol):
    def silent(self, seconds: float | None) -> bool: ...


class Reader(io.RawIOBase):
    """Reads and recodes; errors are one line that names the input."""

    def __init__(self, file: Any, name: str, raw: BinaryIO) -> None:
        self.file, self.name, self.raw = file, name, raw
        self.encoding: str | None = None
        self.decoder: codecs.IncrementalDecoder | None = None
        self._lines = 0
        self._head = b""  # peeked, not read yet

    @property
    def inner_name(self) -> str | None:
        """The name of the file in an archive."""
        return self.file.inner_name if isinstance(self.file, _Archive) else None

    def peek(self, size: int) -> bytes:
        """Return the first `size` bytes, or a short first line, without consuming them."""
        while len(self._head) < size and b"\n" not in self._head:
            if not (more := self._raw_read(size - len(self._head))):
                break
            self._head += more
        return self._head

    def recoded(self, encoding: str | None) -> Reader:
        """Decode text in `encoding` (None: UTF-8) from now on, and read it as UTF-8."""
        self.encoding = encoding
        self.decoder = None if encoding is None else codecs.getincrementaldecoder(encoding)()
        return self

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes, b"" only at the end."""
        while True:
            block = self._read(size)
            if self.decoder is None:
                return block
            try:
                text = self.decoder.decode(block, not block)
                data = text.encode()
            except UnicodeError as error:
                raise InputError(self._misread(error)) from error
            self._lines += data.count(b"\n")
            if text or not block:
                return data

    def _misread(self, error: UnicodeError) -> str:
        said = f"not {self.encoding} text"
        if isinstance(error, UnicodeDecodeError):
            before = error.object[: error.start].decode(self.encoding or "utf-8", "replace")
            line = self._lines + before.count("\n") + 1
            what = error.object[error.start : error.end][:4]
            said = f"line {line}: {what!r} is no {self.encoding} text ({error.reason})"
        return f"{self.name}: {said}; name its --encoding (utf-8? cp1252?)"

    @property
    def silent(self) -> Callable[[float | None], bool] | None:
        """A function: whether nothing comes for some seconds (None: waits); None if unknown."""
        if not isinstance(file := self.file, _Slow):
            return None
        return lambda seconds: not self._head and file.silent(seconds)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.file.close()
        self.raw.close()  # decompressors do not
        super().close()

    def _read(self, size: int) -> bytes:
        if not self._head:
            return self._raw_read(size)
        if size < 0:
            head, self._head = self._head, b""
            return head + self._raw_read(size)
        head, self._head = self._head[:size], self._head[size:]
        return head

    def _raw_read(self, size: int) -> bytes:
        broken: tuple[type[Exception], ...] = (OSError, EOFError, *_errors_of_xz())
        try:
            return cast(bytes, self.file.read(size))
        except broken as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(f"{self.name}: cannot be decompressed: {error}") from error


def _errors_of_xz() -> tuple[type[Exception], ...]:
    loaded = sys.modules.get("lzma")  # if it is not loaded, it cannot raise
    return () if loaded is None else (loaded.LZMAError,)
