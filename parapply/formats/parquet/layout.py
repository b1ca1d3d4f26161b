"""How Parquet inputs store columns (parent), and a writer that does the same (workers, too)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from parapply.formats.common.group_target import TableWriter
from parapply.formats.parquet import elements as el
from parapply.formats.parquet.elements import Layout, leaves_of
from parapply.formats.parquet.encoded_groups import GroupEncoder, OutputEnd
from parapply.formats.parquet.footer import MAGIC, Footer
from parapply.formats.parquet.source import ParquetSource
from parapply.formats.parquet.stored import can_be_stored
from parapply.formats.parquet.thrift import Struct, ThriftError
from parapply.formats.parquet.writer import ParquetWriter, check_schema
from parapply.model.errors import InputError
from parapply.storage.registry import file_system_of


def layout_of(sources: Sequence[ParquetSource]) -> Layout:
    """Return how the first source stores its columns.

    Raises InputError where another source gives a column another meaning, one without Arrow type.
    """
    first = sources[0]
    columns, plain = _columns(first), _plain(first.schema)
    if not columns or len(set(first.columns)) < len(first.columns):
        return Layout({}, frozenset())
    found: dict[str, tuple[Any, list[Struct]]] = {}
    refused = set()
    for field, column, same in zip(first.schema, columns, plain, strict=True):
        if column == same:
            continue
        if _levels(column) == _levels(same) and can_be_stored(field.type, column):
            found[field.name] = field.type, column
        else:
            refused.add(field.name)
    nameless = {
        name: column
        for name, column, same in zip(first.columns, columns, plain, strict=True)
        if el.is_nameless(column, same)
    }
    for source in sources[1:] if nameless else ():
        _check_alike(first, source, nameless)
    return Layout(found, frozenset(refused))


def _check_alike(
    first: ParquetSource, other: ParquetSource, nameless: dict[str, list[Struct]]
) -> None:
    columns = dict(zip(other.columns, _columns(other), strict=False))
    for name, column in nameless.items():
        if el.meanings(columns.get(name, [])) != el.meanings(column):
            raise InputError(
                f"{first.name} and {other.name}: column {name!r} is of a type in one that it has "
                f"not in the other: --drop {name}, or read them one by one"
            )


def _columns(source: ParquetSource) -> list[list[Struct]]:
    try:
        with file_system_of(source.path).open(source.path) as file:
            footer = Footer.head_of(file)
    except ThriftError:  # Arrow may still read it
        return []
    return [] if footer is None else footer.columns()


def _plain(schema: pa.Schema) -> list[list[Struct]]:
    """Return how Arrow stores the columns of a schema; [] for a column that it cannot store."""
    try:
        return _empty(schema, "none").columns()
    except (pa.ArrowException, OSError):
        return [_plain(pa.schema([f]))[0] for f in schema] if len(schema) > 1 else [[]]


def _levels(column: Sequence[Struct]) -> list[tuple[int, int]]:
    return [leaf.levels for leaf in leaves_of(column)] if column else []


def described(schema: pa.Schema, codec: str, layout: Layout) -> Footer:
    """Return the footer of a file of this schema without rows."""
    footer = _empty(schema, codec)
    columns = zip(schema, footer.columns(), strict=True)
    return footer.with_columns([layout.of(field) or column for field, column in columns])


def _empty(schema: pa.Schema, codec: str) -> Footer:
    file = io.BytesIO()
    pq.ParquetWriter(file, schema, compression=codec).close()
    footer = Footer.read(file)
    assert footer is not None
    return footer


def open_writer(
    file: BinaryIO, schema: pa.Schema, *, compression: str, layout: Layout
) -> ParquetWriter | LayoutWriter:
    """Return a file's writer, which stores the columns of `layout` as that says."""
    if any(layout.of(field) for field in schema):
        return LayoutWriter(file, schema, compression, layout)
    return ParquetWriter(file, schema, compression)


class LayoutWriter(TableWriter):
    """Writes groups as values of the same bytes, and a footer with their real types."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, compression: str, layout: Layout) -> None:
        check_schema(schema)
        self._names, self._rows = schema.names, list[int]()
        self._footer = described(schema, compression, layout)
        self._end = OutputEnd(file)
        self._end.write(MAGIC)
        self._encoder = GroupEncoder(self._end, schema, compression, layout)

    def write(self, table: pa.Table) -> None:
        self._encoder.write(table)
        self._rows.append(table.num_rows)

    def close(self) -> None:
        groups = [
            (rows, [chunk for name in self._names for chunk in columns[name]])
            for rows, columns in zip(self._rows, self._encoder.close(), strict=True)
        ]
        self._end.write(self._footer.with_groups(groups))

    def abandon(self) -> None:
        self._encoder.abandon()
