"""Joining Parquet output from parts, and from columns of the input that parts lack (parent).

Where possible an output group has the rows of an input group: then its columns can be copied, see
column_copy. Others have a fixed number of rows. Workers write a part's origin into its metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from parapply.columns.arrays import size_of
from parapply.columns.layout import compact
from parapply.formats.common.group_target import ROWS_PER_GROUP, GroupJoiner, TableTarget, conform
from parapply.formats.common.pandas_schema import described, marks
from parapply.formats.nouns import Arrangement
from parapply.formats.parquet.column_copy.group_writer import GroupWriter, Piece
from parapply.formats.parquet.column_copy.plan import CopyPlan
from parapply.formats.parquet.elements import Layout
from parapply.storage.part import read_table

_MOST_BYTES = 1 << 26  # held of one input group; beyond that it is split
_ROWS, _WHOLE = b"parapply:rows", b"parapply:whole"


class Origin(NamedTuple):
    """What a part's columns do not show."""

    rows: int  # the part's: a table without columns loses this number
    made_of: int  # rows of the input
    whole: pa.Schema  # with the function's columns that the part left out


def origin_of(part: pa.Table) -> Origin:
    """Return the origin that `marked` wrote into a part."""
    told = part.schema.metadata
    rows, made_of = json.loads(told[_ROWS])
    return Origin(rows, made_of, pa.ipc.read_schema(pa.py_buffer(told[_WHOLE])))


def marked(table: pa.Table, made_of: int, whole: pa.Schema) -> pa.Table:
    """Return a part with its origin in its metadata."""
    rows = json.dumps([table.num_rows, made_of]).encode()
    told = {_ROWS: rows, _WHOLE: whole.serialize().to_pybytes()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **told})


class CopyingJoiner(GroupJoiner):
    """Holds the parts of one input group, as long as they are not too large."""

    def __init__(self, target: TableTarget, copied: CopyPlan, codec: str, layout: Layout) -> None:
        super().__init__(target)
        self._copied, self._codec, self._layout = copied, codec, layout

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        super().begin(file, arrangement, types)
        self._writer: GroupWriter | None = None
        self._at = 0  # the next row of the input
        self._blocks: list[Piece] = []
        self._block: list[Piece] = []  # pieces after them, not merged yet
        self._bytes = 0  # of the blocks
        self._group: int | None = None  # the input group that the current one copies
        self._want = 0  # rows of the current group
        self._next: int | None = None  # the input row after those held
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
        """Hold the rows of a piece that belong to the current group; return the others."""
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
        """Determine the number of rows of the next group."""
        start = piece.origin if piece.table.num_columns < len(self.schema) else None
        self._group = None if start is None else self._groups.get(start)
        self._want = ROWS_PER_GROUP if self._group is None else self._copied.groups[self._group]

    def _end_block(self) -> None:
        """Merge pieces that are adjacent in the input and have the same columns."""
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
            how = self._codec, self._copied, self._layout
            self._writer = GroupWriter(self.file, self.schema, *how)
        return self._writer
