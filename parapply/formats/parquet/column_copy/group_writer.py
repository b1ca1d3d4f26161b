"""Writing a Parquet file of which some columns are copied from the input.

In each row group the encoded columns of parts come first, then the pages of the copied columns. One
footer lists the chunks of both. In the parent.
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
    """Rows of the output with some of its columns; the others are the input's.

    `origin` is the first of its rows in the input; None where the function changed the rows.
    """

    table: pa.Table  # without columns it has lost its row count
    rows: int
    origin: int | None

    @property
    def names(self) -> set[str]:
        return set(self.table.column_names)

    @property
    def stop(self) -> int | None:
        return None if self.origin is None else self.origin + self.rows

    def slice(self, start: int, rows: int) -> Piece:
        origin = None if self.origin is None else self.origin + start
        return Piece(self.table.slice(start, rows), rows, origin)


class _Group(NamedTuple):
    rows: int
    encoder: _Names  # the key of its encoder
    number: int  # of the group, in its encoder
    copied: GroupChunks


class GroupWriter:
    """Writes pieces, group by group, to an empty file; raises InputError for a changed input."""

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
        """Yield the input columns with the same elements and type in the output."""
        names = plan.schema.names
        there = {names[position] for position in plan.positions}
        for field, elements in zip(self._schema, self._footer.columns(), strict=True):
            if field.name not in there or elements != self._pages.described(field.name):
                continue
            if are_alike(field.type, plan.schema.field(field.name).type):
                yield field.name

    def _table(self, pieces: Sequence[Piece], schema: pa.Schema) -> pa.Table:
        """Return columns of pieces, missing ones read from the input."""
        columns = [
            pa.chunked_array(
                [chunk for piece in pieces for chunk in self._column(piece, field)], field.type
            )
            for field in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        # Blocks do not depend on chunks, but boundaries between different pieces do.
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
    """Whether values stand for themselves; dictionaries would have to be equal everywhere."""
    text = at.is_string(type_) or at.is_large_string(type_)
    return bool(text or at.is_binary(type_) or at.is_large_binary(type_) or at.is_primitive(type_))
