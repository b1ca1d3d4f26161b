"""Chunks to the workers, outcomes to the assembler: the loop of a run, in the parent.

A chunk whose worker died is run again, row by row, so that the row is known on which a worker
dies; when a second one dies there, the row has failed. Meanwhile the chunk is halved each time,
as what kills workers at random spares small chunks. Of chunk functions nobody knows the row: they
are halved until it stands alone.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from parapply.backends.api import CountsProgress, Done, Outside, Session
from parapply.engine.agenda import Agenda, Item
from parapply.engine.assemble import Assembler
from parapply.engine.lost_workers import LostWorkers
from parapply.engine.tally import Tally
from parapply.engine.work_stealing import WorkStealing
from parapply.execute.rewrites import OutputTask, Rewrite
from parapply.execute.tasks import ChunkTask
from parapply.formats.api import Index
from parapply.model.chunk import Chunk
from parapply.model.events import ChunkDone, Event, Progress, RowsFailed, WorkerLost
from parapply.model.outcome import Failed, Outcome
from parapply.model.records import replace
from parapply.runtime.stops import Skipped

if TYPE_CHECKING:
    from parapply.engine.checkpoint.checkpoint import Checkpoint
    from parapply.engine.checkpoint.keeping import NoCheckpoint


_GRACE_S = 1.0  # how long an error waits for one that may stand before it


class ApplyStage:
    """Has everything on an agenda done, and counts."""

    def __init__(
        self,
        session: Session,
        task: ChunkTask,
        indexes: dict[int, Index],
        total: int | None,
        tell: Callable[[Event], None],
        tally: Tally,
        kept: Checkpoint | NoCheckpoint,
        assembler: Assembler,
        agenda: Agenda,
        outside: Outside | None = None,
    ) -> None:
        self.outside, self.tally, self.kept, self.assembler = outside, tally, kept, assembler
        self.task: Callable[[Any, Any], Any] = task
        self.total, self.agenda, self.tell = total, agenda, tell
        self.rows = self.calls = self._computed = 0
        self._units = session.units if isinstance(session, CountsProgress) else int
        self._losses = LostWorkers(task, indexes)
        self._relief = WorkStealing(session, task, indexes, self._expect_halves)
        self._relief.able &= not assembler.output.is_folder  # a chunk makes a file there
        self._failed: Failed | None = None
        self._deadline = math.inf
        self._held: deque[tuple[Chunk | Rewrite, Outcome]] = deque()  # while a row has failed
        self._last: tuple[int, ...] | None = None  # the chunk in which a function asked for the end

    def items(self) -> Agenda:
        """Return what is on the agenda: chunks, and what has to be done anew."""
        return self.agenda

    def beat(self) -> None:
        """Look after idle workers, and say how far the run is; raises what ends it."""
        self.kept.commit()
        self._judge()
        if self.agenda.end is None:
            self._relief.ask()
        if self._failed is not None and time.monotonic() > self._deadline:
            raise self._failed.error
        # A chunk that is done counts for nothing until its outcome has come.
        done = self.rows + self._units()
        most = done if self.total is None else min(done, self.total)  # a chunk adds one
        self._computed = max(self._computed, most)
        written, failed = self.assembler.rows_written, self.tally.failed
        self.tell(Progress(self._computed, written, self.total, failed))

    def take(self, done: Done[Item, Outcome | Failed | OutputTask | Skipped]) -> None:
        """Take what came of an item.

        Raises the error of the first row, in order, that is known to have failed: when a chunk
        fails nothing more is begun, and chunks before it are waited for, but not for long.
        """
        self.agenda.flying.discard(done.item.number)
        if isinstance(done.result, Failed):
            self._fail(done.result)
        elif isinstance(done.result, Skipped):
            self.agenda.cut()
        elif done.result is None:
            self._lost(done)
        elif isinstance(done.result, OutputTask):
            self.assembler.done(done.result)
        else:
            assert not isinstance(done.item, OutputTask)
            self._held.append(self._cut(done.item, done.result))
            self._take_held()
        if self._failed is not None and not self.agenda.awaits:
            raise self._failed.error

    def resume(self, chunk: Chunk, outcome: Outcome) -> None:
        self._count(outcome)
        self.assembler.add(replace(chunk, data=None), outcome)

    def split(self, chunk: Chunk) -> None:
        self.assembler.split(chunk.number)

    def _take_held(self) -> None:
        """Take what has come, unless a row has failed and no function has asked to end before."""
        for _, outcome in self._held:
            if outcome.stopped and (self._failed is None or outcome.number < self._failed.number):
                self._failed, self.agenda.end = None, None
        while self._held and self._failed is None:
            self._take(*self._held.popleft())

    def _cut(self, item: Chunk | Rewrite, outcome: Outcome) -> tuple[Chunk | Rewrite, Outcome]:
        """Return what was done of a chunk; what its worker left is to be done, too."""
        if outcome.row_s is None or not isinstance(item, Chunk):
            return item, outcome
        chunk, *others = self._relief.cut(item, outcome.rows_in, outcome.row_s)
        for other in others:
            self.agenda.push(other)
        return chunk, replace(outcome, number=chunk.number, row_s=None)

    def _take(self, item: Chunk | Rewrite, outcome: Outcome) -> None:
        chunk = item if isinstance(item, Chunk) else item.chunk
        if item is chunk:
            self._count(outcome)
        if self.tally.over:
            return  # the run ends, and one that goes on from it does this chunk again
        if item is chunk:
            self.kept.done(outcome)
        if outcome.stopped:
            chunk = self._halt(chunk, outcome.rows_in)
        if chunk.data is not None or chunk.before is not None:
            chunk = replace(chunk, data=None, before=None)  # they are not held on to
        self.assembler.add(chunk, outcome)

    def _count(self, outcome: Outcome) -> None:
        self.rows += outcome.rows_in
        self.calls += outcome.rows_in if outcome.groups is None else outcome.groups
        self.tally.add(outcome.number, outcome.failures.rows, outcome.failures.causes, self.calls)
        self.tell(ChunkDone(outcome.number, outcome.rows_in, outcome.rows_out, outcome.seconds))
        if outcome.failures.rows:
            self.tell(RowsFailed(outcome.number, self.tally.failed, self.tally.causes))

    def _judge(self) -> None:
        """End where too many rows failed, as soon as no row before the first can fail any more."""
        if not self.tally.over:
            return
        if self.agenda.end is None:
            self._deadline = time.monotonic() + _GRACE_S
        self.agenda.end = self.tally.first
        if not self.agenda.awaits or time.monotonic() > self._deadline:
            raise self.tally.error

    def _halt(self, chunk: Chunk, rows: int) -> Chunk:
        """Forget what comes after a chunk; return as much of it as is wanted."""
        self.agenda.cut()
        self._last = chunk.number
        pick = range(chunk.rows) if chunk.pick is None else chunk.pick
        return replace(chunk, rows=rows, pick=tuple(pick[:rows]))

    def _fail(self, failed: Failed) -> None:
        if self._last is not None and failed.number > self._last:
            return
        if self._failed is None:
            self._deadline = time.monotonic() + _GRACE_S
        if self._failed is None or failed.number < self._failed.number:
            self._failed, self.agenda.end = failed, failed.number

    def _expect_halves(self, number: tuple[int, ...], rows: int) -> None:
        self.kept.split(number, rows)
        self.assembler.split(number)

    def _lost(self, done: Done[Item, Outcome | Failed | OutputTask | Skipped]) -> None:
        self.tell(WorkerLost(done.item.number, done.lost or "was lost"))
        verdict = self._losses.of(done)
        if isinstance(verdict, Failed):
            self._fail(verdict)
            return
        if len(verdict) > 1:
            self._expect_halves(done.item.number, verdict[0].rows)
        for item in verdict:
            self.agenda.push(item)
