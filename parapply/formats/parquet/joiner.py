"""Puts Parquet output together from parts, and from columns of the input that parts have not.

Where a group of the output can be one of the input's, row for row, it becomes one: its columns can
be copied then, see carrier.py. Elsewhere groups have a fixed number of rows. In the parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import Any, BinaryIO

import pyarrow as pa

from parapply.columns.layout import compact
from parapply.formats import Arrangement
from parapply.formats.group_target import ROWS_PER_GROUP, GroupJoiner, conform
from parapply.formats.pandas_schema import described, marks
from parapply.formats.parquet.carrier import Carrier, Piece
from parapply.formats.parquet.target import CarryingTarget, origin_of
from parapply.formats.part import read_table

_MOST_BYTES = 1 << 27  # of what is held of a group of the input, until it is cut


class CarryingJoiner(GroupJoiner):
    """Holds the parts of one group of the input, as long as they are not too large."""

    target: CarryingTarget

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        """Make the output's schema."""
        super().begin(file, arrangement, types)
        self._carrier: Carrier | None = None
        self._at = 0  # the input's row that comes next
        self._held: list[Piece] = []
        groups = self.target.carry.groups
        starts = zip(accumulate(groups, initial=0), groups, strict=False)
        self._groups = {row: group for group, (row, rows) in enumerate(starts) if rows}

    def append(self, part: str | bytes) -> None:
        """Take a part in, and write as many groups as are full."""
        table = read_table(part)
        rows, whole = origin_of(table)
        if self._carrier is None:
            self.marks = {**marks(whole), **self.marks}
        schema = pa.schema([field for field in self.schema if field.name in table.column_names])
        piece = Piece(conform(table, schema), self._at if rows == table.num_rows else None)
        self._at += rows
        while piece.rows:
            piece = self._take(piece)

    def finish(self) -> None:
        """Write the last group, and the file's end."""
        if self._held:
            self._flush()
        self._opened_carrier().close()

    def abandon(self) -> None:
        """Let go of everything."""
        if self._carrier is not None:
            self._carrier.abandon()

    def _take(self, piece: Piece) -> Piece:
        """Hold rows of a piece, as far as they belong to the group; return the others."""
        if self._held and self._group is not None and piece.origin != self._held[-1].stop:
            self._flush()
        if not self._held:
            self._plan(piece)
        block = ROWS_PER_GROUP - self.rows % ROWS_PER_GROUP
        rows = min(piece.rows, self._want - self.rows, block)
        self._held.append(piece.slice(0, rows))
        self.rows += rows
        if self.rows == self._want:
            self._flush(self._group)
        elif rows == block and self._size() > _MOST_BYTES:
            self._flush()
        return piece.slice(rows)

    def _plan(self, piece: Piece) -> None:
        """Say how many rows the next group has."""
        lacks = piece.table.num_columns < len(self.schema)
        start = piece.origin if lacks else None
        self._group = None if start is None else self._groups.get(start)
        carried = self.target.carry.groups
        self._want = ROWS_PER_GROUP if self._group is None else carried[self._group]

    def _size(self) -> int:
        """Put what is held together, so that its size is that of its values; return this."""
        alike = groupby(self._held, key=lambda piece: piece.table.column_names)
        runs = (list(run) for _, run in alike)
        self._held = [
            Piece(compact(pa.concat_tables([piece.table for piece in run])), run[0].origin)
            for run in runs
        ]
        return sum(piece.table.nbytes for piece in self._held)

    def _flush(self, group: int | None = None) -> None:
        self._opened_carrier().write(self._held, group)
        self._held, self.rows = [], 0

    def _opened_carrier(self) -> Carrier:
        if self._carrier is None:
            self.schema = described(self.schema, self.marks)
            self._carrier = Carrier(self.file, self.schema, self.target.codec, self.target.carry)
        return self._carrier
