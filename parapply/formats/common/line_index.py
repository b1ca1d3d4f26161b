"""The index of a text file: row positions found by surveys (workers), to cut chunks at (parent)."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from parapply.formats.common.number_cache import Aside, cut
from parapply.formats.nouns import Survey
from parapply.model.deferred_imports import Array
from parapply.model.records import record

MARKS = 64  # per piece: how finely chunks can be cut without reading a byte twice


class Mark(NamedTuple):
    """A record's number in its piece, and its byte position in the file."""

    row: int
    position: int


def marks_of(starts: Array, start: int) -> tuple[Mark, ...]:
    """Return the marks of a piece at byte `start`, whose rows begin at `starts` within it."""
    step = -(-len(starts) // MARKS) or 1
    positions = (starts[::step] + start).tolist()
    positions[:1] = [start] * len(positions[:1])
    return tuple(Mark(place * step, position) for place, position in enumerate(positions))


@record
class ByteSpan:
    """A file's bytes to read: `rows` records (None: all) after the first `skip`."""

    start: int
    stop: int
    skip: int = 0
    rows: int | None = None
    first_row: int = 0  # rows of this input before these
    asides: tuple[Aside, ...] = ()  # cached numbers of these rows, if any


@record
class ByteIndex:
    """The marks of a whole file, as two lists of equal length."""

    rows: int
    size_bytes: int
    stop: int
    mark_rows: Sequence[int]
    mark_positions: Sequence[int]
    asides: tuple[Aside, ...] = ()

    @classmethod
    def of(cls, surveys: Sequence[Survey], start: int, stop: int) -> ByteIndex:
        rows, mark_rows, positions, asides = 0, array("q"), array("q"), []
        for survey in surveys:
            mark_rows.extend(rows + mark.row for mark in survey.marks)
            positions.extend(mark.position for mark in survey.marks)
            if survey.aside:
                asides.append(Aside(survey.aside, rows, rows + survey.rows))
            rows += survey.rows
        if positions:
            positions[0] = start
        return cls(rows, stop - start, stop, mark_rows, positions, tuple(asides))

    def snap(self, row: int, most: int) -> int:
        after = bisect_left(self.mark_rows, row)
        known: list[int] = [*self.mark_rows[max(after - 1, 0) : after + 1], self.rows]
        return min(known, key=lambda mark: (abs(mark - row), mark))

    def text_bytes(self, start: int, stop: int) -> int:
        _, begin, end = self._bounds(start, stop)
        return end - begin

    def span(self, start: int, stop: int) -> ByteSpan:
        first, begin, end = self._bounds(start, stop)
        skip, asides = start - self.mark_rows[first], cut(self.asides, start, stop)
        return ByteSpan(begin, end, skip, stop - start, start, asides)

    def _bounds(self, start: int, stop: int) -> tuple[int, int, int]:
        """Return the mark at or before `start`, its byte, and the byte of the mark after `stop`."""
        first = bisect_right(self.mark_rows, start) - 1
        end = bisect_left(self.mark_rows, stop)
        stop_byte = self.mark_positions[end] if end < len(self.mark_rows) else self.stop
        return first, self.mark_positions[first], stop_byte
