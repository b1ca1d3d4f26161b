"""Sorted runs as a source: its chunks are ranges of keys, merged from all runs. In workers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.columns import keys
from parapply.columns.arrays import integers, take
from parapply.columns.layout import have_one_dictionary
from parapply.formats.common.known_source import KnownSource
from parapply.formats.common.typed import Typed
from parapply.formats.nouns import Field
from parapply.formats.runs.run import (
    NUMBER,
    copied,
    key_name,
    source_and_row,
    typed_name,
    verbatim_name,
)
from parapply.model.errors import InputError
from parapply.model.records import record
from parapply.storage.part import read_table

Slices = tuple[tuple[str, int, int], ...]  # (path of a run, start, stop), in the order of the runs


def is_slices(span: Any) -> bool:
    """Whether a span is of runs, not of the input that these are made of."""
    return isinstance(span, tuple) and all(isinstance(part[0], str) for part in span)


@record
class RunsSource(KnownSource):
    """All runs of one shuffle, with the names that the input has."""

    names: tuple[str, ...]  # of the inputs
    own: tuple[str, ...]  # columns
    keys: tuple[int, ...]  # their positions
    sort_by: tuple[tuple[int, bool], ...] = ()  # positions, and whether it is descending
    consecutive: bool = False  # runs are in the order of the input, and stay so
    offsets: tuple[int, ...] = (0,)  # rows of the inputs before each of them

    @property
    def name(self) -> str:
        return self.names[0] if len(self.names) == 1 else "the inputs"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.own

    def batch(
        self, span: Slices, fields: tuple[Field, ...], data: bytes | None = None, first_row: int = 0
    ) -> RunsBatch:
        """Merge what the runs have of a range of keys."""
        del data, first_row
        return RunsBatch(self, span, fields)

    def row(self, number: int) -> str:
        """Name a row by its number."""
        source, row = source_and_row(number)
        return f"{self.names[source]}: row {row + 1}"

    def where(self, span: Slices, fields: tuple[Field, ...], row: int) -> str:
        """Say which group a row of a span, in the order of the keys, is of."""
        if not is_slices(span):
            return f"{self.name}: a group"
        batch = self.batch(span, fields)
        group = int(np.searchsorted(batch.starts, row, side="right")) - 1
        return batch.where(group)


class RunsBatch(Typed):
    """Rows in the order of their keys; those of one key stand together, in the input's order."""

    def __init__(self, source: RunsSource, span: Slices, fields: tuple[Field, ...]) -> None:
        self._source, self._fields = source, fields
        self._tables = [copied(read_table(path), start, stop) for path, start, stop in span]
        self._stored = set(self._tables[0].column_names) if self._tables else set()
        self.rows = sum(stop - start for _, start, stop in span)
        self._picked: Any = None  # positions among all rows in order, where not all are here
        self._whole: RunsBatch | None = None  # of which these rows were picked
        self._read: dict[str, pa.Array] = {}

    @cached_property
    def _key(self) -> list[pa.Array]:
        """The key's columns, as the runs have them one after the other."""
        names = [key_name(place) for place in range(len(self._source.keys))]
        return [self._joined(name) for name in names]

    @cached_property
    def _order(self) -> Any:
        """Where the rows stand in the runs, in the order that they have here; None: as there."""
        ways = self._source.sort_by
        if self._source.consecutive:
            if not ways:
                return None
            ids = np.zeros(self.rows, np.int64)
            ids[keys.starts(self._key)[1:]] = 1
            others = [keys.comparable(self._joined(typed_name(p))) for p, _ in ways]
            return keys.sorted_order([integers(np.cumsum(ids)), *others],
                                     [False, *(down for _, down in ways)])  # fmt: skip
        if not ways and keys.is_sorted(self._key):
            return None
        others = [keys.comparable(self._joined(typed_name(position))) for position, _ in ways]
        descending = [False] * len(self._key) + [down for _, down in ways]
        return keys.sorted_order([*self._key, *others], descending)

    @cached_property
    def starts(self) -> Any:
        """The position at which each group begins, as a numpy array."""
        names = [key_name(place) for place in range(len(self._source.keys))]
        return keys.starts([self._column(name) for name in names])

    @property
    def numbers(self) -> Any:
        """The rows' numbers in the input, as a numpy array."""
        return self._column(NUMBER).to_numpy()

    def where(self, group: int) -> str:
        """Name a group by its key."""
        start = int(self.starts[group])
        stop = int(self.starts[group + 1]) if group + 1 < len(self.starts) else self.rows
        rows = f"{stop - start:,} row{'s' * (stop - start != 1)}"
        return f"{self._source.name}: group {self._words(start)} ({rows})"

    def _words(self, position: int) -> str:
        head = self.pick([position])
        found = []
        for place in self._source.keys:
            (value,) = head.values(place)
            shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
            found.append(f"{self._fields[place].name}={shown}")
        return ", ".join(found)

    def pick(self, rows: Sequence[int]) -> RunsBatch:
        batch = copy(self)
        places = np.asarray(rows, np.int64)
        batch._picked = places if self._picked is None else self._picked[places]
        batch.rows, batch._read, batch._whole = len(places), {}, self._whole or self
        batch.__dict__.pop("starts", None)
        return batch

    def bad_rows(self, positions: Sequence[int], seen: Sequence[int] = ()) -> dict[int, str]:
        """All could be read when they were sorted."""
        return {}

    def without(self, rows: Collection[int]) -> RunsBatch:
        return self.pick([row for row in range(self.rows) if row not in rows])

    def mended(
        self, rows: Sequence[int], ragged: Collection[int], blank: Collection[int]
    ) -> RunsBatch:
        return self.pick(rows)

    def expect(self, positions: Sequence[int], *, typed: bool) -> None:
        """Each column is read by itself."""

    def check_complete(self) -> None:
        """All of a row was looked at when it was sorted."""

    def columns(self, positions: Sequence[int]) -> list[pa.Array]:
        return [self._column(typed_name(position)) for position in positions]

    def verbatim(self, positions: Sequence[int]) -> list[pa.Array]:
        names = [verbatim_name(position) for position in positions]
        return [
            self._column(name if name in self._stored else typed_name(position))
            for name, position in zip(names, positions, strict=True)
        ]

    def place(self, position: int) -> tuple[str, int]:
        """Return the input that a row is in, and its number there, counted from 1."""
        source, row = source_and_row(int(self.numbers[position]))
        return self._source.names[source], row + 1

    def row_numbers(self) -> Any:
        """Return each row's number, counted from 0 over all inputs, as a numpy array."""
        own, offsets = self.numbers, np.asarray(self._source.offsets, np.int64)
        return own if len(offsets) == 1 else offsets[own >> 40] + (own & ((1 << 40) - 1))

    def _column(self, name: str) -> pa.Array:
        if name not in self._read:
            whole = self._whole or self
            column, order = whole._joined(name), whole._order
            if self._picked is not None:
                order = self._picked if order is None else order[self._picked]
            self._read[name] = column if order is None else take(column, order)
        return self._read[name]

    def _joined(self, name: str) -> pa.Array:
        chunks = [chunk for table in self._tables for chunk in table.column(name).chunks]
        if not chunks:
            kinds = {"c": lambda: self._fields[int(name[1:])].type, "v": pa.string}
            return pa.nulls(0, kinds.get(name[0], pa.int64)())
        if len(chunks) == 1:
            return chunks[0]
        if pa.types.is_dictionary(chunks[0].type) and not have_one_dictionary(chunks):
            chunks = pa.chunked_array(chunks).unify_dictionaries().chunks
        try:
            return pa.concat_arrays(chunks)
        except pa.ArrowInvalid as error:
            raise InputError(f"{self._source.name}: a group is too large: {error}") from error
