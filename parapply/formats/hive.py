"""Folders of files whose names hold columns: `sales/year=2024/month=01/part-0.parquet`.

Each file is a source of its own; what its folders say is added to it as columns of one value.
https://arrow.apache.org/docs/python/dataset.html (partitioning)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from parapply.formats import Batch, Field, Index, Source, Survey
from parapply.values.convert import to_array

_MISSING = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def keys_of(path: str) -> tuple[tuple[str, str | None], ...]:
    """Return what the folders of a path, relative to the dataset's, say: (name, value) pairs."""
    pairs = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return tuple((name, None if value == _MISSING else unquote(value)) for name, _, value in pairs)


def types_of(keys: Sequence[tuple[tuple[str, str | None], ...]]) -> dict[str, Any]:
    """Return each key's type over all files: integer where all values are integers, else text."""
    found: dict[str, bool] = {}
    for pairs in keys:
        for name, value in pairs:
            whole = value is None or bool(_INTEGER.fullmatch(value))
            found[name] = found.get(name, True) and whole
    return {name: pa.int64() if whole else pa.string() for name, whole in found.items()}


@dataclass(frozen=True, slots=True)
class HiveSource:
    """A source and the columns that its path adds at the end."""

    inner: Source
    keys: tuple[tuple[str, str | None], ...]
    types: dict[str, Any]

    @property
    def name(self) -> str:
        """The file's."""
        return self.inner.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Those in the file, then those of its path."""
        return (*self.inner.columns, *(name for name, _ in self.keys))

    @property
    def joins_surveys(self) -> bool:
        """As the file's."""
        return self.inner.joins_surveys

    @property
    def complete(self) -> bool:
        """As the file's."""
        return self.inner.complete

    @property
    def schema(self) -> Any:
        """The file's schema, where it has one, with the path's columns."""
        schema: Any = getattr(self.inner, "schema", None)
        for name, _ in self.keys:
            schema = schema and schema.append(pa.field(name, self.types[name]))
        return schema

    def widened(self, columns: tuple[str, ...]) -> HiveSource:
        """Widen the file's part."""
        names = {name for name, _ in self.keys}
        own = tuple(column for column in columns if column not in names)
        return replace(self, inner=self.inner.widened(own))

    def starts(self, data: bytes) -> Any:
        """As the file's."""
        return self.inner.starts(data)

    def pieces(self) -> Iterator[Any]:
        """As the file's."""
        return self.inner.pieces()

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        """Survey the file's columns: the others are known."""
        return self.inner.survey(piece, self._own(positions), first_row)

    def again(self, surveys: Sequence[Survey]) -> HiveSource | None:
        """As the file's."""
        inner = self.inner.again(surveys)
        return None if inner is None else replace(self, inner=inner)

    def index(self, surveys: Sequence[Survey]) -> Index:
        """As the file's."""
        return self.inner.index(surveys)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return the file's fields, then the path's."""
        own = self.inner.fields(self._own(positions), surveys)
        return (*own, *(Field(name, self.types[name]) for name, _ in self.keys))

    def batch(
        self, span: Any, fields: tuple[Field, ...], data: bytes | None = None, first_row: int = 0
    ) -> HiveBatch:
        """Open rows of the file."""
        count = len(self.inner.columns)
        inner = self.inner.batch(span, fields[:count], data, first_row)
        return HiveBatch(inner, count, self.keys, self.types)

    def _own(self, positions: Sequence[int]) -> list[int]:
        return [position for position in positions if position < len(self.inner.columns)]


class HiveBatch:
    """A batch of the file, and columns of one value."""

    def __init__(
        self,
        inner: Batch,
        count: int,
        keys: tuple[tuple[str, str | None], ...],
        types: dict[str, Any],
    ) -> None:
        self.inner, self.count, self.keys, self.types = inner, count, keys, types
        self.rows = inner.rows

    def pick(self, rows: Sequence[int]) -> HiveBatch:
        """Pick rows of the file."""
        return HiveBatch(self.inner.pick(rows), self.count, self.keys, self.types)

    def bad_rows(self, positions: Sequence[int]) -> dict[int, str]:
        """Ask the file."""
        return self.inner.bad_rows([p for p in positions if p < self.count])

    def without(self, rows: Collection[int]) -> HiveBatch:
        """Leave out rows of the file."""
        return HiveBatch(self.inner.without(rows), self.count, self.keys, self.types)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> HiveBatch:
        """Mend rows of the file."""
        inner = self.inner.mended(rows, ragged, blank)
        return HiveBatch(inner, self.count, self.keys, self.types)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Pass on what the file has."""
        self.inner.expect([p for p in positions if p < self.count], typed=typed)

    def check_complete(self) -> None:
        """As the file's."""
        self.inner.check_complete()

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return the file's columns, and the path's of their type."""
        return self._all(positions, self.inner.columns([p for p in positions if p < self.count]))

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        """Return the file's columns as they stand, and the path's."""
        return self._all(positions, self.inner.verbatim([p for p in positions if p < self.count]))

    def _all(self, positions: Sequence[int], own: list[Any]) -> list[Any]:
        found = iter(own)
        return [
            next(found) if position < self.count else self._constant(position - self.count)
            for position in positions
        ]

    def _constant(self, place: int) -> pa.Array:
        name, value = self.keys[place]
        type_ = self.types[name]
        if value is None:
            return pa.nulls(self.rows, type_)
        typed = int(value) if pa.types.is_integer(type_) else value
        return to_array([typed] * self.rows).cast(type_)
