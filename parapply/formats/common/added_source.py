"""A source with columns added to those of its rows; everything else is the file's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parapply.formats.api import Batch, Index, Source, TextSource
from parapply.formats.common.added_columns import AddedBatch, Column
from parapply.formats.nouns import Fields, Survey
from parapply.model.records import record, replace


@record
class AddedSource:
    """A source and columns `known` for all of its rows; those that the file lacks are added last.

    Values of those that the file does have are `compared` with the file's, and must be equal.
    """

    inner: Source
    known: tuple[Column, ...]
    compared: frozenset[str] | None = None  # names to compare; None: all
    lenient: bool = False  # see nouns.Reading

    @property
    def added(self) -> tuple[Column, ...]:
        there = self.inner.columns
        return tuple(column for column in self.known if column.name not in there)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.inner.columns, *(column.name for column in self.added))

    @property
    def hidden(self) -> tuple[int, ...]:
        count = len(self.inner.columns)
        return tuple(count + place for place, column in enumerate(self.added) if column.hidden)

    @property
    def joins_surveys(self) -> bool:
        return self.inner.joins_surveys

    @property
    def complete(self) -> bool:
        return self.inner.complete

    @property
    def own_columns(self) -> tuple[str, ...]:
        return self.inner.own_columns

    @property
    def schema(self) -> Any:
        schema = self.inner.schema
        for column in self.added:
            schema = schema and column.extended(schema)
        return schema

    def widened(self, columns: tuple[str, ...]) -> AddedSource:
        return replace(self, inner=self.inner.widened(columns))

    def starts(self, data: bytes) -> Any:
        assert isinstance(self.inner, TextSource)
        return self.inner.starts(data)

    def pieces(self) -> Iterator[Any]:
        return self.inner.pieces()

    def survey(self, piece: Any, positions: Sequence[int], first_row: int = 0) -> Survey:
        return self.inner.survey(piece, self._own(positions), first_row)

    def resurvey(self, surveys: Sequence[Survey]) -> AddedSource | None:
        inner = self.inner.resurvey(surveys)
        return None if inner is None else replace(self, inner=inner)

    def index(self, surveys: Sequence[Survey]) -> Index:
        return self.inner.index(surveys)

    def fields(self, positions: Sequence[int], surveys: Sequence[Survey]) -> Fields:
        own = self.inner.fields(self._own(positions), surveys)
        return (*own, *(column.field for column in self.added))

    def batch(
        self, span: Any, fields: Fields, data: bytes | None = None, first_row: int = 0
    ) -> Batch:
        count, added = len(self.inner.columns), self.added
        inner = self.inner.batch(span, fields[:count], data, first_row)
        self._compare(inner, first_row)
        if not added:
            return inner
        return AddedBatch(inner, count, added, range(first_row, first_row + inner.rows))

    def _compare(self, batch: Batch, first_row: int) -> None:
        there = self.inner.columns
        wanted = there if self.compared is None else self.compared.intersection(there)
        if not (twice := [column for column in self.known if column.name in wanted]):
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
    """Return the file's own source where nothing is added to it."""
    return source.inner if isinstance(source, AddedSource) and not source.added else source
