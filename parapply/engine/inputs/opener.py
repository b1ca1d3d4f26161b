"""One input at a time, in whatever compression, encoding and format it is. Runs in the parent."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, cast

from parapply.formats import foreign
from parapply.formats import registry as formats
from parapply.formats.api import NotSeekableError, Source, StreamReader
from parapply.formats.nouns import Reading
from parapply.model.errors import InputError, UsageError
from parapply.model.records import record, replace
from parapply.storage import pipes
from parapply.storage.change_guard import ChangeGuard
from parapply.storage.codecs import compression, encodings
from parapply.storage.codecs.reader import Reader, open_reader
from parapply.storage.pipes import HEAD_BYTES, Peeked
from parapply.storage.private import create
from parapply.storage.registry import file_system_of

DASH, STDIN = "-", "standard input"
_SPARE_BYTES = 1 << 28  # of input, whose numbers take twice that on the disk at the most
_Blocks = Iterator[tuple[int, bytes]]


@record
class InputOptions:
    """What a person says of the inputs: their names, and how they are to be read."""

    paths: tuple[str, ...]
    format: str | None
    encoding: str | None  # as Python names it; None: as a mark says, or UTF-8
    reading: Reading
    twice: bool = False  # all of them are read more than once


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

    def __init__(self, options: InputOptions, folder: str) -> None:
        self.format, self.encoding, self.twice = options.format, options.encoding, options.twice
        self.folder, self.guard = folder, ChangeGuard()
        self.files: list[str] = []
        self.once = False  # whether something is read that cannot be read again
        self._copies = 0  # files of what can only be read from one
        self.alone = True  # whether there is one input
        self._numbers = set[int]()  # descriptors that are read
        self.reading = replace(options.reading, folder=folder, spare_bytes=_SPARE_BYTES)

    def file(self, path: str, name: str, usual: str | None = None) -> Opened:
        """Describe a file; `usual` is its format where neither name nor content say one."""
        self.guard.see(path, name)
        system = file_system_of(path)
        real = system.resolve(path)
        with system.open(path) as file:
            beginning = file.read(HEAD_BYTES)
        codec = compression.codec_of(path) or compression.codec_of_head(beginning)

        def open_stream() -> Reader:
            return open_reader(system.open(real), name, codec, self.folder)

        with open_stream() as reader:
            format_, encoding = self._kind(path, reader, usual)
        self.files.append(real)
        if codec is None and encoding is None and not formats.FORMATS[format_].streams:
            with suppress(NotSeekableError):
                source = formats.reader(format_).source(real, name, self.reading)
                size = system.stat(path).size
                spare = max(0, self.reading.spare_bytes - size)  # for the files after this one
                self.reading = replace(self.reading, spare_bytes=spare)
                return Opened(source, format_, None, size)
        return self._stream(
            lambda: open_stream().recoded(encoding), name, format_, encoding, again=True
        )

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
        self.once = True
        if self.twice:
            path = self._copy_path()
            with create(path) as copy:
                shutil.copyfileobj(cast(BinaryIO, file), copy, 1 << 20)
            return self.file(path, name, "csv")
        # Not sys.stdin: the thread that reads it may be waiting when the process ends.
        codec = compression.codec_of(name) or compression.codec_of_head(file.head)
        reader = open_reader(cast(BinaryIO, file), name, codec, self.folder)
        format_, encoding = self._kind(name, reader, "csv")
        recoded = reader.recoded(encoding)
        return self._stream(lambda: recoded, name, format_, encoding, again=False)

    def _kind(self, path: str, reader: Reader, usual: str | None) -> tuple[str, str | None]:
        """Format and encoding: by the options, the names or the first bytes; else as is usual."""
        head = reader.peek(HEAD_BYTES)
        plain = path.rstrip("/") if (codec := compression.codec_of(path)) else path
        plain = plain[: len(plain) - len(compression.suffix_of(codec))]
        named = formats.name_of(plain, read=True) or formats.name_of(
            reader.inner_name or "", read=True
        )
        found = formats.name_of_head(head)
        format_ = self.format or named or found or usual
        foreign.check(head, reader.name)
        if format_ is None:
            raise UsageError(
                f"{reader.name}: the name does not say which format it has; "
                f"use --from {'|'.join(formats.read_names())}"
            )
        formats.check_read(reader.name, format_)
        if not formats.FORMATS[format_].is_text:
            if self.reading.skip_rows:
                raise UsageError(
                    f"--skip-rows leaves out lines of text; {reader.name} is {format_}"
                )
            return format_, None
        if found is not None and not formats.FORMATS[found].is_text:
            raise InputError(
                f"{reader.name} is to be read as {format_} and is {found}: say --from {found}"
            )
        return format_, self._resolved(head)

    def _stream(
        self,
        open_: Callable[[], Reader],
        name: str,
        format_: str,
        encoding: str | None,
        *,
        again: bool,
    ) -> Opened:
        file = cast(BinaryIO, open_())
        if not formats.FORMATS[format_].is_text:
            return self._copied(file, name, format_)
        room = cast(StreamReader, formats.reader(format_))
        source, blocks = room.stream(file, name, self.reading)
        if not again and self.alone and not source.complete:
            source = source.widened(source.columns)  # it shows its columns in its head

        def reopen() -> _Blocks:
            file = cast(BinaryIO, open_())
            return _closing(room.stream(file, name, self.reading)[1], file)

        stream = Stream(_closing(blocks, file), reopen if again else None)
        return Opened(source, format_, encoding, 1 << 62, stream)

    def _copied(self, file: BinaryIO, name: str, format_: str) -> Opened:
        path = self._copy_path()
        with create(path) as copy:
            formats.copier(format_)(file, copy, name)
        source = formats.reader(format_).source(path, name, self.reading)
        return Opened(source, format_, None, os.path.getsize(path))

    def _copy_path(self) -> str:
        self._copies += 1
        return os.path.join(self.folder, f"input-{self._copies}")

    def _resolved(self, head: bytes) -> str | None:
        """The encoding that was asked for, or that a byte order mark tells."""
        marked = encodings.encoding_of_head(head)
        if self.encoding in ("utf-16", "utf-32"):  # the order, or every block would get a mark
            return marked or f"{self.encoding}-le"
        return self.encoding or marked


def _closing(blocks: _Blocks, file: BinaryIO) -> _Blocks:
    """Yield all blocks, and close their file when they end or nobody wants more."""
    try:
        yield from blocks
    finally:
        file.close()
