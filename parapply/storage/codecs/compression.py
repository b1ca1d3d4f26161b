"""The table of codecs, and writing compressed, encoded text. In the parent.

One reader decompresses and feeds the workers, so that the function still runs on all cores.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Callable
from typing import Any, BinaryIO

from parapply.model.errors import OutputError
from parapply.model.records import record
from parapply.storage.codecs.encodings import MARKED, begun

_BUFFER_BYTES = 1 << 20


@record
class _Codec:
    suffix: str
    magic: bytes
    reader: Callable[[BinaryIO, str | None], Any]  # of (file, scratch folder)
    writer: Callable[[BinaryIO], Any] | None  # None: only read


def _zstd_reader(file: BinaryIO, _: str | None) -> Any:
    import pyarrow as pa

    from parapply.storage.codecs.compressed import NotEmpty

    return pa.CompressedInputStream(pa.PythonFile(NotEmpty(file), "r"), "zstd")


def _zstd_writer(file: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedOutputStream(pa.PythonFile(_Open(file), "w"), "zstd")


def _gzip_reader(file: BinaryIO, _: str | None) -> Any:
    from parapply.storage.codecs.compressed import Gzip, Streams

    return Streams(file, Gzip, padding=1)  # tapes end with zeros


def _gzip_writer(file: BinaryIO) -> Any:
    import gzip

    # Without name and time in the header the same rows give the same bytes.
    return gzip.GzipFile("", "wb", 6, file, mtime=0)


def _bz2_reader(file: BinaryIO, _: str | None) -> Any:
    import bz2

    from parapply.storage.codecs.compressed import Streams

    return Streams(file, bz2.BZ2Decompressor, padding=0)


def _bz2_writer(file: BinaryIO) -> Any:
    import bz2

    return bz2.BZ2File(file, "wb")


def _xz_reader(file: BinaryIO, _: str | None) -> Any:
    import lzma

    from parapply.storage.codecs.compressed import Streams

    return Streams(file, lzma.LZMADecompressor, padding=4)  # as the xz format says


def _xz_writer(file: BinaryIO) -> Any:
    import lzma

    return lzma.LZMAFile(file, "wb")


def _zip_reader(file: BinaryIO, folder: str | None) -> Any:
    from parapply.storage.codecs.zipped import Zipped

    return Zipped(file, folder)


CODECS = {
    "gzip": _Codec(".gz", b"\x1f\x8b", _gzip_reader, _gzip_writer),
    "bz2": _Codec(".bz2", b"BZh", _bz2_reader, _bz2_writer),
    "xz": _Codec(".xz", b"\xfd7zXZ\x00", _xz_reader, _xz_writer),
    "zstd": _Codec(".zst", b"\x28\xb5\x2f\xfd", _zstd_reader, _zstd_writer),
    "zip": _Codec(".zip", b"PK\x03\x04", _zip_reader, None),
}


def codec_of(path: str) -> str | None:
    """Return the codec of a path's last suffix, or None."""
    suffix = os.path.splitext(path.rstrip("/"))[1].lower()
    return next((name for name, codec in CODECS.items() if codec.suffix == suffix), None)


WRITTEN = tuple(name for name, codec in CODECS.items() if codec.writer is not None)


def suffix_of(codec: str | None) -> str:
    """Return the suffix of files in a codec, "" for None."""
    return "" if codec is None else CODECS[codec].suffix


def codec_of_head(head: bytes) -> str | None:
    """Return the codec of a file's first bytes, or None."""
    return next((name for name, codec in CODECS.items() if head.startswith(codec.magic)), None)


def open_writer(file: BinaryIO, codec: str | None, encoding: str | None) -> TextWriter:
    """Return a writer of UTF-8 bytes that encodes and compresses them into `file`."""
    return TextWriter(file, codec, encoding)


class _Open(io.RawIOBase):
    """A file that stays open when its compressor is closed."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self.file.write(data)


class TextWriter:
    """Takes UTF-8 bytes; writes them in blocks of a fixed size, whatever size they came in."""

    def __init__(self, file: BinaryIO, codec: str | None, encoding: str | None) -> None:
        self.file, self._asked = file, encoding
        self.encoding = None if encoding == MARKED else encoding
        make = None if codec is None else CODECS[codec].writer
        self._sink = file if make is None else make(file)
        self._compresses = codec is not None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        # One for all blocks: UTF-16 has one mark, others return to ASCII at the end only.
        self._encoder = codecs.getincrementalencoder(self.encoding or "utf-8")()
        self._waiting = bytearray()
        self._begun = False

    @property
    def plain(self) -> bool:
        """Whether bytes pass unchanged, so that they may be copied into `file` directly."""
        return not self._compresses and self.encoding is None

    def write(self, data: bytes) -> None:
        """Buffer bytes, and write full blocks; the first call, even of b"", begins the file."""
        self._waiting += data if self._begun else begun(data, self._asked)
        self._begun = True
        while len(self._waiting) >= _BUFFER_BYTES:
            self._put(bytes(self._waiting[:_BUFFER_BYTES]), final=False)
            del self._waiting[:_BUFFER_BYTES]

    def flush(self) -> None:
        """Write plain bytes out; compressed ones only go out at `finish`."""
        if self.plain:
            self._put(bytes(self._waiting), final=False)
            self._waiting.clear()
            self.file.flush()

    def finish(self) -> None:
        """Write the rest and end the compressed stream; `file` stays open."""
        self._put(bytes(self._waiting), final=True)
        self._waiting.clear()
        if self._compresses:
            self._sink.close()

    def _put(self, data: bytes, *, final: bool) -> None:
        if self.encoding is not None:
            try:
                data = self._encoder.encode(self._decoder.decode(data, final), final)
            except UnicodeError as error:
                raise OutputError(
                    f"a result cannot be written as {self.encoding}: {error}; "
                    "write UTF-8 with --to-encoding utf-8"
                ) from error
        if data:
            self._sink.write(data)
