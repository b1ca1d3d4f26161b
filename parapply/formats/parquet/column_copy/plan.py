"""Which columns of a Parquet input may be copied into the output as they are, page by page.

To decode columns that the function does not touch and to encode them again takes longer than many
a function does, and changes how they are encoded. Where each row of the input comes out once and
in its place, the pages of a column can be copied instead. Decided in the parent.
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

_MOST_ROWS = 1 << 20  # of a group: what the function makes of one is held until it is whole
_LEAST_ROWS = 1 << 10  # of groups on average: to copy a chunk takes as long as to write so few
_MOST_CHUNKS = 200  # of columns and groups, where groups have fewer: that is a few milliseconds
# Before, they did not always know where a chunk ends, or whether a page was compressed, and readers
# heed that where they see these names, as they do not in the output.
_SURE_FROM = {
    "parquet-mr version ": (1, 10),
    "parquet-cpp-arrow version ": (4, 0),
    "parquet-cpp version ": (9999, 0),
}


@record
class CopyPlan:
    """The columns of one file that are copied; the output's row groups are the file's then."""

    path: str
    name: str  # what the person called it
    state: FileState
    schema: pa.Schema
    groups: tuple[int, ...]  # rows
    positions: frozenset[int]  # of the columns that may be copied

    def open(self) -> BinaryIO:
        """Open the file; raises InputError where it is not what it was."""
        file = file_system_of(self.path).open(self.path)
        try:
            self.check()
        except InputError:
            file.close()
            raise
        return file

    def check(self) -> None:
        """Raise InputError where the file is not what it was."""
        change_guard.check(self.path, self.name, self.state)


def plan_of(source: ParquetSource, codec: str | None, layout: Layout) -> CopyPlan | None:
    """Return which columns can be copied from a file; None where none can.

    `codec` is how the output is to be compressed, where that was asked for; `layout` has the
    columns that are not stored as Arrow does.
    """
    schema, groups, names = source.schema, source.groups, source.columns
    few = sum(groups) < _LEAST_ROWS * len(groups)
    if (few and len(groups) * len(names) > _MOST_CHUNKS) or len(set(names)) < len(names):
        return None
    if max(groups, default=0) > _MOST_ROWS:
        return None
    try:
        with file_system_of(source.path).open(source.path) as file:
            known, footer = file_system_of(source.path).stat(source.path), Footer.read(file)
    except ThriftError:  # a file that others read, or that nobody does
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
