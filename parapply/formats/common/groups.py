"""What Parquet row groups and Arrow record batches share: reading rows group by group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.columns.arrays import take as picked
from parapply.columns.dtypes import parse_type
from parapply.columns.fit import fit
from parapply.columns.layout import have_one_dictionary
from parapply.columns.type_words import named
from parapply.formats.common.record_locator import RecordLocator
from parapply.formats.common.typed import Typed
from parapply.formats.nouns import Field, Fields, Reading
from parapply.model.errors import BadRowsError, InputError, ResultError, UnseenError
from parapply.model.excerpt import shown
from parapply.model.records import record

GroupSpan = tuple[tuple[int, int, int], ...]  # (group, start, stop) within each group
GroupReader = Callable[[int, tuple[int, ...]], pa.Table]  # group, positions -> columns


@record
class GroupIndex:
    """The row count of each group."""

    groups: tuple[int, ...]
    size_bytes: int

    @property
    def rows(self) -> int:
        return sum(self.groups)

    def snap(self, row: int, most: int) -> int:
        """Return the nearest group boundary if the row's group is no larger than a chunk."""
        edges = np.array([0, *accumulate(self.groups)])
        # Of two equally near boundaries the later: half a group as a chunk would be decoded twice.
        nearest = int(edges[::-1][np.abs(edges[::-1] - row).argmin()])
        group = int(np.searchsorted(edges, row, side="right")) - 1
        small = group < len(self.groups) and self.groups[group] <= most
        return nearest if small else row

    def text_bytes(self, start: int, stop: int) -> int:
        return 0

    def span(self, start: int, stop: int) -> GroupSpan:
        span, before = [], 0
        for group, rows in enumerate(self.groups):
            first, end = max(start - before, 0), min(stop - before, rows)
            if first < end:
                span.append((group, first, end))
            before += rows
        return tuple(span)


class TableBatch(Typed):
    """A chunk's rows as slices of groups, whose columns `read` returns."""

    def __init__(
        self, span: GroupSpan, fields: Fields, read: GroupReader, name: str, first_row: int
    ) -> None:
        self.rows = sum(stop - start for _, start, stop in span)
        self._span, self._fields, self._read = span, fields, read
        self._place = RecordLocator(name, first_row, None)
        self._columns: dict[int, pa.Array] = {}
        self._expected: set[int] = set()

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        bad = dict[int, str]()
        for position in positions:
            try:
                self.columns([position])
            except BadRowsError as error:
                bad |= error.rows
        return bad

    def without(self, rows: Collection[int]) -> TableBatch:
        return self.pick([row for row in range(self.rows) if row not in rows])

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> TableBatch:
        return self.pick(rows)

    def pick(self, rows: Sequence[int]) -> TableBatch:
        batch = copy(self)
        batch._columns, batch._expected = {}, set()
        batch._place, batch.rows = self._place.pick(rows), len(rows)
        return batch

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        self._expected.update(positions)

    def check_complete(self) -> None:
        """Nothing to check: the schema has all columns."""

    def columns(self, positions: Sequence[int]) -> list[pa.Array]:
        missing = tuple(sorted(set(positions) - set(self._columns)))
        if missing:
            missing = tuple(sorted({*missing, *self._expected} - set(self._columns)))
            tables = [self._read(g, missing).slice(a, b - a) for g, a, b in self._span]
            for place, position in enumerate(missing):
                chunks = [chunk for table in tables for chunk in table.column(place).chunks]
                self._columns[position] = self._column(chunks, self._fields[position])
        return [self._columns[position] for position in positions]

    def _column(self, chunks: list[pa.Array], field: Field) -> pa.Array:
        try:
            return self._of_rows(self._joined(chunks, field.type))
        except _MISFITS as error:
            found = self._of_rows(self._joined(chunks, chunks[0].type))
            if rows := _misfits(found, field.type):
                bad = {row: self._misfit(row, found[row], field, rows[row]) for row in rows}
                raise BadRowsError(bad) from error
            return fit(found, field.type)

    def _of_rows(self, column: pa.Array) -> pa.Array:
        rows = self._place.picked
        return column if rows is None else picked(column, rows)

    def _misfit(self, row: int, value: Any, field: Field, error: Exception) -> str:
        why = f"{shown(str(value))!r} is not of the type {named(field.type)} that --dtype asks for"
        remedy = f"; --dtype {field.name}=str takes any value"
        if isinstance(error, UnseenError):
            why, remedy = error.why, ""
        return f"{self._place.where(row)}, column {field.name!r}: {why}{remedy}"

    verbatim = columns

    def _joined(self, chunks: list[pa.Array], type_: Any) -> pa.Array:
        if not chunks:
            return pa.nulls(0, type_)
        chunks = [fit(chunk, type_) for chunk in chunks]
        if len(chunks) == 1:
            return chunks[0]
        if pa.types.is_dictionary(type_):
            column, one = pa.chunked_array(chunks), have_one_dictionary(chunks)
            return (column if one else column.unify_dictionaries()).combine_chunks()
        return pa.concat_arrays(chunks)


_MISFITS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, ResultError, UnseenError)


def _misfits(array: pa.Array, type_: Any) -> dict[int, Exception]:
    """Return {position: error} of the values that do not fit a type, by bisection."""
    try:
        fit(array, type_)
        return {}
    except _MISFITS as error:
        if len(array) == 1:
            return {0: error}
    half = len(array) // 2
    others = _misfits(array.slice(half), type_)
    return _misfits(array.slice(0, half), type_) | {half + row: e for row, e in others.items()}


@contextmanager
def readable(words: str) -> Iterator[None]:
    """Translate Arrow's errors about an unreadable file into InputError; disk errors pass."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(f"{words}: {shown(str(error), 200)}") from error


def types_of(reading: Reading, schema: pa.Schema) -> dict[str, Any]:
    """Return the types that --dtype asks for, of columns that the input has."""
    return {
        name: parse_type(name, type_)
        for name, type_ in reading.dtypes.items()
        if name in schema.names
    }
