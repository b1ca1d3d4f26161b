"""From the names a person gave to sources: files, or standard input. Runs in the parent."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from parapply import formats
from parapply.errors import InputError, UsageError
from parapply.formats import NotStreamableError, Reading, Source, hive
from parapply.formats.added import AddedSource, Column
from parapply.formats.labels import labels, without_stale
from parapply.inputs import transport
from parapply.inputs.folders import files_of
from parapply.inputs.stdin import Peeked, redirected
from parapply.inputs.witness import Witness
from parapply.job import Job, on_error
from parapply.naming import Naming
from parapply.outputs.output import STDOUT
from parapply.records import field, record, replace

if TYPE_CHECKING:
    from parapply.inputs.survey import Table

_STDIN = "standard input"
_SPARE_BYTES = 1 << 28  # of input, whose numbers take twice that on the disk at the most
_Blocks = Iterator[tuple[int, bytes]]


@record
class Stream:
    """What has to be read from its start: (rows, text) blocks; `again` where it can be reread."""

    blocks: _Blocks
    again: Callable[[], _Blocks] | None


@record
class Inputs:
    """All sources of a job, in order; those that workers cannot seek in have a stream."""

    sources: tuple[Source, ...]
    format: str
    encoding: str | None  # of the first, None for UTF-8
    size_bytes: int
    streams: Mapping[int, Stream] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # real paths of all that is read
    witness: Witness = field(default_factory=Witness)

    @property
    def complete(self) -> bool:
        """Whether all columns are known."""
        return all(source.complete for source in self.sources)

    def completed(self, table: Table) -> Inputs:
        """Return these inputs with the columns that a survey found, the same for each of them."""
        names = tuple(dict.fromkeys(n for source in table.sources for n in source.columns))
        streams = {p: Stream(blocks, self.streams[p].again) for p, blocks in table.streams.items()}
        sources = tuple(source.widened(names) for source in table.sources)
        return replace(self, sources=sources, streams=streams)

    @property
    def endless(self) -> bool:
        """Whether rows come that cannot be looked at before they are worked on."""
        return any(stream.again is None for stream in self.streams.values())


@record
class _Opened:
    source: Source
    format: str
    encoding: str | None
    size_bytes: int
    stream: Stream | None = None


def open_inputs(job: Job, folder: str) -> Inputs:
    """Describe the inputs.

    A stream whose format has to be read from a file is written to `folder` first. Raises
    UsageError for a file that is not there, InputError for one that is not what it should be, or
    has other columns than the first.
    """
    opener = _Opener(job, folder)
    if list(job.inputs) == ["-"]:
        path = redirected()
        with Naming(_STDIN):
            opened = [opener.stdin() if path is None else opener.file(path, _STDIN, "csv")]
    elif "-" in job.inputs:
        raise UsageError("standard input (-) cannot be read together with files")
    else:
        opened = _open_files(opener, job.inputs)
    for other in opened[1:]:
        _check_alike(opened[0], other)
    return Inputs(
        tuple(one.source for one in opened),
        opened[0].format,
        opened[0].encoding,
        sum(one.size_bytes for one in opened),
        {place: one.stream for place, one in enumerate(opened) if one.stream is not None},
        tuple(opener.files),
        opener.witness,
    )


class _Opener:
    """Opens one input at a time, in whatever compression, encoding and format it is."""

    def __init__(self, job: Job, folder: str) -> None:
        self.format, self.folder, self.witness = job.input_format, folder, Witness()
        self.encoding = transport.check_encoding(job.encoding)
        self.files: list[str] = []
        self.reading = Reading(
            job.delimiter, job.quote, job.escape, job.comment, job.no_headers, job.skip_rows,
            on_error(job) != "fail", job.null_values, job.all_strings, job.dtypes, folder,
            _SPARE_BYTES, job.output in STDOUT,
        )  # fmt: skip

    def file(self, path: str, name: str, usual: str | None = None) -> _Opened:
        """Describe a file; `usual` is its format where neither name nor content say one."""
        self.witness.see(path, name)
        with open(path, "rb") as file:
            head = file.read(8)
        codec = transport.codec_of(path) or transport.codec_of_head(head)
        plain = path[: -len(Path(path).suffix)] if transport.codec_of(path) else path
        format_ = self.format or formats.name_of(plain) or formats.name_of_head(head) or usual
        if format_ is None:
            raise UsageError(
                f"{name}: the name does not say which format it has; "
                f"use --from {'|'.join(formats.FORMATS)}"
            )
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
            return _Opened(source, format_, None, size)

        def open_stream() -> BinaryIO:
            return transport.open_reader(open(real, "rb"), name, codec, encoding)

        return self._stream(open_stream, name, format_, encoding, again=True)

    def stdin(self) -> _Opened:
        """Describe standard input, which is read once."""
        # Not sys.stdin: the thread that reads it may be waiting when the process ends.
        file = Peeked(sys.stdin.fileno())
        head = file.head
        codec = transport.codec_of_head(head)
        format_ = self.format or formats.name_of_head(head) or "csv"
        encoding = None if codec else self._resolved(head)
        reader = transport.open_reader(cast(BinaryIO, file), _STDIN, codec, encoding)
        return self._stream(lambda: reader, _STDIN, format_, encoding, again=False)

    def _stream(
        self,
        open_: Callable[[], BinaryIO],
        name: str,
        format_: str,
        encoding: str | None,
        *,
        again: bool,
    ) -> _Opened:
        room = formats.load(format_)
        file = open_()
        try:
            source, blocks = room.stream(file, name, self.reading)
        except NotStreamableError:
            return self._copied(file, name, format_)
        if not (again or source.complete):  # what is read once shows its columns in its head
            source = source.widened(source.columns)

        def reopen() -> _Blocks:
            file = open_()
            return _closing(room.stream(file, name, self.reading)[1], file)

        stream = Stream(_closing(blocks, file), reopen if again else None)
        return _Opened(source, format_, encoding, 1 << 62, stream)

    def _copied(self, file: BinaryIO, name: str, format_: str) -> _Opened:
        path = Path(self.folder, "input")
        with open(path, "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        source = formats.load(format_).source(str(path), name, self.reading)
        return _Opened(source, format_, None, path.stat().st_size)

    def _encoding(self, path: str, codec: str | None) -> str | None:
        with open(path, "rb") as file, transport.open_reader(file, path, codec, None) as reader:
            return self._resolved(reader.read(4))

    def _resolved(self, head: bytes) -> str | None:
        """The encoding that was asked for, or that a byte order mark tells."""
        marked = transport.encoding_of_head(head)
        if self.encoding in ("utf-16", "utf-32"):  # the order, or every block would get a mark
            return marked or f"{self.encoding}-le"
        return self.encoding or marked


def _open_files(opener: _Opener, paths: Sequence[str]) -> list[_Opened]:
    """Open files, and all files in folders, with the columns that their folders' names say."""
    files = [found for path in paths for found in files_of(path)]
    keys = [hive.keys_of(inside) for _, inside in files]
    types = hive.types_of(keys)
    opened: list[_Opened] = []
    added: list[list[Column]] = []
    for (path, _), pairs in zip(files, keys, strict=True):
        with Naming(path):
            one = opener.file(path, path)
        opened.append(replace(one, source=without_stale(one.source)))
        new = [pair for pair in pairs if pair[0] not in one.source.columns]
        added.append([hive.Constant(name, value, types[name]) for name, value in new])
    for columns, found in zip(added, labels([one.source for one in opened]), strict=True):
        columns += [] if found is None else [found]
    return [
        replace(one, source=AddedSource(one.source, tuple(columns))) if columns else one
        for one, columns in zip(opened, added, strict=True)
    ]


def _check_alike(first: _Opened, other: _Opened) -> None:
    one, two = first.source, other.source
    if first.format != other.format:
        raise UsageError(
            f"{one.name} is {first.format} and {two.name} is {other.format}: convert one first"
        )
    if one.columns == two.columns or not (one.complete and two.complete):
        return
    for place, (left, right) in enumerate(zip(one.columns, two.columns, strict=False), 1):
        if left != right:
            detail = f"column {place} is {left!r} in one and {right!r} in the other"
            break
    else:
        detail = f"{len(one.columns)} columns in one and {len(two.columns)} in the other"
    raise InputError(f"{one.name} and {two.name} are not parts of one table: {detail}")


def _closing(blocks: _Blocks, file: BinaryIO) -> _Blocks:
    """Yield all blocks, and close their file when they end or nobody wants more."""
    try:
        yield from blocks
    finally:
        file.close()
