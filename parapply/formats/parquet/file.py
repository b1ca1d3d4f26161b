"""Parquet files as their writers meant them: INT96 timestamps keep their range and zone.

Spark still writes INT96: microseconds in UTC, of any year. By default Arrow reads them as
nanoseconds, which wrap around outside of 1677 to 2262. In the parent, and in workers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as at

from parapply.columns import kernels
from parapply.model.errors import InputError
from parapply.storage.registry import readable_by_arrow

_ARROW_SCHEMA = b"ARROW:schema"
_IN_MICROSECONDS = b"org.apache.spark.version"  # Spark writes no finer ones


class ParquetFile:
    """Reads row groups of a file; to be closed."""

    def __init__(self, path: str) -> None:
        self._file = pq.ParquetFile(readable_by_arrow(path), coerce_int96_timestamp_unit="us")
        self._fine: pq.ParquetFile | None = None  # to check that microseconds suffice
        self.metadata: Any = self._file.metadata
        self.schema_arrow = self._file.schema_arrow
        leaves = [self._file.schema.column(i) for i in range(len(self._file.schema))]
        self._old = [leaf.physical_type == "INT96" for leaf in leaves]
        if any(self._old):
            self._open_old(path)

    def read_row_group(self, group: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return columns of a group; raises InputError where timestamps would lose digits."""
        names = None if columns is None else list(columns)
        table = self._file.read_row_group(group, columns=names, use_threads=False)
        if not any(self._old):
            return table
        if self._fine is not None:
            self._check(table, self._fine.read_row_group(group, columns=names, use_threads=False))
        return self._typed(table)

    def iter_batches(
        self, rows: int, groups: Sequence[int], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield columns of groups, some rows at a time; raises as `read_row_group`."""
        which: Any = {"row_groups": list(groups), "columns": list(columns), "use_threads": False}
        batches = self._file.iter_batches(rows, **which)
        if not any(self._old):
            yield from batches
            return
        fine = repeat(None) if self._fine is None else self._fine.iter_batches(rows, **which)
        for batch, exact in zip(batches, fine, strict=False):
            if exact is not None:
                self._check(_whole(batch), _whole(exact))
            yield from self._typed(_whole(batch)).combine_chunks().to_batches()

    def close(self) -> None:
        self._file.close(force=True)  # also a file object that it was given
        if self._fine is not None:
            self._fine.close(force=True)

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_old(self, path: str) -> None:
        """Set zone and unit of INT96: UTC and us, unless an Arrow writer stored them."""
        metadata = self.metadata.metadata or {}
        known = list(_types(_stored_schema(metadata)))
        if len(known) != len(self._old):
            known = [pa.timestamp("us", "UTC")] * len(self._old)
        old = [type_ for type_, is_old in zip(known, self._old, strict=True) if is_old]
        if all(type_ == pa.timestamp("ns", getattr(type_, "tz", None)) for type_ in old):
            self._file = pq.ParquetFile(readable_by_arrow(path))
        elif _IN_MICROSECONDS not in metadata:
            self._fine = pq.ParquetFile(readable_by_arrow(path))
        zones = [getattr(type_, "tz", None) for type_ in known]
        leaves, schema = iter(zip(self._old, zones, strict=True)), self._file.schema_arrow
        fields = [field.with_type(_with_zones(field.type, leaves)) for field in schema]
        self.schema_arrow = pa.schema(fields, schema.metadata)

    def _typed(self, table: pa.Table) -> pa.Table:
        for place, name in enumerate(table.column_names):
            twin = table.column_names.count(name) > 1  # these are only read with all columns
            type_ = self.schema_arrow.field(place if twin else name).type
            if type_ != table.field(place).type:
                column = kernels.cast(table.column(place), type_)
                table = table.set_column(place, table.field(place).with_type(type_), column)
        return table

    def _check(self, table: pa.Table, fine: pa.Table) -> None:
        for name, column, exact in zip(table.column_names, table, fine, strict=True):
            if column.type == exact.type:
                continue
            for coarse, ticks in zip(_ticks(column), _ticks(exact), strict=True):
                lost = (ticks // 1000 == coarse) & (ticks % 1000 != 0)
                if lost.any():
                    moment = pa.scalar(int(ticks[lost][0]), pa.timestamp("ns"))
                    raise InputError(
                        f"column {name!r} has an INT96 timestamp with nanoseconds, "
                        f"{moment.cast(pa.string())}: they are read in microseconds, for dates "
                        f"before 1677 and after 2262; --drop {name}"
                    )


def _whole(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _stored_schema(metadata: Any) -> Any:
    try:
        data = base64.b64decode((metadata or {})[_ARROW_SCHEMA])
        return pa.ipc.read_schema(pa.py_buffer(data))
    except (KeyError, binascii.Error, pa.ArrowException, OSError):
        return ()


def _types(fields: Any) -> Iterator[pa.DataType]:
    """Yield the types of leaves, in the order of Parquet's."""
    for field in fields:
        type_ = field.type
        if isinstance(type_, pa.BaseExtensionType):
            type_ = type_.storage_type
        if at.is_nested(type_):
            yield from _types([type_.field(i) for i in range(type_.num_fields)])
        else:
            yield type_


def _with_zones(type_: pa.DataType, leaves: Iterator[tuple[bool, str | None]]) -> pa.DataType:
    """Return a type with the zone of each INT96 timestamp in it; `leaves` are in order."""
    if at.is_struct(type_):
        return pa.struct([f.with_type(_with_zones(f.type, leaves)) for f in type_])
    if at.is_map(type_):
        key = type_.key_field.with_type(_with_zones(type_.key_type, leaves))
        return pa.map_(key, type_.item_field.with_type(_with_zones(type_.item_type, leaves)))
    for is_list, make in _LISTS:
        if is_list(type_):
            return make(type_, _with_zones(type_.value_type, leaves))
    if isinstance(type_, pa.BaseExtensionType):
        for _ in _types([pa.field("", type_)]):
            next(leaves)
        return type_
    old, zone = next(leaves)
    return pa.timestamp(type_.unit, zone) if old and at.is_timestamp(type_) else type_


_LISTS: Any = (
    (at.is_list, lambda t, value: pa.list_(t.value_field.with_type(value))),
    (at.is_large_list, lambda t, value: pa.large_list(t.value_field.with_type(value))),
    (at.is_fixed_size_list, lambda t, v: pa.list_(t.value_field.with_type(v), t.list_size)),
)


def _ticks(column: Any) -> Iterator[Any]:
    """Yield the integers of a column's timestamps, leaf by leaf, without missing ones."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if at.is_timestamp(array.type):
        yield np.asarray(kernels.drop_null(array).view(pa.int64()))
    elif at.is_struct(array.type):
        for child in array.flatten():
            yield from _ticks(child)
    elif at.is_map(array.type):
        yield from _ticks(kernels.drop_null(array).keys)
        yield from _ticks(kernels.drop_null(array).items)
    elif at.is_nested(array.type):
        yield from _ticks(array.flatten())
