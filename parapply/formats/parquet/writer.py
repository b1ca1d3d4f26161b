"""Writing Parquet files group by group, each column encoded as suits its values."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from parapply.columns import kernels
from parapply.formats.common.group_target import TableWriter
from parapply.model.errors import OutputError

_SAMPLE = 1 << 14
_UNKNOWN = (pa.ArrowNotImplementedError, pa.ArrowInvalid, OSError)  # into memory, that is


class ParquetWriter(TableWriter):
    """Opens the file with its first group, which determines the columns' encodings."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, compression: str) -> None:
        check_schema(schema)
        self._file, self._schema, self._compression = file, schema, compression
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if not table.num_columns:
            raise OutputError(
                f"{table.num_rows} rows without a column: Parquet has no place for them"
            )
        if self._writer is None:
            self._writer = self._open(_repetitive(table))
        try:
            self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise OutputError(f"{_culprit(table)}Parquet cannot hold a value: {error}") from error

    def close(self) -> None:
        (self._writer or self._open(True)).close()

    def _open(self, dictionaries: list[str] | bool) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._file, self._schema, compression=self._compression, use_dictionary=dictionaries
        )


def _repetitive(table: pa.Table) -> list[str] | bool:
    """Return the columns that a dictionary shrinks: those that repeat half of their values.

    Trying it on the others, as the writer would, doubles the time of writing a group, and the file
    gets no smaller. With nested columns, whose leaves have other names, all are tried.
    """
    if any(pa.types.is_nested(field.type) for field in table.schema):
        return True
    head = table.slice(0, _SAMPLE)
    return [
        name
        for name, column in zip(head.column_names, head.columns, strict=True)
        if 2 * _distinct(column) <= len(column)
    ]


def _distinct(column: pa.ChunkedArray) -> int:
    try:
        return kernels.count_distinct(column)
    except pa.ArrowNotImplementedError:  # not for every type
        return 0


def check_schema(schema: pa.Schema) -> None:
    """Raise OutputError for a column that Parquet cannot hold."""
    try:
        _try(schema)
    except _UNKNOWN as error:
        name, type_ = _misfit(schema)
        raise OutputError(
            f"column {name!r} is {type_}, which Parquet cannot hold: --drop {name}, make it "
            f"text with --dtype {name}=str, or write --to arrow"
        ) from error


def _misfit(schema: pa.Schema) -> tuple[str, Any]:
    for place, name in enumerate(schema.names):
        try:
            _try(pa.schema([schema.field(place)]))
        except _UNKNOWN:
            return name, schema.field(place).type
    raise AssertionError("each column can be written, and all of them cannot")


def _culprit(table: pa.Table) -> str:
    """Name the first column with a value that Parquet cannot hold."""
    for name in table.column_names:
        try:
            pq.write_table(table.select([name]), pa.BufferOutputStream())
        except _UNKNOWN:
            return f"column {name!r}: "
    return ""


def _try(schema: pa.Schema) -> None:
    pq.ParquetWriter(pa.BufferOutputStream(), schema).close()
