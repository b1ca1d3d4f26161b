"""Which columns of a Parquet input may be carried over into the output as they are, page by page.

To decode columns that the function does not touch and to encode them again takes longer than many
a function does, and changes how they are encoded. Where each row of the input comes out once and
in its place, the pages of a column can be copied instead. Decided in the parent.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from parapply.formats.parquet.footer import CODECS, MAGIC, Chunk, Footer, leaves
from parapply.formats.parquet.source import ParquetSource
from parapply.formats.parquet.thrift import ThriftError
from parapply.records import record

_MOST_ROWS = 1 << 20  # of a group: what the function makes of one is held until it is whole
_LEAST_ROWS = 1 << 10  # of groups on average: to carry a chunk takes as long as to write so few
_DOUBTFUL = "parquet-mr version 1."  # before 1.10 it did not always know where its chunks end
_SURE_FROM = 10


@record
class Carry:
    """The columns of one file that are copied; the output's row groups are the file's then."""

    path: str
    names: tuple[str, ...]  # all of the file's columns
    groups: tuple[int, ...]  # rows
    positions: frozenset[int]  # of the columns that may be copied


def carry_of(source: ParquetSource, codec: str | None) -> Carry | None:
    """Return which columns can be carried over from a file; None where none can.

    `codec` is how the output is to be compressed, where that was asked for.
    """
    schema, groups = source.schema, source.groups
    many = len(groups) > 1 and sum(groups) < _LEAST_ROWS * len(groups)
    if many or max(groups, default=0) > _MOST_ROWS or len(set(schema.names)) < len(schema.names):
        return None
    try:
        with open(source.path, "rb") as file:
            footer = Footer.read(file)
        plain = empty(schema, codec or "none")
    except (ThriftError, pa.ArrowException):  # a file that others read, or that nobody does
        return None
    if footer is None or not _is_sure(footer.writer):
        return None
    found = frozenset(
        position
        for position in _carried(footer, plain, groups, codec)
        if schema.names[position] not in source.types
    )
    return Carry(source.path, tuple(schema.names), groups, found) if found else None


def empty(schema: pa.Schema, codec: str) -> Footer:
    """Return the footer that a file of a schema has if it has no rows."""
    file = io.BytesIO()
    pq.ParquetWriter(file, schema, compression=codec).close()
    footer = Footer.read(file)
    assert footer is not None
    return footer


def _carried(
    footer: Footer, plain: Footer, rows: Sequence[int], codec: str | None
) -> Iterator[int]:
    """Yield the positions of columns that the output would describe as the input does."""
    groups = [group for group, count in zip(footer.groups(), rows, strict=True) if count]
    first = 0
    for position, (column, same) in enumerate(zip(footer.columns(), plain.columns(), strict=True)):
        stop = first + leaves(column)
        chunks = [chunk for group in groups for chunk in group[first:stop]]
        if column == same and all(_may_be_copied(chunk, footer, codec) for chunk in chunks):
            yield position
        first = stop


def _may_be_copied(chunk: Chunk, footer: Footer, codec: str | None) -> bool:
    if not chunk.readable or (codec is not None and CODECS[codec] != chunk.codec):
        return False
    return len(MAGIC) <= chunk.start <= chunk.start + chunk.size <= footer.start


def _is_sure(writer: str) -> bool:
    if not writer.startswith(_DOUBTFUL):
        return bool(writer)
    minor = writer.removeprefix(_DOUBTFUL).split(".")[0]
    return minor.isdecimal() and int(minor) >= _SURE_FROM
