"""Which rows make a chunk: a pure function of counts, so that it can be tested by itself.

Chunks shrink as the end comes near (guided self-scheduling, Polychronopoulos and Kuck, 1987): the
first are large, so that there are few, and the last small, so that no worker is left far behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from parapply.formats.api import Index, Source, TextSource
from parapply.formats.common.blocks import cut
from parapply.model.chunk import Chunk
from parapply.model.errors import UsageError
from parapply.model.records import replace

CHUNK_BYTES = 8 << 20  # about what one chunk reads at the most
CHUNK_ROWS = 1 << 15  # and how many rows: Python values of a column take 32 bytes and more
FRAME_ROWS = 1 << 17  # the same for chunk functions, which are given arrays
MOST_BYTES = 1 << 28  # of text that a chunk reads, whatever --chunk-size says
WHOLE_BYTES = 1 << 30  # the same for chunk functions; Arrow's strings hold twice that
_COLUMNS = 200  # a chunk has a row for so many columns, or opening it would cost more than reading
_SHARE = 1.5  # a chunk is this part of a worker's share of what is left: it may leave some of it
_WHOLE_SHARE = 3.0  # where it cannot, as the function is called once for all of the chunk
_LEAST_ROWS = 256  # smaller chunks only where the input is small


def bounds(
    rows: int,
    workers: int,
    most: int,
    snap: Callable[[int], int] = lambda row: row,
    least: int = 0,
    share: float = _SHARE,
    after: int = 0,
) -> Iterator[tuple[int, int]]:
    """Yield half-open row ranges that cover `rows`, none above about `most` rows.

    `snap` moves a cut to a place where cutting costs nothing, if that is near; `least` rows are
    not cut further, nor are those that would be done in a moment. `after` rows of other sources
    are still to come: the end is not near.
    """
    least = min(most, max(1, least, min(_LEAST_ROWS, (rows + after) // (16 * workers))))
    start = 0
    while start < rows:
        size = max(least, min(most, math.ceil((rows + after - start) / (share * workers))))
        stop = snap(min(start + size, rows))
        if not start < stop <= start + 2 * size or rows - stop < least // 2:
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
    columns: int = 1,
    after: int = 0,
) -> Iterator[Chunk]:
    """Yield the chunks of one source, in order; `last`: no other source comes after it.

    `after`: so many rows of other sources do. Many small files are not cut, but the last ones.
    `whole`: they go to a chunk function, which is called once for each and likes them large.
    Raises UsageError where `chunk_size` makes those too large.
    """
    if chunk_size is None:
        rows = FRAME_ROWS if whole else CHUNK_ROWS
        most = most_rows(index, rows=rows)
        rows_left = index.rows + after
        least = min(most, rows_left // (8 * workers)) if whole else 0
        wide = min(columns // _COLUMNS, rows_left // (4 * workers))
        share = _WHOLE_SHARE if whole else _SHARE
        snap = partial(index.snap, most=rows)
        ranges = bounds(index.rows, workers, most, snap, max(least, wide), share, after)
    else:
        ranges = fixed_bounds(index.rows, chunk_size)
    if whole and chunk_size is not None:
        ranges = _checked(index, chunk_size, ranges)
    else:
        ranges = _halved(index, ranges)
    for number, (start, stop) in enumerate(ranges):
        ends = last and stop == index.rows
        yield Chunk((number,), source, index.span(start, stop), start, stop - start, ends)


def most_rows(*indexes: Index, rows: int = CHUNK_ROWS) -> int:
    """Return how many rows of these inputs a chunk has at the most, unless a person says more."""
    count = sum(index.rows for index in indexes)
    size_bytes = sum(index.size_bytes for index in indexes)
    return max(1, min(rows, CHUNK_BYTES * count // size_bytes)) if size_bytes else rows


def _checked(
    index: Index, chunk_size: int, ranges: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    for start, stop in ranges:
        check_size(chunk_size, stop - start, index.text_bytes(start, stop))
        yield start, stop


def _halved(index: Index, ranges: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Halve what is too large to be read at once, as often as it takes."""
    for start, stop in ranges:
        if stop - start > 1 and index.text_bytes(start, stop) > MOST_BYTES:
            half = (start + stop) // 2
            yield from _halved(index, iter([(start, half), (half, stop)]))
        else:
            yield start, stop


def check_size(chunk_size: int, rows: int, size_bytes: int) -> None:
    """Raise UsageError where rows are too large to be given to a chunk function at once."""
    if size_bytes > WHOLE_BYTES:
        fewer = max(1, rows * (WHOLE_BYTES // 2) // size_bytes)
        raise UsageError(
            f"--chunk-size {chunk_size}: {rows} rows are {size_bytes >> 20} MB of text, and a "
            f"chunk is {WHOLE_BYTES >> 20} MB at the most; --chunk-size {fewer} would do"
        )


def halve(
    chunk: Chunk, index: Index | None, source: Source, rows: int | None = None
) -> tuple[Chunk, Chunk]:
    """Return the two halves of a chunk of at least two rows; `rows`: what the first one has."""
    half, start = chunk.rows // 2 if rows is None else rows, chunk.first_row
    if (pick := chunk.pick) is not None:
        return (
            replace(chunk, number=(*chunk.number, 0), rows=half, last=False, pick=pick[:half]),
            replace(chunk, number=(*chunk.number, 1), rows=len(pick) - half, pick=pick[half:]),
        )
    spans: tuple[Any, Any] = (None, None)
    texts: tuple[bytes | None, bytes | None] = (None, None)
    if chunk.data is not None and isinstance(source, TextSource):
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
