"""What becomes of an item whose worker was lost: it is run again until the guilty row is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from parapply.backends.api import RAN_OUT, Done
from parapply.engine.plan import halve
from parapply.execute.tasks import ChunkTask
from parapply.formats.api import GroupedSource, Index
from parapply.model.chunk import Chunk
from parapply.model.errors import RowError, WorkerError
from parapply.model.outcome import Failed
from parapply.model.records import replace
from parapply.storage.descriptors import HOW

_TRIES = 5  # of what runs no function of the user's
_GUILTY = 2  # workers that died on one row while it was run by itself


class LostWorkers:
    """Remembers who was lost where."""

    def __init__(self, task: ChunkTask, indexes: Mapping[int, Index]) -> None:
        self._task, self._indexes = task, indexes
        self._lost: Counter[Any] = Counter()

    def of(self, done: Done[Any, Any]) -> Failed | list[Any]:
        """Return what is to be run instead of the lost item: itself, anew, or its two halves.

        Failed where its row is known and ends the run.
        """
        item, how = done.item, done.lost or "was lost"
        if not isinstance(item, Chunk):
            self._lost[item.number] += 1
            if self._lost[item.number] == _TRIES:
                raise WorkerError(f"a worker {how} while it wrote a part, {_TRIES} times")
            return [item]
        at = done.units - 1  # the rows that were done: a chunk counts one more when they begin
        if not 0 <= at < item.rows or at in dict(item.fatal_rows):
            return self._of_rest(item, how)
        if not self._task.call.traits.names_row:
            return self._of_whole(item, how, late=done.late)
        return self._of_row(item, at, how, late=done.late)

    def _of_row(self, chunk: Chunk, at: int, how: str, *, late: bool) -> Failed | list[Chunk]:
        """Judge the row at which the worker was, which is known once rows are run one by one."""
        row = (chunk.source, chunk.first_row + (at if chunk.pick is None else chunk.pick[at]))
        if chunk.row_by_row:
            self._lost[row] += 1
        # Memory is filled by the rows before, too: that one failed of it is known when it is alone.
        whole = not self._task.call.traits.divisible
        alone = how != RAN_OUT or chunk.rows == 1 or whole
        if late or (alone and self._lost[row] >= _GUILTY):
            return self._condemned(chunk, at, how, late=late)
        if chunk.row_by_row and chunk.rows > 1:
            return list(self._halves(chunk))
        return [replace(chunk, row_by_row=True)]

    def _of_rest(self, chunk: Chunk, how: str) -> Failed | list[Chunk]:
        """Judge a loss while the chunk was read or written: no row of it was being run."""
        self._lost[chunk.number] += 1
        if chunk.rows > 1 and self._task.call.traits.divisible:
            return self._again_or_halved(chunk)
        if how == RAN_OUT and self._lost[chunk.number] >= _GUILTY and not chunk.fatal_rows:
            return self._condemned(chunk, 0, how, late=False)
        if self._lost[chunk.number] < _TRIES:
            return [chunk]
        name = self._task.sources[chunk.source].name
        row = chunk.first_row + 1
        error = WorkerError(f"{name}: row {row}: a worker {how} beside the function")
        return Failed(chunk.number, error)

    def _again_or_halved(self, chunk: Chunk) -> list[Chunk]:
        first = self._lost[chunk.number] == 1 and len(chunk.number) == 1
        return [chunk] if first else list(self._halves(chunk))

    def _of_whole(self, chunk: Chunk, how: str, *, late: bool) -> Failed | list[Chunk]:
        self._lost[chunk.number] += 1
        if chunk.rows > 1:
            return list(self._halves(chunk)) if late else self._again_or_halved(chunk)
        if late or self._lost[chunk.number] >= _GUILTY:
            return self._condemned(chunk, 0, how, late=late)
        return [chunk]

    def _condemned(self, chunk: Chunk, at: int, how: str, *, late: bool) -> Failed | list[Chunk]:
        policy = self._task.call.policy
        if policy.tolerant:
            doom = (at, "" if late else how)
            return [replace(chunk, row_by_row=True, fatal_rows=(*chunk.fatal_rows, doom))]
        where = self._where(chunk, at)
        if late:
            what = f"{self._task.call.name} took longer than {policy.timeout_s:g} s (--timeout)"
            return Failed(chunk.number, RowError(f"{where}: {what}"))
        remedy = "if memory ran out, try fewer --workers"
        if how == HOW:
            remedy = "it may close none but its own (os.closerange closes all)"
        if how == RAN_OUT:
            remedy = f"--memory-limit {policy.memory_limit} is what each worker may take"
        return Failed(
            chunk.number,
            RowError(f"{where}: the worker {how} on this {self._unit}, twice; {remedy}"),
        )

    @property
    def _unit(self) -> str:
        return "group" if self._task.call.traits.groups else "row"

    def _where(self, chunk: Chunk, at: int) -> str:
        place = at if chunk.pick is None else chunk.pick[at]
        source = self._task.sources[chunk.source]
        if isinstance(source, GroupedSource):
            return source.where(chunk.span, self._task.fields, place)
        return f"{source.name}: row {chunk.first_row + place + 1}"

    def _halves(self, chunk: Chunk) -> tuple[Chunk, ...]:
        if not self._task.call.traits.divisible:
            return (chunk,)
        place = chunk.source
        one, two = halve(chunk, self._indexes.get(place), self._task.sources[place])
        before = tuple(doom for doom in chunk.fatal_rows if doom[0] < one.rows)
        after = tuple((at - one.rows, how) for at, how in chunk.fatal_rows if at >= one.rows)
        return (
            replace(one, row_by_row=chunk.row_by_row, fatal_rows=before),
            replace(two, row_by_row=chunk.row_by_row, fatal_rows=after),
        )
