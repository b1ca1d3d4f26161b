"""What workers do where rows of a key stand together already (--sorted): a chunk at a time.

A chunk's rows are written as a run, in their order. Groups that begin and end in it are called for
at once; of the first and the last one, which may go on in other chunks, the parent is told where
they are, and has them called for when all their rows are there.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from parapply.backends.api import ItemProgress
from parapply.columns import keys
from parapply.columns.keys import Key
from parapply.execute.rewrites import OutputTask, Rewrite
from parapply.execute.shuffle import SortTask
from parapply.execute.tasks import ChunkTask
from parapply.formats.runs.run import NUMBER, Run, RunKeys, key_name
from parapply.formats.runs.source import RunsSource, is_slices
from parapply.model.chunk import Chunk
from parapply.model.deferred_imports import np
from parapply.model.errors import InputError
from parapply.model.outcome import Failed, Outcome
from parapply.model.records import record, replace
from parapply.runtime.stops import Skipped
from parapply.storage.part import read_table

ASCENDING, DESCENDING = 1, 2  # bits: what the order of a chunk's keys may be


@record
class Edges:
    """Where a chunk's first group ends and its last one begins, in its run."""

    path: str
    rows: int
    head: int  # rows of the first group
    tail: int  # the first row of the last one; 0 where there is but one
    first: Key
    last: Key
    ways: int

    @property
    def single(self) -> bool:
        """Whether all rows are of one group."""
        return self.tail == 0


@record
class ConsecutiveTask:
    """Calls the function for groups as they stand: an item is a chunk of the input, or of runs."""

    scan: SortTask
    inner: ChunkTask

    def __call__(
        self, item: Chunk | Rewrite | OutputTask, pace: ItemProgress
    ) -> Outcome | Failed | OutputTask | Skipped:
        """Do as ChunkTask does; the outcome of a chunk of the input has its Edges."""
        if not isinstance(item, Chunk) or is_of_runs(item):
            return self.inner(item, pace)
        run = self.scan(item, pace)
        if isinstance(run, Failed):
            return run
        try:
            edges = self._edges(run)
        except InputError as error:
            return Failed(item.number, error)
        done = self.inner(between(item, edges), pace)
        return replace(done, edges=edges) if isinstance(done, Outcome) else done

    def _edges(self, run: Run) -> Edges | None:
        """Return the edges, None of a chunk without rows; raises InputError for a key twice."""
        if not run.rows:
            return None
        table = read_table(run.path)
        names = [key_name(place) for place in range(len(self.scan.grouping.keys))]
        columns = [table.column(name).chunk(0) for name in names]
        starts = keys.starts(columns)
        heads = [keys.taken(column, starts) for column in columns]
        ways = _ways(heads, len(starts))
        if not ways:
            self._check(heads, table.column(NUMBER).to_numpy()[starts])
        first, last = keys.key_at(columns, 0), keys.key_at(columns, run.rows - 1)
        head = int(starts[1]) if len(starts) > 1 else run.rows
        tail = int(starts[-1])
        return Edges(run.path, run.rows, head, tail, first, last, ways)

    def _check(self, heads: list[Any], numbers: Any) -> None:
        seen: dict[Key, int] = {}
        for place in range(len(numbers)):
            key = keys.key_at(heads, place)
            if key in seen:
                source = self.inner.sources[0]
                assert isinstance(source, RunsSource)
                raise comes_back(source, key, int(numbers[seen[key]]), int(numbers[place]))
            seen[key] = place


def _ways(heads: list[Any], count: int) -> int:
    """Return which orders the keys of groups may be in."""
    order = keys.sorted_order(heads)
    ascending = ASCENDING * bool((order == np.arange(count)).all())
    return ascending | DESCENDING * bool((order == np.arange(count)[::-1]).all())


def between(chunk: Chunk, edges: Edges | None) -> Chunk:
    """Return the chunk of a run's groups that begin and end in it."""
    slices = () if edges is None or edges.single else ((edges.path, edges.head, edges.tail),)
    rows = sum(stop - start for _, start, stop in slices)
    return replace(chunk, source=0, span=slices, rows=rows, data=None, pick=None)


def is_of_runs(chunk: Chunk) -> bool:
    """Whether a chunk has been read from the input before."""
    return is_slices(chunk.span)


def comes_back(source: RunsSource, key: Key, first: int, second: int) -> InputError:
    """Return the error that a key was at one row and is at another, which are row numbers."""
    one, other = source.row(first), source.row(second)
    values = ", ".join(repr(None if missing else value) for missing, value in key)
    named = f" {values}" if key else ""
    return InputError(
        f"{other}: the key{named} comes back, which was at {one}: --sorted is for rows that "
        "stand together by their key; without it they are brought together"
    )


@record
class DigestTask:
    """Digests the keys of a run's groups: an item is (number, path, the row to begin with)."""

    keys: int

    def __call__(self, item: tuple[int, str, int], pace: ItemProgress) -> tuple[bytes, bytes]:
        """Return digests of 16 bytes, and row numbers of 8, of each group."""
        pace(1)
        _, path, start = item
        run = RunKeys(path, self.keys)
        starts = [place for place in keys.starts(run.columns).tolist() if place >= start]
        digests = b"".join(blake2b(repr(run[p]).encode(), digest_size=16).digest() for p in starts)
        return digests, read_table(path).column(NUMBER).to_numpy()[starts].tobytes()
