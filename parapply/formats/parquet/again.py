"""Columns of the input that were not read with their chunk, read after all. In the parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.parquet as pq

from parapply.formats.group_target import ROWS_PER_GROUP
from parapply.formats.parquet.carry import Carry


class Again:
    """Reads columns of rows, which come in order, without holding a group of the input."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._readers: dict[tuple[str, ...], _Reader] = {}  # by the columns that each reads

    def read(self, names: Sequence[str], start: int, rows: int) -> pa.Table:
        """Return columns of rows from `start` on."""
        key = tuple(names)
        if key not in self._readers:
            self._readers[key] = _Reader(self._carry, key)
        return self._readers[key].read(start, rows)

    def close(self) -> None:
        """Close the files."""
        for reader in self._readers.values():
            reader.close()


class _Reader:
    def __init__(self, carry: Carry, names: tuple[str, ...]) -> None:
        self._carry, self._names = carry, list(names)
        self._files = ExitStack()
        self._at = -1  # the row that comes next
        self._tables: Iterator[pa.Table] = iter(())
        self._rest: list[pa.Table] = []

    def read(self, start: int, rows: int) -> pa.Table:
        if start != self._at:
            self._open(start)
        held = sum(table.num_rows for table in self._rest)
        while held < rows:
            self._rest.append(next(self._tables))
            held += self._rest[-1].num_rows
        table = pa.concat_tables(self._rest)
        self._rest, self._at = [table.slice(rows)], start + rows
        return table.slice(0, rows)

    def close(self) -> None:
        self._files.close()

    def _open(self, start: int) -> None:
        self._files.close()
        file = self._files.enter_context(pq.ParquetFile(self._carry.path))
        before, group = 0, 0
        while before + self._carry.groups[group] <= start:
            before, group = before + self._carry.groups[group], group + 1
        batches = file.iter_batches(
            ROWS_PER_GROUP,
            row_groups=list(range(group, len(self._carry.groups))),
            columns=self._names,
            use_threads=False,
        )
        self._tables = (pa.Table.from_batches([one]).select(self._names) for one in batches)
        self._rest, self._at = [], before
        if start > before:
            self.read(before, start - before)
