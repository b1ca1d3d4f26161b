"""Chunks of what is read from its start: the blocks of a stream, cut and joined. In the parent.

How large the blocks are may depend on how fast a stream comes. Row functions do not see that, but
what a chunk function is given must not depend on it: its chunks are put together anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from parapply.engine import plan
from parapply.engine.inputs.feed import Feed
from parapply.formats.api import TextSource
from parapply.model.chunk import Chunk, may_come
from parapply.model.records import replace

if TYPE_CHECKING:
    from parapply.engine.inputs.cutters import Block, StreamCutter


class StreamChunks(Iterator[Chunk]):
    """Chunks of a feed; StopIteration may mean "not yet", as the feed's does.

    A chunk is a block of the stream. With more than one worker the last ones are cut, or the only
    block of a short stream would keep one worker busy and leave the others without work.
    """

    def __init__(
        self,
        feed: Feed,
        source: TextSource,
        cutter: StreamCutter,
        workers: int,
        place: int = 0,
        *,
        last: bool = True,
    ) -> None:
        self.feed, self.source, self.cutter, self.workers = feed, source, cutter, workers
        self._place, self._last = place, last
        self._number = self._rows = 0
        self._leads = True
        self._waiting: deque[Block] = deque()

    @property
    def more(self) -> bool:
        """Whether chunks may come."""
        return bool(self._waiting) or self.feed.more or self.cutter.left

    def __next__(self) -> Chunk:
        while not self._waiting:
            self._waiting.extend(self._blocks())
        rows, data = self._waiting.popleft()
        number, before = (self._number,), self._rows
        self._leads = self._leads and (bool(self._waiting) or self._is_all_but_cut)
        chunk = Chunk(number, self._place, None, before, rows, self._last, data, leads=self._leads)
        self._number, self._rows = self._number + 1, self._rows + rows
        return chunk

    @property
    def _is_all_but_cut(self) -> bool:
        """Whether the rest of all that there is has been read: nobody waits for its rows."""
        return self.feed.ended and self.cutter.left

    def _blocks(self) -> list[Block]:
        self.feed.awaited = True
        try:
            rows, data = next(self.feed)
        except StopIteration:
            if self.feed.more or not self.cutter.left:
                raise
            return self.cutter.end()
        if self.workers == 1 or not rows or not self.feed.ended:
            return self.cutter.add(rows, data)
        stops = [stop for _, stop in plan.bounds(rows, self.workers, rows)]
        from parapply.engine.inputs.cutters import divided

        return divided(self.source, data, stops)


class Chained(Iterator[Chunk]):
    """The chunks of several sources, one source after the other, numbered over all of them.

    StopIteration may mean "not yet", where `more`.
    """

    def __init__(self, parts: Sequence[Iterator[Chunk]]) -> None:
        self._parts, self._number = deque(parts), 0

    @property
    def more(self) -> bool:
        """Whether chunks of a stream may come."""
        return any(may_come(part) for part in self._parts)

    def __next__(self) -> Chunk:
        while self._parts:
            chunk = next(self._parts[0], None)
            if chunk is not None:
                number, self._number = (self._number,), self._number + 1
                return chunk if chunk.number == number else replace(chunk, number=number)
            if may_come(self._parts[0]):
                break
            self._parts.popleft()
        raise StopIteration


def stream_chunks(
    blocks: Iterator[Block], place: int, cutter: StreamCutter, *, last: bool
) -> Iterator[Chunk]:
    """Yield the chunks of a stream that can be read again: all its rows are known."""
    before = 0
    for rows, data in _cut(blocks, cutter):
        yield Chunk((0,), place, None, before, rows, last, data)
        before += rows


def _cut(blocks: Iterator[Block], cutter: StreamCutter) -> Iterator[Block]:
    for rows, data in blocks:
        yield from cutter.add(rows, data)
    yield from cutter.end()
