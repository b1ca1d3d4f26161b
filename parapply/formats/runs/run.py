"""One sorted run: the rows of one chunk in the order of their keys, as an Arrow file. In workers.

Its columns are called for what they are: `k0`, `k1`, ... the key, in the form that is compared;
`c7` the input's column at position 7, `v7` that column as it stands in the input, where that is
not the same; `n` the row's number in the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.columns.arrays import integers, take
from parapply.columns.keys import Key, key_at
from parapply.model.records import record
from parapply.storage.part import Part, read_table

NUMBER = "n"
_SOURCE_BITS = 40  # a row's number is its source's place, and below it its place in the source


@record
class Run:
    """A run that was written."""

    number: tuple[int, ...]  # the chunk's: rows of equal keys are in the order of these
    path: str
    rows: int
    size_bytes: int
    sample: tuple[tuple[Key, int], ...]  # keys of rows here and there, and for how many each stands


def key_name(place: int) -> str:
    """Return the name of a column of the key, by its place in that."""
    return f"k{place}"


def typed_name(position: int) -> str:
    """Return the name of an input's column, by its position there."""
    return f"c{position}"


def verbatim_name(position: int) -> str:
    """Return the name of an input's column as it stands in the input."""
    return f"v{position}"


def row_number(source: int, row: int) -> int:
    """Return the number of a row, counted from 0 in its source, among those of all sources."""
    return (source << _SOURCE_BITS) + row


def source_and_row(number: int) -> tuple[int, int]:
    """Return what `row_number` was given."""
    return number >> _SOURCE_BITS, number & ((1 << _SOURCE_BITS) - 1)


def write_run(
    path: str, number: tuple[int, ...], columns: dict[str, pa.Array], keys: int, order: Any
) -> Run:
    """Write columns, each with the rows of a chunk, in an order; the first `keys` are the key's."""
    arrays = [take(array, order) for array in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    Part(path).write_table(table)
    sample = sample_of(arrays[:keys], 0, len(order))
    return Run(number, path, len(order), table.get_total_buffer_size(), sample)


def copied(table: pa.Table, start: int, stop: int) -> pa.Table:
    """Return a copy of some rows of a run: a slice would keep all of it mapped."""
    part = table.slice(start, stop - start)
    columns = [column.chunk(0) for column in part.columns]
    copies = [pa.concat_arrays([column, column.slice(0, 0)]) for column in columns]
    return pa.Table.from_arrays(copies, names=table.column_names)


_SAMPLED = 64  # rows of a run: a hundred runs tell keys apart to a part in some thousands


def sample_of(keys: Sequence[pa.Array], start: int, stop: int) -> tuple[tuple[Key, int], ...]:
    """Return the keys of rows here and there, in order, each with the rows that it stands for."""
    step = -(-(stop - start) // _SAMPLED) or 1
    places = range(start, stop, step)
    return tuple((key_at(keys, place), min(step, stop - place)) for place in places)


class RunKeys(Sequence[Key]):
    """The keys of a run, in order, for `bisect`: each is read when it is looked at."""

    def __init__(self, path: str, keys: int) -> None:
        table = read_table(path)
        self.columns = [table.column(key_name(place)).chunk(0) for place in range(keys)]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, place: Any) -> Any:
        return key_at(self.columns, place)


def numbers(source: int, first_row: int, rows: int, pick: Sequence[int] | None) -> pa.Array:
    """Return the numbers of a chunk's rows."""
    places = np.arange(rows) if pick is None else np.asarray(pick)
    return integers(places + row_number(source, first_row))
