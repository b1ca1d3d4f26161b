"""Chunks of what is read from its start: the blocks of a stream, cut and joined. In the parent.

How large the blocks are may depend on how fast a stream comes. Row functions do not see that, but
what a chunk function is given must not depend on it: its chunks are put together anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile
from typing import Protocol

from parapply.engine import plan
from parapply.engine.inputs.feed import Feed
from parapply.formats.api import TextSource
from parapply.formats.common.blocks import cut
from parapply.model.chunk import Chunk, may_come
from parapply.model.records import replace

WHOLE_BYTES = 1 << 20  # of a chunk for a chunk function, where its rows are not said

Block = tuple[int, bytes]


class Cutter(Protocol):
    """Makes blocks of one size out of those of another."""

    @property
    def left(self) -> bool:
        """Whether something is held back for the next block."""
        ...

    def add(self, rows: int, text: bytes) -> list[Block]:
        """Take a block in, and return those that are ready."""
        ...

    def end(self) -> list[Block]:
        """Return what is left."""
        ...


def make_cutter(
    source: TextSource, chunk_size: int | None, whole: bool, rows: int = 0, workers: int = 1
) -> Cutter:
    """Return what makes chunks of `chunk_size` rows, or of a fixed size; for rows, at most.

    `rows`: how many are left in all, where that is known.
    """
    if not whole and chunk_size is None and rows and workers > 1:
        return _Planned(source, rows, workers)
    if not whole:
        return _Apart(source, chunk_size)
    return _BySize(source) if chunk_size is None else _ByRows(source, chunk_size)


class _Apart:
    """Cuts each block by itself: nothing is held back, nor are blank lines without a row."""

    left = False

    def __init__(self, source: TextSource, rows: int | None) -> None:
        self.source, self.rows = source, rows

    def add(self, rows: int, text: bytes) -> list[Block]:
        if self.rows is None or rows <= self.rows:
            return [(rows, text)] if text else []
        return divided(self.source, text, [*range(self.rows, rows, self.rows), rows])

    def end(self) -> list[Block]:
        return []


class _Planned:
    """Cuts the last blocks, each by itself, so that all workers have some of their rows."""

    left = False

    def __init__(self, source: TextSource, rows: int, workers: int) -> None:
        self.source, self.rows, self.workers = source, rows, workers

    def add(self, rows: int, text: bytes) -> list[Block]:
        if not rows:
            return [(rows, text)] if text else []
        known = max(rows, self.rows)
        planned = (stop for _, stop in plan.bounds(known, self.workers, rows))
        self.rows = known - rows
        return divided(self.source, text, [*takewhile(lambda stop: stop < rows, planned), rows])

    def end(self) -> list[Block]:
        return []


class _ByRows:
    """Makes blocks of a number of rows."""

    def __init__(self, source: TextSource, rows: int) -> None:
        self.source, self.rows = source, rows
        self._parts: list[bytes] = []
        self._have = self._size = 0

    @property
    def left(self) -> bool:
        return self._have > 0

    def add(self, rows: int, text: bytes) -> list[Block]:
        stops = [*range(self.rows - self._have, rows, self.rows), rows]
        ready = []
        for count, part in divided(self.source, text, stops) if rows else []:
            self._hold(count, part)
            if self._have == self.rows:
                ready += self.end()
        return ready

    def end(self) -> list[Block]:
        held = [(self._have, b"".join(self._parts))] if self.left else []
        self._parts, self._have, self._size = [], 0, 0
        return held

    def _hold(self, rows: int, text: bytes) -> None:
        self._parts.append(text)
        self._have, self._size = self._have + rows, self._size + len(text)
        plan.check_size(self.rows, self._have, self._size)


class _BySize:
    """Makes blocks of about `WHOLE_BYTES`, wherever those end that come."""

    def __init__(self, source: TextSource) -> None:
        self.source, self._text, self._wanted = source, b"", WHOLE_BYTES

    @property
    def left(self) -> bool:
        return bool(self._text)

    def add(self, rows: int, text: bytes) -> list[Block]:
        self._text += text
        ready: list[Block] = []
        while len(self._text) >= self._wanted:
            starts = self.source.starts(self._text)
            count = int((starts < self._wanted).sum()) - 1
            if count < 1:
                self._wanted *= 2
                continue
            head, self._text = cut(self._text, starts, [count, len(starts)])
            ready.append((count, head))
            self._wanted = WHOLE_BYTES
        return ready

    def end(self) -> list[Block]:
        text, self._text = self._text, b""
        rows = len(self.source.starts(text))
        return [(rows, text)] if rows else []


def divided(source: TextSource, text: bytes, stops: list[int]) -> list[Block]:
    """Cut a block after these numbers of rows, the last of which is all."""
    texts = cut(text, source.starts(text), stops)
    counts = [b - a for a, b in pairwise([0, *stops])]
    return list(zip(counts, texts, strict=True))


class StreamChunks(Iterator[Chunk]):
    """Chunks of a feed; StopIteration may mean "not yet", as the feed's does.

    A chunk is a block of the stream. With more than one worker the last ones are cut, or the only
    block of a short stream would keep one worker busy and leave the others without work.
    """

    def __init__(
        self,
        feed: Feed,
        source: TextSource,
        cutter: Cutter,
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
    blocks: Iterator[Block], place: int, cutter: Cutter, *, last: bool
) -> Iterator[Chunk]:
    """Yield the chunks of a stream that can be read again: all its rows are known."""
    before = 0
    for rows, data in _cut(blocks, cutter):
        yield Chunk((0,), place, None, before, rows, last, data)
        before += rows


def _cut(blocks: Iterator[Block], cutter: Cutter) -> Iterator[Block]:
    for rows, data in blocks:
        yield from cutter.add(rows, data)
    yield from cutter.end()
