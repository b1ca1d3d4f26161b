"""Which columns of a Parquet input can be copied into the output page by page. In the parent.

Decoding and encoding columns that the function does not touch takes longer than many functions, and
changes their encoding. Copying requires that each input row is output once and in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa

from parapply.formats.parquet.elements import Layout
from parapply.formats.parquet.footer import CODECS, MAGIC, ColumnChunk, Footer, leaves
from parapply.formats.parquet.source import ParquetSource
from parapply.formats.parquet.thrift import ThriftError
from parapply.model.errors import InputError
from parapply.model.records import record
from parapply.storage import change_guard
from parapply.storage.api import FileState
from parapply.storage.registry import file_system_of

_MOST_ROWS = 1 << 20  # of a group: its results are held until complete
_LEAST_ROWS = 1 << 10  # of groups on average: fewer are written as fast as a chunk is copied
_MOST_CHUNKS = 200  # columns times groups, if these are smaller: takes a few milliseconds
# Earlier versions misstated a chunk's end, or whether a page is compressed. Readers correct that by
# the writer's name, which the output does not have.
_SURE_FROM = {
    "parquet-mr version ": (1, 10),
    "parquet-cpp-arrow version ": (4, 0),
    "parquet-cpp version ": (9999, 0),
}


@record
class CopyPlan:
    """The columns of one file to copy; the output then has the file's row groups."""

    path: str
    name: str  # in messages
    state: FileState
    schema: pa.Schema
    groups: tuple[int, ...]  # rows
    positions: frozenset[int]  # of the columns that may be copied

    def open(self) -> BinaryIO:
        """Open the file; raises InputError where it has changed."""
        file = file_system_of(self.path).open(self.path)
        try:
            self.check()
        except InputError:
            file.close()
            raise
        return file

    def check(self) -> None:
        change_guard.check(self.path, self.name, self.state)


def plan_of(source: ParquetSource, codec: str | None, layout: Layout) -> CopyPlan | None:
    """Return which columns can be copied; `codec` is the output's, if the user asked for one."""
    schema, groups, names = source.schema, source.groups, source.columns
    few = sum(groups) < _LEAST_ROWS * len(groups)
    if (few and len(groups) * len(names) > _MOST_CHUNKS) or len(set(names)) < len(names):
        return None
    if max(groups, default=0) > _MOST_ROWS:
        return None
    try:
        with file_system_of(source.path).open(source.path) as file:
            known, footer = file_system_of(source.path).stat(source.path), Footer.read(file)
    except ThriftError:  # Arrow may still read it
        return None
    if footer is None or not _is_sure(footer.writer) or source.version != known:
        return None
    found = frozenset(
        position
        for position in _copied(footer, groups, codec)
        if names[position] not in source.types and names[position] not in layout.refused
    )
    return CopyPlan(source.path, source.name, known, schema, groups, found) if found else None


def _copied(footer: Footer, rows: Sequence[int], codec: str | None) -> Iterator[int]:
    """Yield the positions of columns whose pages can stand in another file."""
    groups = [group for group, count in zip(footer.groups(), rows, strict=True) if count]
    first = 0
    for position, column in enumerate(footer.columns()):
        stop = first + leaves(column)
        chunks = [chunk for group in groups for chunk in group[first:stop]]
        if all(_may_be_copied(chunk, footer, codec) for chunk in chunks):
            yield position
        first = stop


def _may_be_copied(chunk: ColumnChunk, footer: Footer, codec: str | None) -> bool:
    if not chunk.readable or (codec is not None and CODECS[codec] != chunk.codec):
        return False
    return len(MAGIC) <= chunk.start <= chunk.start + chunk.size <= footer.start


def _is_sure(writer: str) -> bool:
    for name, least in _SURE_FROM.items():
        if writer.startswith(name):
            number = re.match(r"(\d+)\.(\d+)", writer.removeprefix(name))
            return number is not None and tuple(map(int, number.groups())) >= least
    return bool(writer)
