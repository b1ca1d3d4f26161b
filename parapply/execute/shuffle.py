"""What workers do to bring the rows of a key together: sort chunks into runs, find keys in these.

A chunk's rows become one run on disk, in the order of their keys. Where the runs are to be cut is
decided by samples of all of them; each is cut there by bisection, and nothing is written twice.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from typing import Any

from parapply.backends.api import ItemProgress
from parapply.columns import keys
from parapply.execute.call import Grouping
from parapply.execute.results.stored import part_name
from parapply.formats.api import CachedSource, Source
from parapply.formats.nouns import Field
from parapply.formats.runs.run import (
    NUMBER,
    Run,
    RunKeys,
    key_name,
    numbers,
    sample_of,
    typed_name,
    verbatim_name,
    write_run,
)
from parapply.formats.runs.source import RunsSource, Slices
from parapply.model.chunk import Chunk
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import ParapplyError
from parapply.model.outcome import Failed
from parapply.model.records import record
from parapply.runtime.allocation import give_back
from parapply.storage.private import Naming


@record
class SortTask:
    """Sorts the rows of a chunk by their keys, and writes them as a run."""

    sources: tuple[Source, ...]
    fields: tuple[Field, ...]
    grouping: Grouping
    typed: tuple[int, ...]  # columns that are kept as values of their types
    verbatim: tuple[int, ...]  # and as they stand in the input
    folder: str

    def __call__(self, chunk: Chunk, pace: ItemProgress) -> Run | Failed:
        """Return the run, or what is wrong with the chunk."""
        pace(1)
        source = self.sources[chunk.source]
        try:
            with Naming(source.name):
                found = self._cached(source, chunk)
                if found is None:
                    found = self._read(source, chunk)
            return self._written(chunk, self._columns(*found, chunk))
        except ParapplyError as error:
            return Failed(chunk.number, error)
        finally:
            give_back()

    def _cached(self, source: Source, chunk: Chunk) -> tuple[list[Any], list[Any]] | None:
        """Return the columns where the survey has kept them: the text is not read again."""
        if chunk.pick is not None or chunk.span is None or not isinstance(source, CachedSource):
            return None
        return source.cached_columns(chunk.span, self.fields, self.typed, self.verbatim)

    def _read(self, source: Source, chunk: Chunk) -> tuple[list[Any], list[Any]]:
        batch = source.batch(chunk.span, self.fields, chunk.data, chunk.first_row)
        if chunk.pick is not None:
            batch = batch.pick(chunk.pick)
        batch.expect((*self.typed, *self.verbatim), typed=not self.verbatim)
        return batch.columns(self.typed), batch.verbatim(self.verbatim) if self.verbatim else []

    def _columns(self, arrays: list[Any], texts: list[Any], chunk: Chunk) -> dict[str, pa.Array]:
        typed = dict(zip(self.typed, arrays, strict=True))
        found = {
            key_name(place): keys.comparable(typed[position])
            for place, position in enumerate(self.grouping.keys)
        }
        found |= {typed_name(position): array for position, array in typed.items()}
        for position, array in zip(self.verbatim, texts, strict=True):
            if typed.get(position) is not array:
                found[verbatim_name(position)] = array
        found[NUMBER] = numbers(chunk.source, chunk.first_row, chunk.rows, chunk.pick)
        return found

    def _written(self, chunk: Chunk, columns: dict[str, pa.Array]) -> Run:
        key = list(columns.values())[: len(self.grouping.keys)]
        rows = len(key[0])
        order = np.arange(rows) if self.grouping.consecutive else keys.sorted_order(key)
        if self.grouping.drop_missing:
            valid = [column.is_valid().to_numpy(zero_copy_only=False) for column in key]
            known = np.logical_and.reduce(valid)
            order = order[known[order]]
        # Of this worker: another may still be at the same chunk.
        name = f"run-{part_name(chunk.number)}.{threading.get_native_id()}"
        path = os.path.join(self.folder, name)
        with Naming(path):
            return write_run(path, chunk.number, columns, len(key), order)


@record
class CountTask:
    """Counts the groups of a range, up to so many."""

    source: RunsSource
    fields: tuple[Field, ...]
    most: int

    def __call__(self, item: tuple[int, Slices], pace: ItemProgress) -> tuple[int, int]:
        """Return how many groups there are of (number, span), and how many rows they have."""
        pace(1)
        batch = self.source.batch(item[1], self.fields)
        starts = batch.starts
        if len(starts) <= self.most:
            return len(starts), batch.rows
        return self.most, int(starts[self.most])


@record
class CutTask:
    """Finds where ranges of keys begin in a run, or takes a closer look at a part of it."""

    keys: int  # columns of the key

    def __call__(self, item: tuple[int, str, Any], pace: ItemProgress) -> tuple[Any, ...]:
        """Return, for each key of (number, path, keys), the first row that is not below it.

        For (number, path, (start, stop)) it is a sample of those rows.
        """
        pace(1)
        _, path, asked = item
        run = RunKeys(path, self.keys)
        if asked and isinstance(asked[0], int):
            return sample_of(run.columns, *asked)
        return tuple(bisect_left(run, key) for key in asked)
