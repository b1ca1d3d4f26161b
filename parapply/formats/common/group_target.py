"""Output in Parquet and Arrow files; groups have a fixed size, wherever parts (and chunks) end."""

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

ROWS_PER_GROUP = 1 << 17  # wherever parts end, so that bytes do not depend on chunking
_TAKE = b"parapply:take"


class TableWriter(Protocol):
    """Writes tables of one schema into a file, each as a group."""

    def write(self, table: pa.Table) -> None:
        """Write a group."""

    def close(self) -> None:
        """Write the end of the file."""

    def abandon(self) -> None:
        """Close the writer without errors: it would try again once its file is closed."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self.close()


@record
class TableTarget:
    """Writes parts as Arrow files, and joins them with the writer of the output's format."""

    names: tuple[str, ...]
    schema: Any  # pyarrow.Schema of the first source with its metadata, or None
    open_writer: Callable[[BinaryIO, Any], TableWriter]
    suffix: str
    keeps_all: bool  # see nouns.Writing
    same_rows: bool  # those of the only input, each once, unless a chunk function returns others

    reads_typed = True
    has_twins = False
    encoding = None
    as_text = False
    quick = False
    labelled = True

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
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
        part.write_table(self.table(arrangement, batch, made, take, known))

    def table(
        self, arrangement: Arrangement, batch: Batch, made: Any, take: Any, known: Any
    ) -> pa.Table:
        if self.keeps_all:
            batch.check_complete()
        columns = arranged(self.names, arrangement, batch, made, take)
        names, arrays = [name for name, _ in columns], [array for _, array in columns]
        if columns:
            table = pa.Table.from_arrays(arrays, names=names)
        else:  # a table without columns that knows its row count
            nulls = pa.nulls(batch.rows if take is None else len(take))
            table = pa.Table.from_arrays([nulls], names=[""]).select([])
        return table if known is None else told_rows(table, known, take)

    def write_table(
        self, part: Part, arrangement: Arrangement, table: pa.Table, batch: Batch
    ) -> None:
        part.write_table(table)

    def table_of(
        self, part: str | bytes, batch: Batch, names: Sequence[str]
    ) -> tuple[pa.Table, Any]:
        return rows_of(read_table(part))

    def needs_refit(self, part: dict[str, Any], whole: dict[str, Any]) -> bool:
        """Joining adapts types; only other columns, or other origins of them, need a refit."""
        if list(part) != list(whole):
            return True
        return any(given_of(part[name]) != given_of(kind) for name, kind in whole.items())

    def joiner(self) -> Joiner:
        return GroupJoiner(self)

    def field(self, column: Any, type_: Any) -> pa.Field:
        """Return the output's field, with the metadata of the input's column if it is one."""
        type_ = type_of(type_)
        if not isinstance(column, Keep):
            return pa.field(column.name, type_)
        if self.schema is None:
            return pa.field(self.names[column.position], type_)
        return self.schema.field(column.position).with_type(type_)

    def metadata(self, arrangement: Arrangement, fields: Sequence[pa.Field]) -> Any:
        if self.schema is None:
            return None
        kept = [c.position for c in arrangement if isinstance(c, Keep)]
        tables = not kept  # maybe all made by the function: then columns match by name
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
        same_rows = self.same_rows and not tables
        change = Change(pa.schema(fields), self.names, frozenset(same), same_rows)
        return keys_of(self.schema.metadata, change)


class GroupJoiner:
    """Holds at most one group's rows, and writes each group once it is full."""

    def __init__(self, target: TableTarget) -> None:
        self.target = target
        self.writer: TableWriter | None = None  # open once a group is written

    def begin(self, file: BinaryIO, arrangement: Arrangement, types: Sequence[Any]) -> None:
        fields = [self.target.field(*pair) for pair in zip(arrangement, types, strict=True)]
        self.schema = pa.schema(fields, self.target.metadata(arrangement, fields))
        self.file, self.writer = file, None
        self.marks: dict[str, Any] = {}  # pandas metadata of columns, from the parts so far
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
        """Return None: groups are encoded by the joiner."""

    def finish(self) -> None:
        if self.rows:
            self._write(self.rows)
        self._opened().close()

    def abandon(self) -> None:
        if self.writer is not None:
            self.writer.abandon()

    def _opened(self) -> TableWriter:
        """Open the writer as late as possible: parts contribute to the schema."""
        if self.writer is None:
            self.schema = described(self.schema, self.marks)
            self.writer = self.target.open_writer(self.file, self.schema)
        return self.writer

    def _write(self, rows: int) -> None:
        writer = self._opened()
        table = pa.concat_tables([conform(part, self.schema) for part in self.waiting])
        self.waiting = [table.slice(rows)] if rows < table.num_rows else []
        self.rows -= rows
        # In one chunk: otherwise page boundaries would depend on those of parts.
        writer.write(compact(table.slice(0, rows)))


def told_rows(table: pa.Table, known: pa.Schema, take: Any) -> pa.Table:
    """Return a part with its `take` in its metadata, and the pandas marks of schema `known`."""
    table = marked_as(table, known)
    if take is None:
        return table
    return table.replace_schema_metadata({_TAKE: np.asarray(take, np.int64).tobytes()})


def rows_of(part: pa.Table) -> tuple[pa.Table, Any]:
    """Return a part without the metadata of `told_rows`, and the `take` that was in it."""
    told = (part.schema.metadata or {}).get(_TAKE)
    return part.replace_schema_metadata(), None if told is None else np.frombuffer(told, np.int64)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Cast a table with the columns of `schema`, in order, to its types."""
    if not len(schema):
        return table.replace_schema_metadata(schema.metadata)  # from no arrays it had no rows
    arrays = [
        pa.chunked_array(
            [fit_column(field.name, chunk, field.type) for chunk in column.chunks], field.type
        )
        for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
