"""Puts Parquet output together from parts, and from columns of the input that parts have not.

Where a group of the output can be one of the input's, row for row, it becomes one: its columns can
be copied then, see column_copy. Elsewhere groups have a fixed number of rows. In the parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO

import pyarrow as pa

from parapply.columns.arrays import size_of
from parapply.columns.layout import compact
from parapply.formats.common.group_target import ROWS_PER_GROUP, GroupJoiner, TableTarget, conform
from parapply.formats.common.pandas_schema import described, marks
from parapply.formats.nouns import Arrangement
from parapply.formats.parquet.column_copy.group_writer import GroupWriter, Piece
from parapply.formats.parquet.column_copy.plan import CopyPlan
from parapply.formats.parquet.elements import Layout
from parapply.formats.parquet.origin import origin_of
from parapply.storage.part import read_table

_MOST_BYTES = 1 << 26  # of what is held of a group of the input, until it is cut


class CopyingJoiner(GroupJoiner):
    """Holds the parts of one group of the input, as long as they are not too large."""

    def __init__(self, target: TableTarget, copied: CopyPlan, codec: str, layout: Layout) -> None:
        super().__init__(target)
        self._copied, self._codec, self._layout = copied, codec, layout

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        super().begin(file, arrangement, types)
        self._writer: GroupWriter | None = None
        self._at = 0  # the input's row that comes next
        self._blocks: list[Piece] = []
        self._block: list[Piece] = []  # what comes after them, as it came
        self._bytes = 0  # of the blocks
        self._group: int | None = None  # of the input, which this is to be
        self._want = 0  # rows
        self._next: int | None = None  # the input's row that follows what is held
        groups = self._copied.groups
        starts = zip(accumulate(groups, initial=0), groups, strict=False)
        self._groups = {row: group for group, (row, rows) in enumerate(starts) if rows}

    def append(self, part: str | bytes) -> None:
        table = read_table(part)
        rows, made_of, whole = origin_of(table)
        if self._writer is None:
            self.marks = {**marks(whole), **self.marks}
        names = set(table.column_names)
        table = conform(table, pa.schema([field for field in self.schema if field.name in names]))
        piece = Piece(table, rows, self._at if rows == made_of else None)
        self._at += made_of
        while piece.rows:
            piece = self._take(piece)

    def finish(self) -> None:
        if self.rows:
            self._flush()
        self._opened_writer().close()

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()

    def _take(self, piece: Piece) -> Piece:
        """Hold rows of a piece, as far as they belong to the group; return the others."""
        if self.rows and self._group is not None and piece.origin != self._next:
            self._flush()
        if not self.rows:
            self._plan(piece)
        block = ROWS_PER_GROUP - self.rows % ROWS_PER_GROUP
        rows = min(piece.rows, self._want - self.rows, block)
        self._block.append(piece.slice(0, rows))
        self._next = self._block[-1].stop
        self.rows += rows
        if self.rows == self._want:
            self._flush(self._group)
        elif rows == block:
            self._end_block()
            if self._bytes > _MOST_BYTES:
                self._flush()
        return piece.slice(rows, piece.rows - rows)

    def _plan(self, piece: Piece) -> None:
        """Say how many rows the next group has."""
        lacks = piece.table.num_columns < len(self.schema)
        start = piece.origin if lacks else None
        self._group = None if start is None else self._groups.get(start)
        groups = self._copied.groups
        self._want = ROWS_PER_GROUP if self._group is None else groups[self._group]

    def _end_block(self) -> None:
        """Put pieces together that follow each other in the input, and have the same columns."""
        runs: list[list[Piece]] = []
        for piece in self._block:
            last = runs[-1][-1] if runs else None
            if last and piece.origin == last.stop and piece.names == last.names:
                runs[-1].append(piece)
            else:
                runs.append([piece])
        for run in runs:
            table = compact(pa.concat_tables([piece.table for piece in run]))
            self._blocks.append(Piece(table, sum(piece.rows for piece in run), run[0].origin))
            self._bytes += size_of(table)
        self._block = []

    def _flush(self, group: int | None = None) -> None:
        self._end_block()
        self._opened_writer().write(self._blocks, group)
        self._blocks, self.rows, self._bytes = [], 0, 0

    def _opened_writer(self) -> GroupWriter:
        if self._writer is None:
            self.schema = described(self.schema, self.marks)
            self._writer = GroupWriter(
                self.file, self.schema, self._codec, self._copied, self._layout
            )
        return self._writer
