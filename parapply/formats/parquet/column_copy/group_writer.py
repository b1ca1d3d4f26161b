"""Writes a Parquet file of which some columns are copied from the input as they stand there.

Row group by row group: what parts have is encoded, and the pages of the other columns follow it. At
the end there is one footer, of chunks from both. In the parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.types as at

from parapply.columns.fit import fit_column
from parapply.columns.layout import compact
from parapply.formats.parquet.column_copy.pages import Pages
from parapply.formats.parquet.column_copy.plan import CopyPlan
from parapply.formats.parquet.column_copy.sequential_reader import SequentialReader
from parapply.formats.parquet.elements import Layout, are_alike
from parapply.formats.parquet.encoded_groups import GroupChunks, GroupEncoder, OutputEnd
from parapply.formats.parquet.footer import MAGIC, ColumnChunk
from parapply.formats.parquet.layout import described
from parapply.formats.parquet.writer import check_schema

_Names = tuple[str, ...]


class Piece(NamedTuple):
    """Rows of the output, with some of its columns; the others are those of the input's rows.

    `origin` is the first of these; None where the function gave other rows than it was given.
    """

    table: pa.Table  # where it has no columns, it does not know its rows
    rows: int
    origin: int | None

    @property
    def names(self) -> set[str]:
        """The columns that it has."""
        return set(self.table.column_names)

    @property
    def stop(self) -> int | None:
        """The input's row after its last."""
        return None if self.origin is None else self.origin + self.rows

    def slice(self, start: int, rows: int) -> Piece:
        """Return some of the rows."""
        origin = None if self.origin is None else self.origin + start
        return Piece(self.table.slice(start, rows), rows, origin)


class _Group(NamedTuple):
    """A row group that is written."""

    rows: int
    encoder: _Names  # that of what was encoded
    number: int  # which of the encoder's groups it is
    copied: GroupChunks


class GroupWriter:
    """Writes pieces, group by group, into an empty file.

    Raises InputError where the input is not what it was.
    """

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, codec: str, plan: CopyPlan, layout: Layout
    ) -> None:
        check_schema(schema)
        self._schema, self._codec, self._layout = schema, codec, layout
        self._end = OutputEnd(file)
        self._end.write(MAGIC)
        self._footer = described(schema, codec, layout)
        self._pages, self._reader = Pages(plan), SequentialReader(plan)
        self._same = set(self._alike(plan))
        self._encoders: dict[_Names, GroupEncoder] = {}  # by the columns that each writes
        self._written: list[_Group] = []

    def write(self, pieces: Sequence[Piece], group: int | None) -> None:
        have = set().union(*(piece.names for piece in pieces))
        copied = self._same - have if group is not None else set()
        names = tuple(name for name in self._schema.names if name not in copied)
        schema = pa.schema([self._schema.field(name) for name in names])
        if names and names not in self._encoders:
            self._encoders[names] = GroupEncoder(self._end, schema, self._codec, self._layout)
        number = self._encoders[names].write(self._table(pieces, schema)) if names else 0
        chunks: GroupChunks = {}
        if group is not None and copied:
            chunks = self._pages.copy(group, copied, self._end)
        self._written.append(_Group(sum(piece.rows for piece in pieces), names, number, chunks))

    def close(self) -> None:
        done = {names: encoder.close() for names, encoder in self._encoders.items()}
        groups = [(group.rows, self._chunks(group, done)) for group in self._written]
        self._end.write(self._footer.with_groups(groups))
        self._let_go()

    def abandon(self) -> None:
        for encoder in self._encoders.values():
            encoder.abandon()
        self._let_go()

    def _alike(self, plan: CopyPlan) -> Iterator[str]:
        """Yield the columns of the input that are described in the output as they are there."""
        here = zip(self._schema, self._footer.columns(), strict=True)
        names = plan.schema.names
        there = {names[position] for position in plan.positions}
        for field, elements in here:
            if field.name not in there or elements != self._pages.described(field.name):
                continue
            if are_alike(field.type, plan.schema.field(field.name).type):
                yield field.name

    def _table(self, pieces: Sequence[Piece], schema: pa.Schema) -> pa.Table:
        """Return columns of pieces, from them or from the input's rows."""
        columns = [
            pa.chunked_array(
                [chunk for piece in pieces for chunk in self._column(piece, field)], field.type
            )
            for field in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        # Where a block ends does not depend on the chunks; where pieces differ, others do.
        alike = len({frozenset(piece.names) for piece in pieces}) == 1
        return table if alike and all(_is_plain(field.type) for field in schema) else compact(table)

    def _column(self, piece: Piece, field: pa.Field) -> list[pa.Array]:
        place = piece.table.schema.get_field_index(field.name)
        if place >= 0:
            return list(piece.table.column(place).chunks)
        if piece.origin is None:
            raise AssertionError("a part of other rows than its chunk's has all columns")
        read = self._reader.read(field.name, piece.origin, piece.rows)
        return [fit_column(field.name, chunk, field.type) for chunk in read]

    def _chunks(self, group: _Group, done: dict[_Names, list[GroupChunks]]) -> list[ColumnChunk]:
        made = done[group.encoder][group.number] if group.encoder else {}
        found = {**group.copied, **made}
        return [chunk for name in self._schema.names for chunk in found[name]]

    def _let_go(self) -> None:
        self._reader.close()
        self._pages.close()


def _is_plain(type_: pa.DataType) -> bool:
    """Whether each value stands for itself: a dictionary would have to be the same everywhere."""
    text = at.is_string(type_) or at.is_large_string(type_)
    return bool(text or at.is_binary(type_) or at.is_large_binary(type_) or at.is_primitive(type_))
