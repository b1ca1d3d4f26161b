"""Writes a Parquet file of which some columns are copied from the input as they stand there.

Row group by row group: what the function made is encoded, and the pages of the other columns follow
it. At the end there is one footer, of chunks from both. In the parent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from parapply.columns.layout import compact
from parapply.formats.group_target import ROWS_PER_GROUP, Writer
from parapply.formats.parquet.carry import Carry, empty
from parapply.formats.parquet.footer import MAGIC, Chunk
from parapply.formats.parquet.lanes import Columns, Lane, Pages, Place
from parapply.formats.parquet.writer import check_schema

_MOST_BYTES = 1 << 27  # of what the function made of a group, until the group is cut


class CarryingWriter(Writer):
    """Takes tables of the columns that are not carried, in blocks as `Carry.blocks` says.

    Of a group that is too large to be held, or that ends early, the carried columns are decoded
    and encoded anew.
    """

    def __init__(self, file: BinaryIO, schema: pa.Schema, compression: str, carry: Carry) -> None:
        check_schema(schema)
        self._schema, self._codec, self._carry = schema, compression, carry
        self._place = Place(file)
        self._lanes: dict[tuple[str, ...], Lane] = {}  # by the columns that each writes
        self._pages: Pages | None = None
        self._rows = _Rows(carry)
        self._blocks: list[pa.Table] = []
        self._written: list[_Group] = []

    def write(self, table: pa.Table) -> None:
        """Take a block; write the group that it completes."""
        self._blocks.append(table)
        held = sum(block.num_rows for block in self._blocks)
        if held == self._rows.left or sum(b.nbytes for b in self._blocks) > _MOST_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._blocks:
            self._flush()
        if not self._written:
            self._place.write(MAGIC)
        done = {names: lane.close() for names, lane in self._lanes.items()}
        groups = [(group.rows, self._chunks(group, done)) for group in self._written]
        self._place.write(empty(self._schema, self._codec).with_groups(groups))
        self._let_go()

    def abandon(self) -> None:
        """Let go of everything; what was written is thrown away."""
        for lane in self._lanes.values():
            lane.abandon()
        self._let_go()

    def _flush(self) -> None:
        table = compact(pa.concat_tables(self._blocks))
        self._blocks = []
        if not self._written:
            self._place.write(MAGIC)
        made = [self._encode(table)] if table.num_columns else []
        carried = [name for name in self._schema.names if name not in table.column_names]
        copied: Columns = {}
        if self._rows.starts and table.num_rows == self._rows.left:
            copied = self._copy(carried)
        else:
            made.append(self._encode(self._rows.decode(carried, table.num_rows)))
        self._written.append(_Group(table.num_rows, made, copied))
        self._rows.skip(table.num_rows)

    def _encode(self, table: pa.Table) -> tuple[tuple[str, ...], int]:
        """Write columns of a group; return which they are, and its number in their lane."""
        names = tuple(table.column_names)
        schema = pa.schema([self._schema.field(name) for name in names])
        if names not in self._lanes:
            self._lanes[names] = Lane(self._place, schema, self._codec)
        table = pa.Table.from_arrays(table.columns, schema=schema)
        return names, self._lanes[names].write(table)

    def _copy(self, names: Sequence[str]) -> Columns:
        if self._pages is None:
            self._pages = Pages(self._carry.path, self._carry.names)
        return self._pages.copy(self._rows.group, names, self._place)

    def _chunks(self, group: _Group, done: dict[tuple[str, ...], list[Columns]]) -> list[Chunk]:
        found = dict(group.copied)
        for names, number in group.made:
            found |= done[names][number]
        return [chunk for name in self._schema.names for chunk in found[name]]

    def _let_go(self) -> None:
        self._rows.close()
        if self._pages is not None:
            self._pages.close()


class _Group(NamedTuple):
    """A row group that is written: what was encoded, and what was copied."""

    rows: int
    made: list[tuple[tuple[str, ...], int]]
    copied: Columns


class _Rows:
    """Where in the input's groups the output has got to."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self.group, self._start = 0, 0
        self._tables: Iterator[pa.Table] = iter(())
        self._files = contextlib.ExitStack()
        self.skip(0)

    @property
    def left(self) -> int:
        """How many rows of the group are to come; 0 at the end."""
        groups = self._carry.groups
        return groups[self.group] - self._start if self.group < len(groups) else 0

    @property
    def starts(self) -> bool:
        """Whether no row of the group has come."""
        return self._start == 0

    def skip(self, rows: int) -> None:
        """Go on, at a group's end to the next one that has rows."""
        self._start += rows
        while not self.left and self.group < len(self._carry.groups):
            self.group, self._start = self.group + 1, 0

    def decode(self, names: Sequence[str], rows: int) -> pa.Table:
        """Return columns of the next rows of the group."""
        if self.starts:
            self._tables = self._read(names)
        tables = [next(self._tables)]
        while sum(table.num_rows for table in tables) < rows:
            tables.append(next(self._tables))
        table = pa.concat_tables(tables)
        self._tables = chain([table.slice(rows)], self._tables)
        return compact(table.slice(0, rows))

    def close(self) -> None:
        """Close what was opened."""
        self._files.close()

    def _read(self, names: Sequence[str]) -> Iterator[pa.Table]:
        self._files.close()
        file = self._files.enter_context(pq.ParquetFile(self._carry.path))
        batches = file.iter_batches(
            ROWS_PER_GROUP, row_groups=[self.group], columns=list(names), use_threads=False
        )
        return (pa.Table.from_batches([batch]).select(list(names)) for batch in batches)
