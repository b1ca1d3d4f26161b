"""One input at a time, in whatever compression, encoding and format it is. Runs in the parent."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from parapply import formats
from parapply.errors import UsageError
from parapply.formats import NotStreamableError, Reading, Source
from parapply.inputs import pipes, transport
from parapply.inputs.peeked import Peeked
from parapply.inputs.witness import Witness
from parapply.job import Job, on_error
from parapply.outputs.output import STDOUT
from parapply.records import record, replace

DASH, STDIN = "-", "standard input"
_SPARE_BYTES = 1 << 28  # of input, whose numbers take twice that on the disk at the most
_Blocks = Iterator[tuple[int, bytes]]


@record
class Stream:
    """What has to be read from its start: (rows, text) blocks; `again` where it can be reread."""

    blocks: _Blocks
    again: Callable[[], _Blocks] | None


@record
class Opened:
    """An input that has been looked at."""

    source: Source
    format: str
    encoding: str | None
    size_bytes: int
    stream: Stream | None = None


class Opener:
    """Opens one input at a time, in whatever compression, encoding and format it is."""

    def __init__(self, job: Job, folder: str) -> None:
        self.format, self.folder, self.witness = job.input_format, folder, Witness()
        self.encoding = transport.check_encoding(job.encoding)
        self.files: list[str] = []
        self.once = False  # whether something is read that cannot be read again
        self._copies = 0  # files of what can only be read from one
        self.alone = True  # whether there is one input
        self._numbers = set[int]()  # descriptors that are read
        self.reading = Reading(
            job.delimiter, job.quote, job.escape, job.comment, job.no_headers, job.skip_rows,
            on_error(job) != "fail", job.null_values, job.all_strings, job.dtypes, folder,
            _SPARE_BYTES, job.output in STDOUT,
        )  # fmt: skip

    def file(self, path: str, name: str, usual: str | None = None) -> Opened:
        """Describe a file; `usual` is its format where neither name nor content say one."""
        self.witness.see(path, name)
        with open(path, "rb") as file:
            head = file.read(8)
        codec, format_ = self._kind(path, name, head, usual)
        if self.reading.skip_rows and not formats.is_text(format_):
            raise UsageError(f"--skip-rows leaves out lines of text; {name} is {format_}")
        encoding = self._encoding(path, codec)
        real = os.path.realpath(path)
        self.files.append(real)
        if codec is None and encoding is None:
            source = formats.load(format_).source(real, name, self.reading)
            size = os.path.getsize(path)
            spare = max(0, self.reading.spare_bytes - size)  # for the files after this one
            self.reading = replace(self.reading, spare_bytes=spare)
            return Opened(source, format_, None, size)

        def open_stream() -> BinaryIO:
            return transport.open_reader(open(real, "rb"), name, codec, encoding)

        return self._stream(open_stream, name, format_, encoding, again=True)

    def any(self, path: str) -> Opened:
        """Describe a file, or what is read once: "-" is standard input, also where that is one."""
        name = STDIN if path == DASH else path
        number = sys.stdin.fileno() if path == DASH else pipes.descriptor_of(path)
        if number is None:
            once = pipes.is_read_once(path)
            return self._once(pipes.opened(path, name), name) if once else self.file(path, name)
        if number in self._numbers:
            raise UsageError(f"{name} is named twice, and can be read once")
        self._numbers.add(number)
        if (file := pipes.file_of(number)) is not None:
            return self.file(file, name, "csv")
        return self._once(Peeked(number), name)

    def _once(self, file: Peeked, name: str) -> Opened:
        """Describe what is read once."""
        # Not sys.stdin: the thread that reads it may be waiting when the process ends.
        codec, format_ = self._kind(name, name, file.head, "csv")
        encoding = None if codec else self._resolved(file.head)
        reader = transport.open_reader(cast(BinaryIO, file), name, codec, encoding)
        self.once = True
        return self._stream(lambda: reader, name, format_, encoding, again=False)

    def _kind(self, path: str, name: str, head: bytes, usual: str | None) -> tuple[str | None, str]:
        """Codec and format, by the options, the path, or the first bytes; else the usual format."""
        codec = transport.codec_of(path) or transport.codec_of_head(head)
        plain = path[: -len(Path(path).suffix)] if transport.codec_of(path) else path
        format_ = self.format or formats.name_of(plain) or formats.name_of_head(head) or usual
        if format_ is None:
            raise UsageError(
                f"{name}: the name does not say which format it has; "
                f"use --from {'|'.join(formats.FORMATS)}"
            )
        return codec, format_

    def _stream(
        self,
        open_: Callable[[], BinaryIO],
        name: str,
        format_: str,
        encoding: str | None,
        *,
        again: bool,
    ) -> Opened:
        room = formats.load(format_)
        file = open_()
        try:
            source, blocks = room.stream(file, name, self.reading)
        except NotStreamableError:
            return self._copied(file, name, format_)
        if not again and self.alone and not source.complete:
            source = source.widened(source.columns)  # it shows its columns in its head

        def reopen() -> _Blocks:
            file = open_()
            return _closing(room.stream(file, name, self.reading)[1], file)

        stream = Stream(_closing(blocks, file), reopen if again else None)
        return Opened(source, format_, encoding, 1 << 62, stream)

    def _copied(self, file: BinaryIO, name: str, format_: str) -> Opened:
        path = Path(self.folder, f"input-{self._copies}")
        self._copies += 1
        with open(path, "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        source = formats.load(format_).source(str(path), name, self.reading)
        return Opened(source, format_, None, path.stat().st_size)

    def _encoding(self, path: str, codec: str | None) -> str | None:
        with open(path, "rb") as file, transport.open_reader(file, path, codec, None) as reader:
            return self._resolved(reader.read(4))

    def _resolved(self, head: bytes) -> str | None:
        """The encoding that was asked for, or that a byte order mark tells."""
        marked = transport.encoding_of_head(head)
        if self.encoding in ("utf-16", "utf-32"):  # the order, or every block would get a mark
            return marked or f"{self.encoding}-le"
        return self.encoding or marked


def _closing(blocks: _Blocks, file: BinaryIO) -> _Blocks:
    """Yield all blocks, and close their file when they end or nobody wants more."""
    try:
        yield from blocks
    finally:
        file.close()
