"""Writes a Parquet file of which some columns are copied from the input as they stand there.

Row group by row group: what parts have is encoded, and the pages of the other columns follow it. At
the end there is one footer, of chunks from both. In the parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from parapply.columns.layout import compact
from parapply.columns.types import fit_column
from parapply.formats.parquet.again import Again
from parapply.formats.parquet.carry import Carry, empty
from parapply.formats.parquet.footer import MAGIC, Chunk
from parapply.formats.parquet.lanes import Columns, Lane, Pages, Place
from parapply.formats.parquet.writer import check_schema

_Names = tuple[str, ...]


class Piece(NamedTuple):
    """Rows of the output, with some of its columns; the others are those of the input's rows.

    `origin` is the first of these; None where the function gave other rows than it was given.
    """

    table: pa.Table
    origin: int | None

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.table.num_rows)

    @property
    def stop(self) -> int | None:
        """The input's row after its last."""
        return None if self.origin is None else self.origin + self.rows

    def slice(self, start: int, rows: int | None = None) -> Piece:
        """Return some of the rows."""
        origin = None if self.origin is None else self.origin + start
        return Piece(self.table.slice(start, rows), origin)


class _Group(NamedTuple):
    """A row group that is written."""

    rows: int
    lane: _Names  # that of what was encoded
    number: int  # which of the lane's groups it is
    copied: Columns


class Carrier:
    """Writes pieces, group by group, into an empty file."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, codec: str, carry: Carry) -> None:
        check_schema(schema)
        self._schema, self._codec = schema, codec
        self._place = Place(file)
        self._place.write(MAGIC)
        self._footer = empty(schema, codec)
        self._pages, self._again = Pages(carry.path, carry.names), Again(carry)
        # In the output a column of the same name may be described otherwise.
        here = dict(zip(schema.names, self._footer.columns(), strict=True))
        there = {carry.names[position] for position in carry.positions}
        self._same = {n for n in there & here.keys() if here[n] == self._pages.described(n)}
        self._lanes: dict[_Names, Lane] = {}  # by the columns that each writes
        self._written: list[_Group] = []

    def write(self, pieces: Sequence[Piece], group: int | None) -> None:
        """Write a row group; its rows are those of the input's `group`, if that is given."""
        have = {name for piece in pieces for name in piece.table.column_names}
        copied = self._same - have if group is not None else set()
        names = tuple(name for name in self._schema.names if name not in copied)
        schema = pa.schema([self._schema.field(name) for name in names])
        table = compact(pa.concat_tables([self._filled(piece, schema) for piece in pieces]))
        if names and names not in self._lanes:
            self._lanes[names] = Lane(self._place, schema, self._codec)
        number = self._lanes[names].write(table) if names else 0
        chunks: Columns = {}
        if group is not None and copied:
            chunks = self._pages.copy(group, copied, self._place)
        self._written.append(_Group(sum(piece.rows for piece in pieces), names, number, chunks))

    def close(self) -> None:
        """Write the footer."""
        done = {names: lane.close() for names, lane in self._lanes.items()}
        groups = [(group.rows, self._chunks(group, done)) for group in self._written]
        self._place.write(self._footer.with_groups(groups))
        self._let_go()

    def abandon(self) -> None:
        """Let go of everything; what was written is thrown away."""
        for lane in self._lanes.values():
            lane.abandon()
        self._let_go()

    def _filled(self, piece: Piece, schema: pa.Schema) -> pa.Table:
        """Return the columns of a schema, from a piece or from the input's rows."""
        missing = [name for name in schema.names if name not in piece.table.column_names]
        if not schema.names:
            return piece.table.select([])
        if missing and piece.origin is None:
            raise AssertionError("a part of other rows than its chunk's has all columns")
        again = None
        if missing and piece.origin is not None:
            again = self._again.read(missing, piece.origin, piece.rows)
        columns = list(_columns(piece.table, again, schema))
        return pa.Table.from_arrays(columns, schema=schema)

    def _chunks(self, group: _Group, done: dict[_Names, list[Columns]]) -> list[Chunk]:
        made = done[group.lane][group.number] if group.lane else {}
        found = {**group.copied, **made}
        return [chunk for name in self._schema.names for chunk in found[name]]

    def _let_go(self) -> None:
        self._again.close()
        self._pages.close()


def _columns(table: pa.Table, again: pa.Table | None, schema: pa.Schema) -> Iterator[Any]:
    for field in schema:
        if field.name in table.column_names:
            yield table[field.name]
            continue
        assert again is not None
        chunks = [fit_column(field.name, one, field.type) for one in again[field.name].chunks]
        yield pa.chunked_array(chunks, field.type)
