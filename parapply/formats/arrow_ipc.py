"""Arrow IPC files (Feather V2): mapped into memory, so that all workers share one copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa

from parapply.columns.arrays import size_of
from parapply.formats.api import Source, Target
from parapply.formats.common.group_target import TableTarget, TableWriter
from parapply.formats.common.groups import GroupIndex, GroupSpan, TableBatch, readable, types_of
from parapply.formats.common.known_source import KnownSource
from parapply.formats.nouns import Field, Fields, Reading, Survey, Writing
from parapply.model.errors import UsageError
from parapply.model.records import field, record
from parapply.storage.registry import file_system_of, mapped


@record
class ArrowSource(KnownSource):
    """An Arrow file; a worker's survey finds its record batches' row counts."""

    path: str
    name: str
    schema: Any  # pyarrow.Schema
    types: Mapping[str, Any] = field(default_factory=dict)  # what --dtype says

    def rows(self) -> int:
        with self._opened() as reader:
            return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))

    def pieces(self) -> Iterator[Any]:
        yield None

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        with self._opened() as reader:
            batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        rows = tuple(batch.num_rows for batch in batches)
        nulls = tuple(
            any(batch.column(i).null_count for batch in batches) for i in range(len(self.schema))
        )
        return Survey(sum(rows), nulls, (rows, sum(map(size_of, batches))))

    def index(self, surveys: Sequence[Survey]) -> GroupIndex:
        return GroupIndex(*surveys[0].marks)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> Fields:
        return tuple(
            Field(field.name, self.types.get(field.name, field.type), nullable)
            for field, nullable in zip(self.schema, surveys[0].kinds, strict=True)
        )

    def batch(
        self, span: GroupSpan, fields: Fields, data: bytes | None = None, first_row: int = 0
    ) -> TableBatch:
        return TableBatch(span, fields, self._read, self.name, first_row)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with (
            readable(f"{self.name} is not a sound Arrow file"),
            mapped(self.path) as file,
            pa.ipc.open_file(file) as reader,
        ):
            yield reader

    def _read(self, group: int, positions: tuple[int, ...]) -> pa.Table:
        with self._opened() as reader:
            return pa.Table.from_batches([reader.get_batch(group)]).select(list(positions))


class _Arrow:
    def __init__(self, new: Callable[..., Any], suffix: str) -> None:
        self._new, self._suffix = new, suffix

    def source(self, path: str, name: str, reading: Reading) -> ArrowSource:
        with (
            readable(f"{name} is not an Arrow file"),
            file_system_of(path).open(path) as file,
            pa.ipc.open_file(file) as reader,
        ):
            return ArrowSource(path, name, reader.schema, types_of(reading, reader.schema))

    def target(self, sources: Sequence[Source], writing: Writing) -> Target:
        codec = writing.compression
        if codec not in (None, "lz4", "zstd"):
            raise UsageError(f"--compression {codec}: Arrow files have lz4 and zstd")
        return TableTarget(
            tuple(sources[0].columns), sources[0].schema,
            partial(_ArrowWriter, compression=codec, new=self._new), self._suffix,
            writing.keeps_all, writing.keeps_rows and len(sources) == 1,
        )  # fmt: skip


ARROW = _Arrow(pa.ipc.new_file, ".arrow")
ARROW_STREAM = _Arrow(pa.ipc.new_stream, ".arrows")  # read by way of arrow_stream.py


class _ArrowWriter(TableWriter):
    def __init__(
        self, file: BinaryIO, schema: pa.Schema, compression: str | None, new: Callable[..., Any]
    ) -> None:
        self.writer = new(file, schema, options=pa.ipc.IpcWriteOptions(compression=compression))

    def write(self, table: pa.Table) -> None:
        self.writer.write_table(table)

    def close(self) -> None:
        self.writer.close()
