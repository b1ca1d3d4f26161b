"""Row groups encoded by Arrow's writer, appended to an output file without its magic and footer."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa

from parapply.formats.parquet.elements import Layout, leaves_of, order
from parapply.formats.parquet.footer import MAGIC, ColumnChunk, Footer, leaves
from parapply.formats.parquet.stored import stored, stored_type
from parapply.formats.parquet.writer import ParquetWriter
from parapply.storage.copying import copy

GroupChunks = dict[str, list[ColumnChunk]]  # of one group: column name -> chunks of its leaves


class OutputEnd:
    """The end of the output file, whose size so far is `at`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.at = file, 0

    def write(self, data: Any) -> None:
        self._file.write(data)
        self.at += memoryview(data).nbytes

    def copy(self, source: BinaryIO, start: int, stop: int) -> None:
        """Append bytes of another file."""
        copy(source, start, stop - start, self._file)
        self.at += stop - start


class GroupEncoder:
    """Encodes groups with one writer, of which only these get into the file."""

    def __init__(self, end: OutputEnd, schema: pa.Schema, compression: str, layout: Layout) -> None:
        self._end, self._names = end, schema.names
        found = {field.name: layout.of(field) for field in schema}
        self._stored = {name: column for name, column in found.items() if column is not None}
        self._sink = _Sink(end)
        self._schema = pa.schema([self._field(field) for field in schema], schema.metadata)
        self._writer = ParquetWriter(self._sink, self._schema, compression)  # type: ignore[arg-type]
        self._moves: list[int] = []

    def write(self, table: pa.Table) -> int:
        self._moves.append(self._end.at - max(self._sink.at, len(MAGIC)))
        self._writer.write(self._converted(table))
        return len(self._moves) - 1

    def close(self) -> list[GroupChunks]:
        self._sink.footer = io.BytesIO()
        self._writer.close()
        footer = Footer.read(self._sink.footer)
        assert footer is not None
        orders = dict(zip(self._names, map(order, footer.columns()), strict=True))
        return [
            self._called(named(footer, self._names, [chunk.moved(by) for chunk in group]), orders)
            for by, group in zip(self._moves, footer.groups(), strict=True)
        ]

    def _field(self, field: pa.Field) -> pa.Field:
        column = self._stored.get(field.name)
        return field if column is None else field.with_type(stored_type(field.type, column))

    def _converted(self, table: pa.Table) -> pa.Table:
        for name, column in self._stored.items():
            place = table.schema.get_field_index(name)
            field = self._schema.field(place)
            chunks = [stored(chunk, column) for chunk in table.column(place).chunks]
            table = table.set_column(place, field, pa.chunked_array(chunks, field.type))
        return table

    def _called(self, columns: GroupChunks, orders: Mapping[str, list[str]]) -> GroupChunks:
        """Return the chunks under the types of the columns that they store."""
        for name, column in self._stored.items():
            known = zip(columns[name], leaves_of(column), orders[name], order(column), strict=True)
            columns[name] = [
                chunk.called(leaf, ordered=one == other) for chunk, leaf, one, other in known
            ]
        return columns

    def abandon(self) -> None:
        self._sink.footer = io.BytesIO()
        self._writer.abandon()


class _Sink:
    """The writer's file: passes groups on, drops the magic, and puts the footer elsewhere."""

    closed = False

    def __init__(self, end: OutputEnd) -> None:
        self._end, self.at = end, 0
        self.footer: BinaryIO | None = None  # receives all later writes

    def write(self, data: Any) -> int:
        size, magic = memoryview(data).nbytes, len(MAGIC)
        if self.footer is not None:
            self.footer.write(data)
        elif self.at >= magic:
            self._end.write(data)
        elif rest := memoryview(data)[magic - self.at :]:
            self._end.write(rest)
        self.at += size
        return size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def named(footer: Footer, names: Sequence[str], chunks: Sequence[ColumnChunk]) -> GroupChunks:
    """Return a group's chunks, which are in order, by column name."""
    rest = iter(chunks)
    return {
        name: list(islice(rest, leaves(column)))
        for name, column in zip(names, footer.columns(), strict=True)
    }
