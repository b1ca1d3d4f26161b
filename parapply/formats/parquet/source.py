"""Parquet: types, row counts and missing values come from the footer, rows from row groups."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from parapply.formats.common.groups import GroupIndex, GroupSpan, TableBatch, readable, types_of
from parapply.formats.common.known_source import KnownSource
from parapply.formats.nouns import Field, Reading, Survey
from parapply.formats.parquet.file import ParquetFile
from parapply.formats.parquet.unpack import unpacked
from parapply.formats.parquet.unreadable import unreadable
from parapply.model.errors import InputError
from parapply.model.excerpt import shown
from parapply.model.records import field, record, replace
from parapply.storage.api import FileState
from parapply.storage.registry import file_system_of

_SMALL_ROWS = (
    1 << 15
)  # of a group that each chunk decodes by itself; larger ones are, once, for all


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
    folder: str = ""  # for row groups that are decoded once for several chunks

    def rows(self) -> int:
        """How many there are."""
        return sum(self.groups)

    def pieces(self) -> Iterator[Any]:
        """The footer has said it all: nothing is left to survey."""
        return iter(())

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        """Find nothing in a piece: there are none."""
        del piece, positions, first_row
        return Survey(0, ())

    def index(self, surveys: Sequence[Survey]) -> GroupIndex:
        """Return the row groups."""
        del surveys
        return GroupIndex(self.groups, self.size_bytes)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return the schema's fields."""
        del positions, surveys
        return tuple(
            Field(field.name, self.types.get(field.name, field.type), nullable)
            for field, nullable in zip(self.schema, self.nullable, strict=True)
        )

    def batch(
        self,
        span: GroupSpan,
        fields: tuple[Field, ...],
        data: bytes | None = None,
        first_row: int = 0,
    ) -> TableBatch:
        """Open rows of one or more row groups."""
        del data
        whole = {group for group, start, stop in span if stop - start == self.groups[group]}
        return TableBatch(span, fields, partial(self._read, whole), self.name, first_row)

    def _read(self, whole: Set[int], group: int, positions: tuple[int, ...]) -> pa.Table:
        """Decode columns of a group: at once where all of it is wanted, or the group is small."""
        columns = self.columns  # once: a schema makes a list of them each time
        names = [columns[position] for position in positions]
        try:
            if len(set(columns)) < len(columns):  # they tell nothing apart
                file = _opened(self.path, self.version)
                return file.read_row_group(group).select(list(positions))
            if group in whole:
                return _decoded(self.path, self.version, group, names)
            if self.groups[group] <= _SMALL_ROWS:
                return _kept(self.path, self.version, group, tuple(names))
            key = hashlib.md5(repr((self.path, names)).encode()).hexdigest()
            return unpacked(
                _opened(self.path, self.version), group, names, self.folder, key
            ).select(names)
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
        return replace(
            _described(path, name, file),
            types=types_of(reading, file.schema_arrow),
            folder=reading.folder,
            version=file_system_of(path).stat(path),
        )


def _described(path: str, name: str, file: ParquetFile) -> ParquetSource:
    footer = file.metadata
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    schema, full = file.schema_arrow, _full(groups)
    return ParquetSource(
        path,
        name,
        schema,
        tuple(group.num_rows for group in groups),
        sum(group.total_byte_size for group in groups),
        tuple(field.nullable and bool(groups) and field.name not in full for field in schema),
    )


def _full(groups: Sequence[Any]) -> set[str]:
    """The columns without a missing value, as far as the statistics of all groups tell."""
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
    """Keep a file open; `version` tells it from what was there before under its name."""
    if getattr(_held, "key", None) != (path, version):
        _held.file, _held.key = ParquetFile(path), (path, version)
    file: ParquetFile = _held.file
    return file


def _decoded(path: str, version: FileState | None, group: int, names: Sequence[str]) -> pa.Table:
    """Decode columns of a row group."""
    table = _opened(path, version).read_row_group(group, names)
    return table.select(list(names))


_kept = lru_cache(maxsize=1)(_decoded)  # the next chunk may be of the same group
