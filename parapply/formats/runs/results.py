"""What was made of groups, on its way back to the rows of the input: by their numbers, in order.

A part has the results of one range of keys, and the number of the row that each is for. Workers
write it; others map it and look up the rows of their chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from parapply.columns.arrays import integers
from parapply.columns.arrays import take as taken
from parapply.formats.api import Batch, Joiner
from parapply.formats.nouns import Arrangement
from parapply.formats.runs.run import copied
from parapply.formats.runs.source import RunsBatch
from parapply.model.records import record
from parapply.storage.part import Part, read_table

_NUMBER = "parapply:number"  # a column beside those of the results


@record
class ResultsTarget:
    """Writes results with the numbers of their rows: a Target that nobody reads but parapply."""

    as_text: bool

    reads_typed = labelled = quick = False
    has_twins = True
    encoding = None
    suffix = ".arrow"

    def read(self, keep: Sequence[int]) -> tuple[int, ...]:
        return tuple(keep)

    def write(
        self, part: Part, arrangement: Arrangement, batch: Batch, made: Any, take: Any, last: bool,
        known: Any = None,
    ) -> None:  # fmt: skip
        """Write columns, each with a result for every row in `take`, in the order of the input."""
        del arrangement, last, known
        assert isinstance(batch, RunsBatch)
        numbers = batch.numbers if take is None else batch.numbers[np.asarray(take, np.int64)]
        _write(part, dict(made), numbers)

    def write_table(self, part: Part, arrangement: Arrangement, table: Any, batch: Batch) -> None:
        """Not asked for: rows of tables are said whose they are."""
        raise AssertionError("a table of groups is written with the rows that it is of")

    def needs_refit(self, part: Any, whole: Any) -> bool:
        """Whoever looks results up brings them to one type."""
        del part, whole
        return False

    def joiner(self) -> Joiner:
        """Not asked for: parts stay apart."""
        raise AssertionError("results are not joined")


def _write(part: Part, columns: Mapping[str, pa.Array], numbers: Any) -> None:
    order = np.argsort(numbers, kind="stable")
    arrays = [taken(array, order) for array in columns.values()]
    names = [*columns, _NUMBER]
    part.write_table(pa.Table.from_arrays([*arrays, integers(numbers[order])], names=names))


def look_up(paths: Sequence[str], first: int, stop: int) -> tuple[Any, list[pa.Table]]:
    """Return the numbers of rows from `first` to `stop` that have results, and these, as tables.

    The tables stand below each other, in the order of the numbers within each alone. They are
    copies: what stays mapped counts as memory.
    """
    numbers, tables = [np.array([], np.int64)], []
    for path in paths:
        table = read_table(path)
        if not table.num_rows:
            continue
        known = table.column(_NUMBER).chunk(0).to_numpy()
        start, end = np.searchsorted(known, [first, stop])
        if start < end:
            numbers.append(known[start:end].copy())
            tables.append(copied(table.drop_columns([_NUMBER]), int(start), int(end)))
    return np.concatenate(numbers), tables
