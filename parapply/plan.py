"""Which rows make a chunk: a pure function of counts, so that it can be tested by itself.

Chunks shrink as the end comes near (guided self-scheduling, Polychronopoulos and Kuck, 1987): the
first are large, so that there are few, and the last small, so that no worker is left far behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from parapply.formats import Index, Source
from parapply.formats.blocks import cut
from parapply.job import Chunk

CHUNK_BYTES = 8 << 20  # about what one chunk reads at the most
CHUNK_ROWS = 1 << 16  # and how many rows: Python values of a column take 32 bytes and more
MOST_BYTES = 1 << 28  # what a chunk reads at the very most, whatever --chunk-size says
_SHARE = 3  # a chunk is this part of a worker's share of what is left
_LEAST_ROWS = 256  # smaller chunks only where the input is small


def bounds(
    rows: int,
    workers: int,
    most: int,
    snap: Callable[[int], int] = lambda row: row,
    least: int = 0,
) -> Iterator[tuple[int, int]]:
    """Yield half-open row ranges that cover `rows`, none above about `most` rows.

    `snap` moves a cut to a place nearby where cutting costs nothing; `least` rows are not cut
    further, nor are those that would be done in a moment.
    """
    least = min(most, max(1, least, min(_LEAST_ROWS, rows // (16 * workers))))
    start = 0
    while start < rows:
        size = max(least, min(most, -(-(rows - start) // (_SHARE * workers))))
        stop = snap(min(start + size, rows))
        if stop <= start or rows - stop < least // 2:
            stop = min(start + size, rows)
        yield start, stop
        start = stop


def fixed_bounds(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield half-open row ranges of `size` rows each, the last one smaller."""
    return ((start, min(start + size, rows)) for start in range(0, rows, size))


def chunks(
    index: Index,
    source: int,
    workers: int,
    chunk_size: int | None,
    *,
    last: bool,
    whole: bool = False,
) -> Iterator[Chunk]:
    """Yield the chunks of one source, in order; `last`: no other source comes after it.

    `whole`: they go to a chunk function, which is called once for each and likes them large.
    """
    if chunk_size is None:
        most = CHUNK_BYTES * index.rows // max(index.size_bytes, 1)
        most = max(1, min(most, CHUNK_ROWS))
        least = min(most, index.rows // (8 * workers)) if whole else 0
        ranges = bounds(index.rows, workers, most, index.snap, least)
    else:
        ranges = fixed_bounds(index.rows, chunk_size)
    for number, (start, stop) in enumerate(ranges):
        ends = last and stop == index.rows
        yield Chunk((number,), source, index.span(start, stop), start, stop - start, ends)


def too_large(chunk_size: int, rows: int, size_bytes: int) -> str:
    """Say that a chunk function cannot be given so much at once."""
    return (
        f"--chunk-size {chunk_size}: {rows} rows are {size_bytes >> 20} MB, and a chunk is "
        f"{MOST_BYTES >> 20} MB at the most; give fewer rows, about "
        f"{max(1, rows * (MOST_BYTES >> 1) // size_bytes)}"
    )


def halve(chunk: Chunk, index: Index | None, source: Source) -> tuple[Chunk, Chunk]:
    """Return the two halves of a chunk of at least two rows."""
    half, start = chunk.rows // 2, chunk.first_row
    if (pick := chunk.pick) is not None:
        return (
            replace(chunk, number=(*chunk.number, 0), rows=half, last=False, pick=pick[:half]),
            replace(chunk, number=(*chunk.number, 1), rows=len(pick) - half, pick=pick[half:]),
        )
    spans: tuple[Any, Any] = (None, None)
    texts: tuple[bytes | None, bytes | None] = (None, None)
    if chunk.data is not None:
        one_text, other_text = cut(chunk.data, source.starts(chunk.data), [half, chunk.rows])
        texts = one_text, other_text
    elif index is not None:
        stop = start + chunk.rows
        spans = index.span(start, start + half), index.span(start + half, stop)
    one, two = (*chunk.number, 0), (*chunk.number, 1)
    return (
        Chunk(one, chunk.source, spans[0], start, half, False, texts[0]),
        Chunk(two, chunk.source, spans[1], start + half, chunk.rows - half, chunk.last, texts[1]),
    )
