"""What a Parquet file is put together from: groups that a writer makes, and pages of another file.

Each is written at the end of the output; where its chunks are then is what a footer needs.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa

from parapply.formats.parquet.column_copy.plan import Carry
from parapply.formats.parquet.elements import Layout, leaves_of, order
from parapply.formats.parquet.footer import MAGIC, Chunk, Footer, leaves
from parapply.formats.parquet.stored import stored, stored_type
from parapply.formats.parquet.thrift import Struct
from parapply.formats.parquet.writer import ParquetWriter
from parapply.storage.copying import copy

Columns = dict[str, list[Chunk]]  # a group's: the chunks of each column's leaves


class Place:
    """The end of the output; `at` is how many bytes it has."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.at = file, 0

    def write(self, data: Any) -> None:
        """Write some bytes."""
        self._file.write(data)
        self.at += memoryview(data).nbytes

    def copy(self, source: BinaryIO, start: int, stop: int) -> None:
        """Write bytes of another file."""
        copy(source, start, stop - start, self._file)
        self.at += stop - start


class Lane:
    """Groups that are encoded here: a writer's, whose magic and footer do not get into the file."""

    def __init__(self, place: Place, schema: pa.Schema, compression: str, layout: Layout) -> None:
        self._place, self._names = place, schema.names
        found = {field.name: layout.of(field) for field in schema}
        self._stored = {name: column for name, column in found.items() if column is not None}
        self._sink = _Sink(place)
        self._schema = pa.schema([self._field(field) for field in schema], schema.metadata)
        self._writer = ParquetWriter(self._sink, self._schema, compression)  # type: ignore[arg-type]
        self._moves: list[int] = []

    def write(self, table: pa.Table) -> int:
        """Write a group, and return its number among this lane's."""
        self._moves.append(self._place.at - max(self._sink.at, len(MAGIC)))
        self._writer.write(self._converted(table))
        return len(self._moves) - 1

    def close(self) -> list[Columns]:
        """Return what each group has, where it is in the output."""
        self._sink.end = io.BytesIO()
        self._writer.close()
        footer = Footer.read(self._sink.end)
        assert footer is not None
        orders = dict(zip(self._names, map(order, footer.columns()), strict=True))
        groups = zip(self._moves, footer.groups(), strict=True)
        return [
            self._called(_named(footer, self._names, [chunk.moved(by) for chunk in group]), orders)
            for by, group in groups
        ]

    def _field(self, field: pa.Field) -> pa.Field:
        """Return a field as it is given to the writer."""
        column = self._stored.get(field.name)
        return field if column is None else field.with_type(stored_type(field.type, column))

    def _converted(self, table: pa.Table) -> pa.Table:
        """Return a table as it is given to the writer."""
        for name, column in self._stored.items():
            place = table.schema.get_field_index(name)
            field = self._schema.field(place)
            chunks = [stored(chunk, column) for chunk in table.column(place).chunks]
            table = table.set_column(place, field, pa.chunked_array(chunks, field.type))
        return table

    def _called(self, columns: Columns, orders: Mapping[str, list[str]]) -> Columns:
        """Return chunks as those of the columns that they stand for."""
        for name, column in self._stored.items():
            known = zip(columns[name], leaves_of(column), orders[name], order(column), strict=True)
            columns[name] = [
                chunk.called(leaf, ordered=one == other) for chunk, leaf, one, other in known
            ]
        return columns

    def abandon(self) -> None:
        """Write nothing more."""
        self._sink.end = io.BytesIO()
        self._writer.abandon()


class Pages:
    """A file's columns, as they stand there."""

    def __init__(self, carry: Carry) -> None:
        self._carry, self._file, names = carry, carry.open(), carry.schema.names
        footer = Footer.read(self._file)
        assert footer is not None
        self._statistics = footer.statistics
        self._described: dict[str, list[Struct]] = dict(zip(names, footer.columns(), strict=True))
        self._groups = [_named(footer, names, group) for group in footer.groups()]

    def described(self, name: str) -> list[Struct]:
        """Return the elements of the schema for a column."""
        return self._described[name]

    def copy(self, group: int, names: Collection[str], place: Place) -> Columns:
        """Copy columns of a group to a place, and return what it has there."""
        self._carry.check()
        chunks = {name: self._groups[group][name] for name in names}
        moved: dict[int, Chunk] = {}
        for start, stop, some in _runs([chunk for column in chunks.values() for chunk in column]):
            by = place.at - start
            place.copy(self._file, start, stop)
            moved |= {id(chunk): chunk.moved(by, self._statistics) for chunk in some}
        return {name: [moved[id(one)] for one in column] for name, column in chunks.items()}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Sink:
    """What the writer of a lane takes for its file."""

    closed = False

    def __init__(self, place: Place) -> None:
        self._place, self.at = place, 0
        self.end: BinaryIO | None = None  # where the footer goes

    def write(self, data: Any) -> int:
        size, magic = memoryview(data).nbytes, len(MAGIC)
        if self.end is not None:
            self.end.write(data)
        elif self.at >= magic:
            self._place.write(data)
        elif rest := memoryview(data)[magic - self.at :]:
            self._place.write(rest)
        self.at += size
        return size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def _named(footer: Footer, names: Sequence[str], chunks: Sequence[Chunk]) -> Columns:
    rest = iter(chunks)
    return {
        name: list(islice(rest, leaves(column)))
        for name, column in zip(names, footer.columns(), strict=True)
    }


def _runs(chunks: list[Chunk]) -> Iterator[tuple[int, int, list[Chunk]]]:
    """Yield where chunks are that lie one after the other, and these."""
    run: list[Chunk] = []
    for chunk in sorted(chunks, key=lambda chunk: chunk.start):
        if run and chunk.start != run[-1].stop:
            yield run[0].start, run[-1].stop, run
            run = []
        run.append(chunk)
    if run:
        yield run[0].start, run[-1].stop, run
