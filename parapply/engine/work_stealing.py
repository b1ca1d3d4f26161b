"""No worker is idle while another has many rows left: it leaves those that it has not begun.

However well chunks are cut, rows that take longer than others may stand together. What a worker
leaves is cut for all that have nothing to do, and so on, until it is not worth it. A worker that is
at one chunk for long leaves the rest, too, and goes on with it: what is done till then is safe from
its death, and in the checkpoint. In the parent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from parapply.backends.api import Session, StealsWork
from parapply.engine.plan import halve
from parapply.execute.tasks import ChunkTask
from parapply.formats.api import Index
from parapply.model.chunk import Chunk
from parapply.model.records import replace

_WORTH_S = 0.06  # of work that is left: to begin a chunk costs some, most where there are many
_LONG_S = 5.0  # at one chunk
_EVERY = 1 << 30  # worker
_MOST = 1024  # chunks at once
_DEEPEST = 40  # of cuts within cuts: a chunk's number grows with each


class WorkStealing:
    """Asks workers to leave rows, and cuts what they left.

    `split` is told the number of each chunk that is cut in two, and how many rows come first.
    """

    def __init__(
        self,
        session: Session,
        task: ChunkTask,
        indexes: Mapping[int, Index],
        split: Callable[[tuple[int, ...], int], None],
    ) -> None:
        self._session = session if isinstance(session, StealsWork) else None
        self._sources, self._indexes = task.sources, indexes
        self._split = split
        # With a rate they wait for each other anyway.
        self.able = task.call.traits.stealable and task.call.rate is None
        self._due = 0.0

    def ask(self) -> None:
        """Have workers leave what they can: if others are idle, or they are at it for long."""
        if self._session is None or not self.able:
            return
        if idle := self._session.idle():
            self._session.relieve(self._rest, idle)
        elif time.monotonic() >= self._due:
            self._session.relieve(self._rest_of_long, _EVERY)
            self._due = time.monotonic() + _LONG_S / 20

    def cut(self, chunk: Chunk, rows: int, row_s: float) -> list[Chunk]:
        """Return a chunk of so many of the first rows, and those of the others.

        `row_s` is what a row took. Nobody is to be idle, and no worker at one of them for long.
        """
        first, rest = self._halves(chunk, rows)
        if chunk.data is not None:  # its text is not cut: it is kept with what was made
            first = replace(first, pick=tuple(range(rows)) if chunk.pick is None else first.pick)
        rest_s = rest.rows * row_s
        idle = 0 if self._session is None else self._session.idle()
        count = min(math.ceil(rest_s / _WORTH_S), idle)
        count = max(count, math.ceil(rest_s / _LONG_S))
        return [first, *self._parts(rest, min(count, rest.rows, _MOST))]

    def _rest(self, item: Any, units: int, spent_s: float) -> int:
        """How many rows to relieve a worker of, so many units and seconds after it began."""
        done = units - 1  # a chunk counts one more when its rows begin
        if not isinstance(item, Chunk) or item.row_by_row or item.before is not None or done < 1:
            return 0
        rest = item.rows - done
        return rest if rest * spent_s / done >= _WORTH_S and len(item.number) < _DEEPEST else 0

    def _rest_of_long(self, item: Any, units: int, spent_s: float) -> int:
        return self._rest(item, units, spent_s) if spent_s >= _LONG_S else 0

    def _parts(self, chunk: Chunk, count: int) -> Iterator[Chunk]:
        if count < 2:
            yield chunk
            return
        one, two = self._halves(chunk, chunk.rows * (count // 2) // count)
        yield from self._parts(one, count // 2)
        yield from self._parts(two, count - count // 2)

    def _halves(self, chunk: Chunk, rows: int) -> tuple[Chunk, Chunk]:
        self._split(chunk.number, rows)
        return halve(chunk, self._indexes.get(chunk.source), self._sources[chunk.source], rows)
