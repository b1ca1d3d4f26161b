"""Reading input columns that were not read with their chunk but are needed after all (parent)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import pyarrow as pa

from parapply.formats.common.group_target import ROWS_PER_GROUP
from parapply.formats.common.groups import readable
from parapply.formats.parquet.column_copy.plan import CopyPlan
from parapply.formats.parquet.file import ParquetFile


class SequentialReader:
    """Reads columns of ascending rows, so that each column is decoded only once, in batches."""

    def __init__(self, plan: CopyPlan) -> None:
        self._plan = plan
        self._file: ParquetFile | None = None
        self._readers: dict[str, _ColumnReader] = {}

    def read(self, name: str, start: int, rows: int) -> list[pa.Array]:
        """Return a column of rows from `start` on, in pieces."""
        with readable(f"{self._plan.name}: column {name!r} cannot be read any more"):
            if self._file is None:
                self._plan.check()
                self._file = ParquetFile(self._plan.path)
            if name not in self._readers:
                self._readers[name] = _ColumnReader(self._file, name, self._plan.groups)
            return self._readers[name].read(start, rows)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _ColumnReader:
    def __init__(self, file: ParquetFile, name: str, groups: Sequence[int]) -> None:
        self._file, self._name = file, name
        self._starts = list(accumulate(groups, initial=0))
        self._at, self._end = -1, 0  # the next row, and the end of its group
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._rest: pa.Array | None = None

    def read(self, start: int, rows: int) -> list[pa.Array]:
        if start != self._at and start >= self._end:
            self._open(bisect_right(self._starts, start) - 1)
        self._take(start - self._at)
        return self._take(rows)

    def _open(self, group: int) -> None:
        """Go to the start of a group; later groups follow."""
        self._at, self._rest = self._starts[group], None
        groups = range(group, len(self._starts) - 1)
        self._batches = self._file.iter_batches(ROWS_PER_GROUP, groups, [self._name])

    def _take(self, rows: int) -> list[pa.Array]:
        found = []
        while rows:
            if self._rest is None or not len(self._rest):
                self._rest = next(self._batches).column(self._name)
            found.append(self._rest.slice(0, rows))
            self._rest = self._rest.slice(len(found[-1]))
            rows -= len(found[-1])
            self._at += len(found[-1])
        self._end = self._starts[min(bisect_right(self._starts, self._at), len(self._starts) - 1)]
        return found
