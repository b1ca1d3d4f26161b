"""How Parquet and Arrow files are written: parts as Arrow files, joined group by group.

The output is cut into groups of a fixed number of rows, wherever the parts end, so that its bytes
do not depend on the chunks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from parapply.columns.fit import fit_column
from parapply.columns.layout import compact
from parapply.columns.type_names import type_of
from parapply.formats.api import Batch, Joiner
from parapply.formats.common.pandas_schema import described, marked_as, marks
from parapply.formats.common.schema_keys import Change, keys_of
from parapply.formats.common.typed import arranged
from parapply.formats.nouns import Arrangement, Keep
from parapply.model.outcome import given_of
from parapply.model.records import record
from parapply.storage.part import Part, read_table

ROWS_PER_GROUP = 1 << 17
_TAKE = b"parapply:take"


class TableWriter(Protocol):
    """Writes tables of one schema into a file, each as a group."""

    def write(self, table: pa.Table) -> None:
        """Write a group."""

    def close(self) -> None:
        """Write what ends the file."""

    def abandon(self) -> None:
        """Close it, so that it does not try to when the file is closed."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self.close()


@record
class TableTarget:
    """Writes parts as Arrow files, and joins them with the writer of the output's format."""

    names: tuple[str, ...]
    schema: Any  # pyarrow.Schema of the first source with its metadata, or None
    open_writer: Callable[[BinaryIO, Any], TableWriter]
    suffix: str
    keeps_all: bool  # see formats.Writing
    same_rows: bool  # each of the only input's comes out once, unless a chunk function gives others

    reads_typed = True
    has_twins = False
    encoding = None
    as_text = False
    quick = False
    labelled = True  # has a place for the index of pandas

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        """Return all of them."""
        return tuple(keep)

    def write(
        self,
        part: Part,
        arrangement: Arrangement,
        batch: Batch,
        made: Any,
        take: Any,
        last: bool,
        known: pa.Schema | None = None,
    ) -> None:
        """Write a part; see formats.Target."""
        del last
        table = self.table(arrangement, batch, made, take)
        part.write_table(table if known is None else told_rows(table, known, take))

    def table(self, arrangement: Arrangement, batch: Batch, made: Any, take: Any) -> pa.Table:
        """Return a part; see formats.Target.write."""
        if self.keeps_all:
            batch.check_complete()
        columns = arranged(self.names, arrangement, batch, made, take)
        names, arrays = [name for name, _ in columns], [array for _, array in columns]
        return _table(arrays, names, batch.rows if take is None else len(take))

    def write_table(
        self, part: Part, arrangement: Arrangement, table: pa.Table, batch: Batch
    ) -> None:
        """Write a part that is all the function's."""
        del arrangement, batch
        part.write_table(table)

    def table_of(
        self, part: str | bytes, batch: Batch, names: Sequence[str]
    ) -> tuple[pa.Table, Any]:
        """Return what a part was made of: the part."""
        del batch, names
        return rows_of(read_table(part))

    def needs_refit(self, part: dict[str, Any], whole: dict[str, Any]) -> bool:
        """Types are brought in line as parts are joined, columns are not, nor whose they are."""
        if list(part) != list(whole):
            return True
        return any(given_of(part[name]) != given_of(kind) for name, kind in whole.items())

    def joiner(self) -> Joiner:
        """Return what writes the parts as groups of equal size."""
        return GroupJoiner(self)

    def field(self, column: Any, type_: Any) -> pa.Field:
        """Return the output's field, with the metadata that the input's column had."""
        type_ = type_of(type_)
        if not isinstance(column, Keep):
            return pa.field(column.name, type_)
        if self.schema is None:
            return pa.field(self.names[column.position], type_)
        return self.schema.field(column.position).with_type(type_)

    def metadata(self, arrangement: Arrangement, fields: Sequence[pa.Field]) -> Any:
        """Return the metadata of an output with these fields."""
        if self.schema is None:
            return None
        kept = [c.position for c in arrangement if isinstance(c, Keep)]
        tables = not kept  # all of it may be the function's: then columns are told by their names
        named = {name: place for place, name in enumerate(self.names)}
        origins = [
            c.position if isinstance(c, Keep) else named.get(c.name, -1) if tables else -1
            for c in arrangement
        ]
        same = {
            field.name
            for field, origin in zip(fields, origins, strict=True)
            if origin >= 0 and field.type == self.schema.field(origin).type
        }
        change = Change(
            pa.schema(fields), self.names, frozenset(same), self.same_rows and not tables
        )
        return keys_of(self.schema.metadata, change)


class GroupJoiner:
    """Holds at most one group's rows and writes each as it is full."""

    def __init__(self, target: TableTarget) -> None:
        self.target = target
        self.writer: TableWriter | None = None  # open once a group is written

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        fields = [self.target.field(*pair) for pair in zip(arrangement, types, strict=True)]
        self.schema = pa.schema(fields, self.target.metadata(arrangement, fields))
        self.file, self.writer = file, None
        self.marks: dict[str, Any] = {}  # what pandas says of the columns, as far as parts tell
        self.waiting: list[pa.Table] = []
        self.rows = 0

    def append(self, part: str | bytes) -> None:
        table = read_table(part)
        if self.writer is None:
            self.marks = {**marks(table.schema), **self.marks}
        self.waiting.append(conform(table, self.schema))
        self.rows += table.num_rows
        while self.rows >= ROWS_PER_GROUP:
            self._write(ROWS_PER_GROUP)

    def reserve(self, size: int) -> None:
        del size

    def finish(self) -> None:
        if self.rows:
            self._write(self.rows)
        self._opened().close()

    def abandon(self) -> None:
        if self.writer is not None:
            self.writer.abandon()

    def _opened(self) -> TableWriter:
        """Open the writer as late as can be: parts tell what is in the schema."""
        if self.writer is None:
            self.schema = described(self.schema, self.marks)
            self.writer = self.target.open_writer(self.file, self.schema)
        return self.writer

    def _write(self, rows: int) -> None:
        writer = self._opened()
        table = pa.concat_tables([conform(part, self.schema) for part in self.waiting])
        self.waiting = [table.slice(rows)] if rows < table.num_rows else []
        self.rows -= rows
        # In one chunk, or where pages end would depend on where parts did.
        writer.write(compact(table.slice(0, rows)))


def told_rows(table: pa.Table, known: pa.Schema, take: Any) -> pa.Table:
    """Return a part that tells which of the chunk's rows it has, and has the marks of a schema."""
    table = marked_as(table, known)
    if take is None:
        return table
    return table.replace_schema_metadata({_TAKE: np.asarray(take, np.int64).tobytes()})


def rows_of(part: pa.Table) -> tuple[pa.Table, Any]:
    """Return a part without what `told_rows` told, and that."""
    told = (part.schema.metadata or {}).get(_TAKE)
    return part.replace_schema_metadata(), None if told is None else np.frombuffer(told, np.int64)


def _table(arrays: list[pa.Array], names: list[str], rows: int) -> pa.Table:
    """Return a table that has its rows even where it has no columns."""
    if arrays:
        return pa.Table.from_arrays(arrays, names=names)
    return pa.Table.from_arrays([pa.nulls(rows)], names=[""]).select([])


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `table`, which has the columns of `schema` in order, with its types."""
    if not len(schema):
        return table.replace_schema_metadata(schema.metadata)  # from no arrays it had no rows
    arrays = [
        pa.chunked_array(
            [fit_column(field.name, chunk, field.type) for chunk in column.chunks], field.type
        )
        for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
