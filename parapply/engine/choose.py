"""Some rows instead of all: the first ones, or a random sample. Runs in the parent."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from parapply.model.chunk import Chunk, may_come
from parapply.model.records import replace


class FirstRows(Iterator[Chunk]):
    """The chunks of the first `rows` rows; nothing beyond them is asked for."""

    def __init__(self, chunks: Iterator[Chunk], rows: int) -> None:
        self._chunks, self._left = chunks, rows

    @property
    def more(self) -> bool:
        """Whether chunks of a stream may come."""
        return self._left > 0 and may_come(self._chunks)

    def __next__(self) -> Chunk:
        if self._left <= 0:
            raise StopIteration
        chunk = next(self._chunks)
        if chunk.rows > self._left:
            chunk = replace(chunk, rows=self._left, pick=tuple(range(self._left)))
        self._left -= chunk.rows
        return chunk


def sample(chunks: Iterator[Chunk], rows: int, size: int, seed: int) -> Iterator[Chunk]:
    """Yield chunks that pick `size` of all `rows` rows, each as likely, in their order.

    The choice depends on the seed and the number of rows alone, not on how they are cut.
    """
    import random

    places = sorted(random.Random(seed).sample(range(rows), min(size, rows)))
    start = number = 0
    for chunk in chunks:
        stop = start + chunk.rows
        inside = places[bisect_left(places, start) : bisect_left(places, stop)]
        if inside:
            pick = tuple(place - start for place in inside)
            yield replace(chunk, number=(number,), rows=len(pick), pick=pick)
            number += 1
        start = stop
