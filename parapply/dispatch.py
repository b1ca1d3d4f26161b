"""Chunks to the workers, outcomes to the assembler: the loop of a run, in the parent.

A chunk whose worker died is run again by itself; when its worker dies again it is halved, until
the row stands alone that no worker survives.
"""

from __future__ import annotations

import errno
import math
import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from parapply.assemble import Assembler
from parapply.backends import Done, Outside, Session
from parapply.errors import RowError, WorkerError
from parapply.feed import Feed
from parapply.formats import Index
from parapply.job import Chunk, Failed, Outcome
from parapply.plan import halve
from parapply.tasks import ChunkTask, Refit, Seal


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in rows of the input; `total` is None while it is not known."""

    computed: int
    written: int
    total: int | None


_GRACE_S = 1.0  # how long an error waits for one that may stand before it

_Item = Chunk | Refit | Seal
Watch = Callable[[Progress], None]


class Agenda(Iterator[Any]):
    """What is to be dispatched: chunks in order, and before them whatever has to be done anew."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._pushed: deque[_Item] = deque()
        self.flying: set[tuple[int, ...]] = set()  # taken, and not done yet
        self.closed = False  # nothing more is to be begun

    @property
    def more(self) -> bool:
        """Whether chunks may come, though there are none now."""
        return not self.closed and bool(getattr(self._chunks, "more", False))

    def push(self, item: _Item) -> None:
        """Put an item before all chunks that have not been dispatched."""
        self._pushed.append(item)

    def __next__(self) -> _Item:
        if self.closed:
            raise StopIteration
        item = self._pushed.popleft() if self._pushed else next(self._chunks)
        self.flying.add(item.number)
        return item


class World:
    """What a run waits for besides its workers: input that comes, a reader of the output that goes.

    `reader` is the descriptor of a pipe that the output is written to, or None.
    """

    def __init__(self, feed: Feed | None, agenda: Agenda, reader: int | None) -> None:
        self._feed, self._agenda, self._reader = feed, agenda, reader

    @property
    def more(self) -> bool:
        """Whether chunks may come."""
        return self._agenda.more

    def descriptors(self) -> list[int]:
        """The feed's bell, and the output's pipe, which is readable when its reader has gone."""
        heeded = [self._feed.descriptor] if self._feed is not None and self.more else []
        return heeded if self._reader is None else [*heeded, self._reader]

    def look(self) -> None:
        """Raise BrokenPipeError when nobody reads the output any more."""
        if self._reader is not None:
            poll = select.poll()
            poll.register(self._reader, 0)
            if any(event & select.POLLERR for _, event in poll.poll(0)):
                raise BrokenPipeError(errno.EPIPE, "nobody reads the output")


class Dispatcher:
    """Has everything on an agenda done, and counts."""

    def __init__(
        self,
        session: Session,
        task: ChunkTask,
        indexes: dict[int, Index],
        total: int | None,
        on_progress: Watch | None,
        outside: Outside | None = None,
    ) -> None:
        self.outside = outside
        self.session, self.task, self.indexes, self.total = session, task, indexes, total
        self.rows = self.chunks = self._computed = 0
        self._watch = on_progress
        self._deaths: dict[tuple[int, ...], int] = {}
        self._failed: Failed | None = None
        self._deadline = math.inf

    def run(self, agenda: Agenda, assembler: Assembler) -> None:
        """Dispatch until nothing is left, neither on the agenda nor with the workers.

        Raises the error of the first row, in order, that is known to have failed: when a chunk
        fails nothing more is begun, and chunks before it are waited for, but not for long.
        """

        def beat() -> None:
            if self._failed is not None and time.monotonic() > self._deadline:
                raise self._failed.error
            if self._watch is not None:
                # A chunk that is done counts for nothing until its outcome has come.
                self._computed = max(self._computed, self.rows + self.session.units())
                self._watch(Progress(self._computed, assembler.rows_written, self.total))

        for done in self.session.run(self.task, agenda, beat=beat, outside=self.outside):
            agenda.flying.discard(done.item.number)
            if isinstance(done.result, Failed):
                self._fail(done.result, agenda)
            elif done.result is None:
                self._lost(done, agenda, assembler)
            elif isinstance(done.result, Seal):
                assembler.sealed(done.result)
            elif self._failed is None:
                self._take(done.item, done.result, assembler)
            if self._failed is not None and not self._before(self._failed, agenda):
                raise self._failed.error
            beat()

    def _take(self, item: Chunk | Refit, outcome: Outcome, assembler: Assembler) -> None:
        chunk = item if isinstance(item, Chunk) else item.chunk
        if item is chunk:
            self.rows += outcome.rows_in
            self.chunks += 1
        assembler.add(replace(chunk, data=None), outcome)

    def _fail(self, failed: Failed, agenda: Agenda) -> None:
        if self._failed is None:
            agenda.closed = True
            self._deadline = time.monotonic() + _GRACE_S
        if self._failed is None or failed.number < self._failed.number:
            self._failed = failed

    @staticmethod
    def _before(failed: Failed, agenda: Agenda) -> bool:
        return any(number < failed.number for number in agenda.flying)

    def _lost(
        self, done: Done[_Item, Outcome | Failed | Seal], agenda: Agenda, assembler: Assembler
    ) -> None:
        """Run the item again, once; then halve the chunk, down to the row."""
        item = done.item
        number = item.number
        self._deaths[number] = self._deaths.get(number, 0) + 1
        how = done.lost or "was lost"
        if self._deaths[number] == 1 and (len(number) == 1 or not isinstance(item, Chunk)):
            agenda.push(item)
        elif not isinstance(item, Chunk):
            raise WorkerError(f"a worker {how} while it wrote a part, twice")
        elif item.rows == 1:
            self._fail(Failed(number, self._died(item, how)), agenda)
        else:
            assembler.split(number)
            place = item.source
            for half in halve(item, self.indexes.get(place), self.task.sources[place]):
                agenda.push(half)

    def _died(self, chunk: Chunk, how: str) -> RowError:
        name, row = self.task.sources[chunk.source].name, chunk.first_row + 1
        return RowError(
            f"{name}: row {row}: the worker {how} on this row, twice; "
            "if memory ran out, try fewer --workers"
        )
