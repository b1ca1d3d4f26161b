"""A source with columns that are not in its rows: what its folders say, or how pandas counts them.

All but those is the file's own. What is in the rows, too, has to be the same there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from parapply.columns.arrays import take as picked
from parapply.formats.api import Batch, Index, Source, TextSource
from parapply.formats.common.typed import Typed
from parapply.formats.nouns import Arrangement, Field, Keep, New, Survey
from parapply.model.deferred_imports import pa
from parapply.model.records import record, replace


class Column(Protocol):
    """A column that is added."""

    @property
    def name(self) -> str:
        """Its name; where the file has a column of it, that counts."""
        ...

    @property
    def hidden(self) -> bool:
        """Whether it is pandas' own, which neither functions of rows nor text have."""
        ...

    @property
    def field(self) -> Field:
        """Its type."""
        ...

    def extended(self, schema: pa.Schema) -> pa.Schema:
        """Return the file's schema with the column."""
        ...

    def values(self, rows: Sequence[int]) -> pa.Array:
        """Return the values of rows, by their numbers in the file, counted from 0."""
        ...

    def verbatim(self, rows: Sequence[int]) -> pa.Array:
        """Return the same as text, as it stands where it comes from, or as a value."""
        ...

    def check_same(self, values: pa.Array, where: Callable[[int], str]) -> None:
        """Raise InputError where the file's column of that name has another value."""
        ...


@record
class AddedSource:
    """A source and what is known of all its rows: columns that are added at the end.

    Those of which the file has one are `compared` with it.
    """

    inner: Source
    known: tuple[Column, ...]
    compared: frozenset[str] | None = None  # those that are asked for; None: all
    lenient: bool = False  # see formats.Reading

    @property
    def added(self) -> tuple[Column, ...]:
        """The columns that the file has not."""
        there = self.inner.columns
        return tuple(column for column in self.known if column.name not in there)

    @property
    def name(self) -> str:
        """The file's."""
        return self.inner.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Those in the file, then those that are added."""
        return (*self.inner.columns, *(column.name for column in self.added))

    @property
    def hidden(self) -> tuple[int, ...]:
        """The positions of the columns that are hidden."""
        count = len(self.inner.columns)
        return tuple(count + place for place, column in enumerate(self.added) if column.hidden)

    @property
    def joins_surveys(self) -> bool:
        """As the file's."""
        return self.inner.joins_surveys

    @property
    def complete(self) -> bool:
        """As the file's."""
        return self.inner.complete

    @property
    def own_columns(self) -> tuple[str, ...]:
        """Those in the file."""
        return self.inner.own_columns

    @property
    def schema(self) -> Any:
        """The file's schema, where it has one, with the columns that are added."""
        schema = self.inner.schema
        for column in self.added:
            schema = schema and column.extended(schema)
        return schema

    def widened(self, columns: tuple[str, ...]) -> AddedSource:
        """Widen the file's part."""
        return replace(self, inner=self.inner.widened(columns))

    def starts(self, data: bytes) -> Any:
        """As the file's."""
        assert isinstance(self.inner, TextSource)
        return self.inner.starts(data)

    def pieces(self) -> Iterator[Any]:
        """As the file's."""
        return self.inner.pieces()

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        """Survey the file's columns: the others are known."""
        return self.inner.survey(piece, self._own(positions), first_row)

    def resurvey(self, surveys: Sequence[Survey]) -> AddedSource | None:
        """As the file's."""
        inner = self.inner.resurvey(surveys)
        return None if inner is None else replace(self, inner=inner)

    def index(self, surveys: Sequence[Survey]) -> Index:
        """As the file's."""
        return self.inner.index(surveys)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> tuple[Field, ...]:
        """Return the file's fields, then the others."""
        own = self.inner.fields(self._own(positions), surveys)
        return (*own, *(column.field for column in self.added))

    def batch(
        self, span: Any, fields: tuple[Field, ...], data: bytes | None = None, first_row: int = 0
    ) -> Batch:
        """Open rows of the file."""
        count, added = len(self.inner.columns), self.added
        inner = self.inner.batch(span, fields[:count], data, first_row)
        self._compare(inner, first_row)
        if not added:
            return inner
        return AddedBatch(inner, count, added, range(first_row, first_row + inner.rows))

    def _compare(self, batch: Batch, first_row: int) -> None:
        there, wanted = self.inner.columns, self.compared
        twice = [column for column in self.known if column.name in there]
        if not (twice := [c for c in twice if wanted is None or c.name in wanted]):
            return
        bad = batch.bad_rows(()) if self.lenient else {}
        rows = [row for row in range(batch.rows) if row not in bad]
        arrays = (batch.without(bad) if bad else batch).verbatim(
            [there.index(column.name) for column in twice]
        )
        for column, values in zip(twice, arrays, strict=True):
            column.check_same(values, lambda row: f"{self.name}: row {first_row + rows[row] + 1}")

    def _own(self, positions: Sequence[int]) -> list[int]:
        return [position for position in positions if position < len(self.inner.columns)]


def bare(source: Source) -> Source:
    """Return the file itself where it has all of the columns."""
    return source.inner if isinstance(source, AddedSource) and not source.added else source


class AddedBatch(Typed):
    """A batch of the file, the rows of which have `numbers` there, and the added columns."""

    def __init__(
        self, inner: Batch, count: int, added: tuple[Column, ...], numbers: Sequence[int]
    ) -> None:
        self.inner, self.count, self.added, self.numbers = inner, count, added, numbers
        self.rows = inner.rows

    def pick(self, rows: Sequence[int]) -> AddedBatch:
        """Pick rows of the file."""
        return self._of(self.inner.pick(rows), rows)

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        """Ask the file."""
        return self.inner.bad_rows(self._own(positions), self._own(seen))

    def without(self, rows: Collection[int]) -> AddedBatch:
        """Leave out rows of the file."""
        left = [row for row in range(self.rows) if row not in rows]
        return self._of(self.inner.without(rows), left)

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> AddedBatch:
        """Mend rows of the file."""
        return self._of(self.inner.mended(rows, ragged, blank), rows)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Pass on what the file has."""
        self.inner.expect(self._own(positions), typed=typed)

    def check_complete(self) -> None:
        """As the file's."""
        self.inner.check_complete()

    def columns(self, positions: Sequence[int]) -> list[Any]:
        """Return the file's columns, and the others of their type."""
        own = self.inner.columns(self._own(positions))
        return self._all(positions, own, lambda column: column.values(self.numbers))

    def ready(self, positions: Sequence[int]) -> None:
        """Pass on what the file has."""
        self.inner.ready(self._own(positions))

    def values(self, position: int) -> list[Any]:
        """Return values as the file has them, and others of their type."""
        if position < self.count:
            return self.inner.values(position)
        return super().values(position)

    def held(self, position: int) -> list[Any] | None:
        """As the file's."""
        return self.inner.held(position) if position < self.count else None

    def verbatim(self, positions: Sequence[int]) -> list[Any]:
        """Return the file's columns as they stand, and the others."""
        own = self.inner.verbatim(self._own(positions))
        return self._all(positions, own, lambda column: column.verbatim(self.numbers))

    def _of(self, inner: Batch, rows: Sequence[int]) -> AddedBatch:
        numbers = [self.numbers[row] for row in rows]
        return AddedBatch(inner, self.count, self.added, numbers)

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
    """Take the columns that the file's rows have not for made ones: the rows go in as they are."""
    places = [c.position for c in arrangement if isinstance(c, Keep) and c.position >= batch.count]
    names = {place: batch.added[place - batch.count].name for place in places}
    arrays = dict(zip(names.values(), read(places), strict=True))
    if take is not None:
        arrays = {name: picked(array, take) for name, array in arrays.items()}
    columns = (
        New(names[column.position])
        if isinstance(column, Keep) and column.position in names
        else column
        for column in arrangement
    )
    return tuple(columns), {**arrays, **made}
