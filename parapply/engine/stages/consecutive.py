"""The pass over groups that stand together in the input already: --sorted. In the parent.

A chunk's outcome says which of its groups lie at its edges. When that of the chunk before is known
too, the group between them is a chunk of its own, which stands before the rest of this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from parapply.backends.api import Done, Session
from parapply.columns.keys import Key
from parapply.engine.stages.api import work_off
from parapply.engine.stages.apply import ApplyStage
from parapply.engine.stages.shuffle import runs_source
from parapply.engine.stages.survey import Table
from parapply.engine.stages.trials import Trials
from parapply.execute.consecutive import (
    ASCENDING,
    DESCENDING,
    ConsecutiveTask,
    DigestTask,
    Edges,
    between,
    comes_back,
    is_of_runs,
)
from parapply.execute.shuffle import SortTask
from parapply.execute.tasks import ChunkTask
from parapply.formats.api import Source
from parapply.formats.runs.source import RunsSource, Slices
from parapply.model.chunk import Chunk
from parapply.model.deferred_imports import np
from parapply.model.outcome import Outcome
from parapply.model.records import replace


class ConsecutiveApply(ApplyStage):
    """An ApplyStage whose chunks are of the input, and whose groups may lie across them."""

    def begin(self, session: Session, source: RunsSource) -> ConsecutiveApply:
        """Expect the first chunk."""
        self._session, self._source = session, source
        self._waiting: dict[int, tuple[Chunk, Outcome]] = {}
        self._next = 0
        self._open: Slices = ()  # the group that may go on
        self._key: Key | None = None
        self._ways = ASCENDING | DESCENDING
        self._runs: list[tuple[str, int]] = []  # with the rows that belong to a group before
        return self

    def take(self, done: Done[Any, Any]) -> None:
        item, outcome = done.item, done.result
        if isinstance(item, Chunk) and isinstance(outcome, Outcome) and not is_of_runs(item):
            self._waiting[item.number[0]] = item, outcome
            self.agenda.flying.discard(item.number)
            while self._next in self._waiting:
                self._in_order(*self._waiting.pop(self._next))
                self._next += 1
            return
        super().take(done)

    def _in_order(self, chunk: Chunk, outcome: Outcome) -> None:
        edges: Edges | None = outcome.edges
        inner = between(chunk, edges)
        span = () if edges is None else self._complete(edges)
        if span:
            self._expect_halves(chunk.number, 0)
            before, after = (*chunk.number, 0), (*chunk.number, 1)
            self.agenda.push(_chunk_of(before, span))
            inner, outcome = replace(inner, number=after), replace(outcome, number=after)
        super().take(Done(inner, replace(outcome, edges=None)))

    def _complete(self, edges: Edges) -> Slices:
        """Return the groups that end at this chunk's edge; what may go on is kept."""
        goes_on = self._key == edges.first
        self._runs.append((edges.path, edges.head if goes_on else 0))
        self._ways &= edges.ways
        if self._key is not None and not goes_on:
            self._ways &= ASCENDING if self._key < edges.first else DESCENDING
        head: Slices = ((edges.path, 0, edges.head),)
        if edges.single and goes_on:
            self._open = (*self._open, *head)
            return ()
        before, self._key = self._open, edges.last
        if edges.single:
            self._open = head
            return before
        self._open = ((edges.path, edges.tail, edges.rows),)
        return (*before, *head)

    def goes_on(self) -> bool:
        """Put the group that stands at the end on the agenda; raises InputError as `check`."""
        self._check()
        span, self._open = self._open, ()
        if span:
            self.agenda.push(_chunk_of((self._next,), span))
        return bool(span)

    def _check(self) -> None:
        """Raise InputError for a key that comes back, where the keys are in no order."""
        if self._ways or not self._runs:
            return
        items = [(number, path, start) for number, (path, start) in enumerate(self._runs)]
        number: Callable[[Any], Any] = lambda item: item[0]  # noqa: E731
        task = DigestTask(len(self._source.keys))
        stage = Trials(task, items, "looked for keys", number)
        work_off(self._session, stage)
        digests = np.frombuffer(b"".join(one for one, _ in stage.found), "S16")
        rows = np.frombuffer(b"".join(one for _, one in stage.found), np.int64)
        order = np.argsort(digests, kind="stable")
        twice = np.flatnonzero(digests[order][1:] == digests[order][:-1])
        if len(twice):
            pairs = [(int(rows[order[p + 1]]), int(rows[order[p]])) for p in twice]
            second, first = min(pairs)
            raise comes_back(self._source, (), first, second)


def _chunk_of(number: tuple[int, ...], span: Slices) -> Chunk:
    rows = sum(stop - start for _, start, stop in span)
    return Chunk(number, 0, span, 0, rows)


def consecutive_stage(
    session: Session, scan: SortTask, table: Table, task: ChunkTask, known: tuple[Any, ...]
) -> ConsecutiveApply:
    """Return the stage for a table's chunks; `known` is what an ApplyStage has besides its task."""
    source = runs_source(table, scan.grouping)
    inner = replace(task, sources=(cast(Source, source),))
    stage = ConsecutiveApply(session, inner, *known)
    stage.task = ConsecutiveTask(scan, inner)
    return stage.begin(session, source)
