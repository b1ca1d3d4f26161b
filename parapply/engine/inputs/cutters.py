"""How the text of a stream is cut into chunks: by rows, by size, or as it comes. In the parent."""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import Protocol

from parapply.engine import plan
from parapply.formats.api import TextSource
from parapply.formats.common.blocks import cut

WHOLE_BYTES = 1 << 20  # of a chunk for a chunk function, where its rows are not said


Block = tuple[int, bytes]


class StreamCutter(Protocol):
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
) -> StreamCutter:
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
