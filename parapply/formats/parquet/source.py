"""Parquet input: types, row counts and missing values from the footer, rows from row groups."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from parapply.formats.common.groups import GroupIndex, GroupSpan, TableBatch, readable, types_of
from parapply.formats.common.known_source import KnownSource
from parapply.formats.nouns import Field, Fields, Reading, Survey
from parapply.formats.parquet.file import ParquetFile
from parapply.formats.parquet.unpack import unpacked
from parapply.formats.parquet.unreadable import unreadable
from parapply.model.errors import InputError
from parapply.model.excerpt import shown
from parapply.model.records import field, record
from parapply.storage.api import FileState
from parapply.storage.registry import file_system_of

_SMALL_ROWS = 1 << 15  # of groups that each chunk decodes itself; larger ones are decoded once


@record
class ParquetSource(KnownSource):
    """A Parquet file, as its footer describes it."""

    path: str
    name: str
    schema: Any  # pyarrow.Schema
    groups: tuple[int, ...]
    size_bytes: int  # uncompressed
    nullable: tuple[bool, ...]
    types: Mapping[str, Any] = field(default_factory=dict)  # what --dtype says
    version: FileState | None = None
    folder: str = ""  # for row groups decoded once for several chunks

    def rows(self) -> int:
        return sum(self.groups)

    def pieces(self) -> Iterator[Any]:
        """Yield nothing: the footer has it all."""
        return iter(())

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        return Survey(0, ())

    def index(self, surveys: Sequence[Survey]) -> GroupIndex:
        return GroupIndex(self.groups, self.size_bytes)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> Fields:
        return tuple(
            Field(field.name, self.types.get(field.name, field.type), nullable)
            for field, nullable in zip(self.schema, self.nullable, strict=True)
        )

    def batch(
        self, span: GroupSpan, fields: Fields, data: bytes | None = None, first_row: int = 0
    ) -> TableBatch:
        whole = {group for group, start, stop in span if stop - start == self.groups[group]}
        return TableBatch(span, fields, partial(self._read, whole), self.name, first_row)

    def _read(self, whole: Set[int], group: int, positions: tuple[int, ...]) -> pa.Table:
        """Decode columns of a group, directly if all of it is wanted or it is small."""
        columns = self.columns  # each access makes a new list
        names = [columns[position] for position in positions]
        try:
            if len(set(columns)) < len(columns):  # names are ambiguous
                table = _opened(self.path, self.version).read_row_group(group)
                return table.select(list(positions))
            if group in whole:
                return _decoded(self.path, self.version, group, names)
            if self.groups[group] <= _SMALL_ROWS:
                return _kept(self.path, self.version, group, tuple(names))
            key = hashlib.md5(repr((self.path, names)).encode()).hexdigest()
            file = _opened(self.path, self.version)
            return unpacked(file, group, names, self.folder, key).select(names)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{self.name}: row group {group}: {shown(str(error), 200)}") from error


def opened(path: str, name: str, reading: Reading) -> ParquetSource:
    """Return the source that a file's footer describes; raises InputError."""
    try:
        file = ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise unreadable(path, name, error) from error
    with readable(f"{name} is not a sound Parquet file"), file:
        footer, schema = file.metadata, file.schema_arrow
        groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
        full, rows = _full(groups), tuple(group.num_rows for group in groups)
        size = sum(group.total_byte_size for group in groups)
        nullable = tuple(f.nullable and bool(groups) and f.name not in full for f in schema)
        types, version = types_of(reading, schema), file_system_of(path).stat(path)
        known = rows, size, nullable, types, version
        return ParquetSource(path, name, schema, *known, folder=reading.folder)


def _full(groups: Sequence[Any]) -> set[str]:
    """Return the columns without missing values, by the statistics of all groups."""
    full: set[str] | None = None
    for group in groups:
        columns = (group.column(i) for i in range(group.num_columns))
        here = {column.path_in_schema for column in columns if _has_all(column.statistics)}
        full = here if full is None else full & here
    return full or set()


def _has_all(statistics: Any) -> bool:
    known = statistics is not None and statistics.has_null_count
    return bool(known and not statistics.null_count)


_held = threading.local()  # the file that was opened last: one reader must not serve two threads


def _opened(path: str, version: FileState | None) -> ParquetFile:
    """Return the file, kept open; `version` distinguishes it from earlier files of this path."""
    if getattr(_held, "key", None) != (path, version):
        _held.file, _held.key = ParquetFile(path), (path, version)
    file: ParquetFile = _held.file
    return file


def _decoded(path: str, version: FileState | None, group: int, names: Sequence[str]) -> pa.Table:
    return _opened(path, version).read_row_group(group, names).select(list(names))


_kept = lru_cache(maxsize=1)(_decoded)  # the next chunk may be of the same group
