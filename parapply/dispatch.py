"""Chunks to the workers, outcomes to the assembler: the loop of a run, in the parent.

A chunk whose worker died is run again by itself; when its worker dies again it is halved, until
the row stands alone that no worker survives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from parapply.assemble import Assembler
from parapply.backends import Done, Session
from parapply.errors import RowError
from parapply.formats import Index
from parapply.job import Chunk, Outcome
from parapply.plan import halve
from parapply.worker import ChunkTask, Refit


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in rows of the input; `total` is None while it is not known."""

    computed: int
    written: int
    total: int | None


Watch = Callable[[Progress], None]


class Agenda(Iterator[Any]):
    """What is to be dispatched: chunks in order, and before them whatever has to be done anew."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._pushed: deque[Chunk | Refit] = deque()

    def push(self, item: Chunk | Refit) -> None:
        """Put an item before all chunks that have not been dispatched."""
        self._pushed.append(item)

    def __next__(self) -> Chunk | Refit:
        return self._pushed.popleft() if self._pushed else next(self._chunks)


class Dispatcher:
    """Has everything on an agenda done, and counts."""

    def __init__(
        self,
        session: Session,
        task: ChunkTask,
        indexes: dict[int, Index],
        total: int | None,
        on_progress: Watch | None,
    ) -> None:
        self.session, self.task, self.indexes, self.total = session, task, indexes, total
        self.rows = self.chunks = 0
        self._watch = on_progress
        self._deaths: dict[tuple[int, ...], int] = {}

    def run(self, agenda: Agenda, assembler: Assembler) -> None:
        """Dispatch until nothing is left, neither on the agenda nor with the workers."""

        def beat() -> None:
            if self._watch is not None:
                computed = self.rows + self.session.units()
                self._watch(Progress(computed, assembler.rows_written, self.total))

        for done in self.session.run(self.task, agenda, beat=beat if self._watch else None):
            if done.result is None:
                self._lost(done, agenda, assembler)
                continue
            chunk = done.item if isinstance(done.item, Chunk) else done.item.chunk
            self._count(done)
            assembler.add(replace(chunk, data=None), done.result)
            beat()

    def _count(self, done: Done[Chunk | Refit, Outcome]) -> None:
        if isinstance(done.item, Chunk) and done.result is not None:
            self.rows += done.result.rows_in
            self.chunks += 1

    def _lost(
        self, done: Done[Chunk | Refit, Outcome], agenda: Agenda, assembler: Assembler
    ) -> None:
        """Run the item again, once; then halve the chunk, down to the row."""
        item = done.item
        number = item.number
        self._deaths[number] = self._deaths.get(number, 0) + 1
        if self._deaths[number] == 1 and len(number) == 1:
            agenda.push(item)
        elif isinstance(item, Refit) or item.rows == 1:
            raise self._died(item, done.lost or "was lost")
        else:
            assembler.split(number)
            place = item.source
            for half in halve(item, self.indexes.get(place), self.task.sources[place]):
                agenda.push(half)

    def _died(self, item: Chunk | Refit, how: str) -> RowError:
        chunk = item if isinstance(item, Chunk) else item.chunk
        name, row = self.task.sources[chunk.source].name, chunk.first_row + 1
        return RowError(
            f"{name}: row {row}: the worker {how} on this row, twice; "
            "if memory ran out, try fewer --workers"
        )
