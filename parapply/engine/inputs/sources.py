"""From the names a person gave to sources: files, folders and streams. Runs in the parent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from parapply.engine.inputs.opener import DASH, STDIN, InputOptions, Opened, Opener, Stream
from parapply.formats.api import Source
from parapply.formats.datasets import Folders, comparing, completed
from parapply.model.errors import InputError, UsageError
from parapply.model.records import field, record, replace
from parapply.storage.change_guard import ChangeGuard
from parapply.storage.folders import files_of
from parapply.storage.private import Naming


@record
class Inputs:
    """All sources of a job, in order; those that workers cannot seek in have a stream."""

    sources: tuple[Source, ...]
    format: str
    encoding: str | None  # of the first, None for UTF-8
    size_bytes: int
    streams: Mapping[int, Stream] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # real paths of all that is read
    guard: ChangeGuard = field(default_factory=ChangeGuard)
    once: bool = False  # whether something is read that cannot be read again

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns that are known."""
        return self.sources[0].columns

    @property
    def complete(self) -> bool:
        """Whether all columns are known."""
        return all(source.complete for source in self.sources)

    def completed(
        self, surveyed: Sequence[Source], blocks: Mapping[int, Iterator[tuple[int, bytes]]]
    ) -> Inputs:
        """Return these inputs with the columns that a survey found, the same for each of them.

        `blocks` are the streams as the survey left them, by the source's place.
        """
        names = tuple(dict.fromkeys(n for source in surveyed for n in source.own_columns))
        streams = {p: Stream(found, self.streams[p].again) for p, found in blocks.items()}
        sources = tuple(source.widened(names) for source in surveyed)
        return replace(self, sources=sources, streams=streams)

    def comparing(self, asked: Collection[int]) -> Inputs:
        """Return these inputs where no columns but those at these positions are asked for."""
        names = {self.sources[0].columns[position] for position in asked}
        return replace(self, sources=tuple(comparing(source, names) for source in self.sources))

    @property
    def endless(self) -> bool:
        """Whether rows come that cannot be looked at before they are worked on."""
        return any(stream.again is None for stream in self.streams.values())


def open_inputs(options: InputOptions, folder: str) -> Inputs:
    """Describe the inputs.

    A stream whose format has to be read from a file is written to `folder` first. Raises
    UsageError for a file that is not there, InputError for one that is not what it should be, or
    has other columns than the first.
    """
    opener = Opener(options, folder)
    opened = _open_all(opener, options.paths)
    for other in opened[1:]:
        _check_alike(opened[0], other)
    return Inputs(
        tuple(one.source for one in opened),
        opened[0].format,
        opened[0].encoding,
        sum(one.size_bytes for one in opened),
        {place: one.stream for place, one in enumerate(opened) if one.stream is not None},
        tuple(opener.files),
        opener.guard,
        opener.once,
    )


def _open_all(opener: Opener, paths: Sequence[str]) -> list[Opened]:
    """Open what is named, and all files in folders, with the columns that their names say."""
    files = [
        found for path in paths for found in ([(path, "")] if path == DASH else files_of(path))
    ]
    opener.alone = len(files) == 1
    folders = Folders([inside for _, inside in files], opener.reading)
    opened, added = [], []
    for place, (path, _) in enumerate(files):
        with Naming(STDIN if path == DASH else path):
            opened.append(opener.any(path))
        added.append(folders.columns(place, path))
    sources = completed([one.source for one in opened], added, lenient=opener.reading.lenient)
    return [replace(one, source=source) for one, source in zip(opened, sources, strict=True)]


def _check_alike(first: Opened, other: Opened) -> None:
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
