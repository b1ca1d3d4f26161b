"""Brings the rows of each key together: a stage between survey and apply. In the parent.

Workers sort chunks into runs; samples of these tell where the keys are cut into ranges that a
worker's memory holds; each range, merged from all runs, is then a chunk of whole groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, cast

from parapply.backends.api import Outside, Session
from parapply.columns.keys import Key
from parapply.engine.splitters import splitters
from parapply.engine.stages.api import work_off
from parapply.engine.stages.survey import Table
from parapply.engine.stages.trials import Trials
from parapply.execute.call import Grouping
from parapply.execute.shuffle import CountTask, CutTask, SortTask
from parapply.formats.api import Source
from parapply.formats.runs.run import Run
from parapply.formats.runs.source import RunsSource, Slices
from parapply.model.chunk import Chunk, may_come
from parapply.model.errors import InputError
from parapply.model.records import record

_PARTS = 4  # ranges for each worker: none is to be left far behind
_MOST_BYTES = 8 << 20  # of a range, unless one group has more
_LEAST_ROWS = 256
_MOST_RANGES = 1024  # of as many rows; beyond that they grow, as far as memory allows


@record
class GroupedTable(Table):
    """A table whose chunks are whole groups."""

    size_bytes: int = 0  # on disk
    ranges: tuple[tuple[Slices, int], ...] = ()  # and how many of their rows are wanted

    def chunks(self, workers: int, chunk_size: int | None, whole: bool) -> Iterator[Chunk]:
        """Yield the ranges of keys, in order."""
        before = 0
        for place, (span, rows) in enumerate(self.ranges):
            last = place == len(self.ranges) - 1
            every = rows == sum(stop - start for _, start, stop in span)
            pick = None if every else tuple(range(rows))
            yield Chunk((place,), 0, span, before, rows, last, pick=pick)
            before += rows


class Shuffle:
    """Sorts and cuts one table; `most_bytes` is what one group may take, as it lies on disk."""

    def __init__(
        self, session: Session, table: Table, task: SortTask, workers: int, most_bytes: int,
        beat: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._session, self._table, self._task = session, table, task
        self._workers, self._most_bytes, self._beat = workers, most_bytes, beat

    def run(self, chunk_size: int | None, head: int | None) -> GroupedTable:
        """Return the table of all groups, or of the first; raises what is wrong with the rows."""
        chunks = self._table.chunks(self._workers, chunk_size, True)
        outside = _Streams(self._table, chunks)
        runs: list[Run] = self._work(self._task, chunks, "sorted rows", outside)
        runs = [run for run in runs if run.rows]
        ranges = self._ranges(runs, chunk_size)
        if head is not None:
            ranges = tuple(self._first(ranges, head))
        rows = sum(rows for _, rows in ranges)
        size, sources = sum(run.size_bytes for run in runs), (cast(Source, self._source()),)
        return GroupedTable(sources, self._table.fields, {}, {}, (rows,), rows, True, size, ranges)

    def _source(self) -> RunsSource:
        return runs_source(self._table, self._task.grouping)

    def _first(
        self, ranges: Sequence[tuple[Slices, int]], groups: int
    ) -> Iterator[tuple[Slices, int]]:
        """Yield as much of the ranges as has so many groups."""
        for start in range(0, len(ranges), self._workers):
            spans = [span for span, _ in ranges[start : start + self._workers]]
            for span, (count, rows) in zip(spans, self._counts(spans, groups), strict=True):
                if count > groups > 0:
                    ((count, rows),) = self._counts([span], groups)
                if groups > 0:
                    yield span, rows
                groups -= count
            if groups <= 0:
                return

    def _counts(self, spans: Sequence[Slices], most: int) -> list[tuple[int, int]]:
        task = CountTask(self._source(), self._table.fields, most)
        return self._work(task, enumerate(spans), "counted groups")

    def _work(self, task: Any, items: Any, what: str, outside: Outside | None = None) -> list[Any]:
        def number(item: Any) -> Any:
            return item.number if isinstance(item, Chunk) else item[0]

        def beat() -> None:
            self._beat(sum(run.rows for run in stage.done) if task is self._task else rows)

        rows = self._table.rows or 0
        stage = Trials(task, items, what, number, outside, beat)
        work_off(self._session, stage)
        return stage.found

    def _ranges(
        self, runs: Sequence[Run], chunk_size: int | None
    ) -> tuple[tuple[Slices, int], ...]:
        rows = sum(run.rows for run in runs)
        if not rows:
            return ()
        row_bytes = sum(run.size_bytes for run in runs) / rows
        wanted = min(rows // (_PARTS * self._workers), int(_MOST_BYTES / row_bytes))
        wanted = chunk_size or max(wanted, _LEAST_ROWS, rows // _MOST_RANGES)
        most = max(1, int(self._most_bytes / row_bytes))
        whole = tuple((run.path, 0, run.rows) for run in runs)
        sample = [one for run in runs for one in run.sample]
        found: list[tuple[Slices, int]] = []
        for span, count in self._cut(whole, splitters(sample, min(wanted, most))):
            found.extend(self._refined(span, count, most, row_bytes))
        return tuple(found)

    def _cut(self, span: Slices, cuts: Sequence[Key]) -> Iterator[tuple[Slices, int]]:
        """Yield the parts of a span between these keys, and how many rows each has."""
        task = CutTask(len(self._task.grouping.keys))
        items = [(place, path, tuple(cuts)) for place, (path, _, _) in enumerate(span)]
        at = self._work(task, items, "looked for keys") if cuts else [()] * len(span)
        edges = [
            [start, *(min(max(place, start), stop) for place in places), stop]
            for (_, start, stop), places in zip(span, at, strict=True)
        ]
        paths = [path for path, _, _ in span]
        for bounds in zip(*map(pairwise, edges), strict=True):
            part = tuple((p, a, b) for p, (a, b) in zip(paths, bounds, strict=True) if a < b)
            if part:
                yield part, sum(stop - start for _, start, stop in part)

    def _refined(
        self, span: Slices, rows: int, most: int, row_bytes: float
    ) -> Iterator[tuple[Slices, int]]:
        """Yield a range, or parts of it where it is too large; raises InputError for one key."""
        if rows <= most:
            yield span, rows
            return
        task = CutTask(len(self._task.grouping.keys))
        items = [(place, path, (start, stop)) for place, (path, start, stop) in enumerate(span)]
        samples = self._work(task, items, "looked for keys")
        cuts = splitters([one for sample in samples for one in sample], most // 2)
        if not cuts:
            raise self._too_large(span, rows, row_bytes)
        for part, count in self._cut(span, cuts):
            if count == rows and len(cuts) < 2:
                raise self._too_large(part, rows, row_bytes)
            yield from self._refined(part, count, most, row_bytes)

    def _too_large(self, span: Slices, rows: int, row_bytes: float) -> InputError:
        source = self._source()
        (path, start, _), *_ = span
        name = source.where(((path, start, start + 1),), self._table.fields, 0).rpartition(" (")[0]
        size = int(rows * row_bytes) >> 20
        return InputError(
            f"{name} has {rows:,} rows, {size:,} MB as they lie on disk: more than a worker may "
            "hold at once; --memory SIZE allows more, fewer --workers share it, and -c A,B gives "
            "the function fewer columns"
        )


def runs_source(table: Table, grouping: Grouping) -> RunsSource:
    """Return the source of runs that are made of a table."""
    before = tuple(accumulate(table.counts[:-1], initial=0))
    names = tuple(source.name for source in table.sources)
    return RunsSource(
        names, table.sources[0].columns, grouping.keys, grouping.sort_by, grouping.consecutive,
        before,
    )  # fmt: skip


class _Streams:
    """Input that is still coming: an Outside."""

    def __init__(self, table: Table, chunks: Iterator[Chunk]) -> None:
        self._feeds, self._chunks = table.feeds, chunks

    @property
    def more(self) -> bool:
        return may_come(self._chunks)

    def descriptors(self) -> list[int]:
        return [feed.descriptor for feed in self._feeds if feed.awaited and feed.more]

    def look(self) -> None:
        """Nothing else is heeded."""
