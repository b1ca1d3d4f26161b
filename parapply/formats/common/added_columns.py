"""Columns that a file's rows do not have: partition keys of folders, and the index of pandas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from parapply.columns.arrays import take as picked
from parapply.formats.api import Batch
from parapply.formats.common.typed import Typed
from parapply.formats.nouns import Arrangement, Field, Keep, New
from parapply.model.deferred_imports import pa


class Column(Protocol):
    """A column added to a source's own."""

    @property
    def name(self) -> str:
        """Its name; if the file has a column of this name, the file's is used."""

    @property
    def hidden(self) -> bool:
        """Whether it is for pandas only, which row functions and text output do not get."""

    @property
    def field(self) -> Field:
        """Its name and type."""

    def extended(self, schema: pa.Schema) -> pa.Schema:
        """Return the file's schema with the column."""

    def values(self, rows: Sequence[int]) -> pa.Array:
        """Return the values of rows, by their numbers in the file, counted from 0."""

    def verbatim(self, rows: Sequence[int]) -> pa.Array:
        """Return the same as text where the column comes from text, else the values."""

    def check_same(self, values: pa.Array, where: Callable[[int], str]) -> None:
        """Raise InputError where the file's column of that name has another value."""


class AddedBatch(Typed):
    """A file's batch plus added columns; `numbers` are its rows' numbers in the file."""

    def __init__(
        self, inner: Batch, count: int, added: tuple[Column, ...], numbers: Sequence[int]
    ) -> None:
        self.inner, self.count, self.added, self.numbers = inner, count, added, numbers
        self.rows = inner.rows

    def pick(self, rows: Sequence[int]) -> AddedBatch:
        return self._of(self.inner.pick(rows), rows)

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        return self.inner.bad_rows(self._own(positions), self._own(seen))

    def without(self, rows: Collection[int]) -> AddedBatch:
        left = [row for row in range(self.rows) if row not in rows]
        return self._of(self.inner.without(rows), left)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> AddedBatch:
        return self._of(self.inner.mended(rows, ragged, blank), rows)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        self.inner.expect(self._own(positions), typed=typed)

    def check_complete(self) -> None:
        self.inner.check_complete()

    def columns(self, positions: Sequence[int]) -> list[Any]:
        own = self.inner.columns(self._own(positions))
        return self._all(positions, own, lambda column: column.values(self.numbers))

    def ready(self, positions: Sequence[int]) -> None:
        self.inner.ready(self._own(positions))

    def values(self, position: int) -> list[Any]:
        return self.inner.values(position) if position < self.count else super().values(position)

    def held(self, position: int) -> list[Any] | None:
        return self.inner.held(position) if position < self.count else None

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        own = self.inner.verbatim(self._own(positions))
        return self._all(positions, own, lambda column: column.verbatim(self.numbers))

    def _of(self, inner: Batch, rows: Sequence[int]) -> AddedBatch:
        return AddedBatch(inner, self.count, self.added, [self.numbers[row] for row in rows])

    def _own(self, positions: Sequence[int]) -> list[int]:
        return [position for position in positions if position < self.count]

    def _all(
        self, positions: Sequence[int], own: list[Any], read: Callable[[Column], Any]
    ) -> list[Any]:
        found = iter(own)
        return [
            next(found) if position < self.count else read(self.added[position - self.count])
            for position in positions
        ]


def as_made(
    arrangement: Arrangement,
    batch: AddedBatch,
    made: Mapping[str, Any],
    take: Any,
    read: Callable[[Sequence[int]], list[Any]],
) -> tuple[Arrangement, dict[str, Any]]:
    """Treat added columns as made by the function: the file's rows can be written as they are."""
    places = [c.position for c in arrangement if isinstance(c, Keep) and c.position >= batch.count]
    names = {place: batch.added[place - batch.count].name for place in places}
    arrays = dict(zip(names.values(), read(places), strict=True))
    if take is not None:
        arrays = {name: picked(array, take) for name, array in arrays.items()}
    columns = tuple(
        New(names[c.position]) if isinstance(c, Keep) and c.position in names else c
        for c in arrangement
    )
    return columns, {**arrays, **made}
