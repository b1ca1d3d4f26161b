"""Cutting a CSV file into pieces, which workers survey in parallel. In the parent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from typing import BinaryIO

from parapply.formats.common.line_index import ByteSpan
from parapply.formats.csv.blocks import cut_blocks
from parapply.formats.csv.dialect import LINE_END, Dialect
from parapply.formats.csv.records import record_ends
from parapply.model.records import record
from parapply.storage.registry import file_system_of

_LOOK_BYTES = 1 << 16  # searched for a line end at a time


@record
class PieceCutter:
    """Cuts a file's records, the bytes from `start` to `stop`, about every `size` bytes."""

    path: str
    dialect: Dialect
    width: int  # fields of a record
    start: int
    stop: int
    size: int

    def by_guess(self) -> Iterator[ByteSpan]:
        """Yield spans that end at a line end, and probably at a record's.

        They all do if each has an even number of quotes; counting these here would take the parent
        longer than ten workers need for their pieces.
        """
        return self._cut(self._likely_end)

    def by_quotes(self) -> Iterator[ByteSpan]:
        """Yield spans that end at a record's end, as determined by all quotes before it."""
        return self._cut(self._sure_end)

    def in_turn(self) -> Iterator[ByteSpan]:
        """Yield spans of records that have to be found one by one."""
        start = self.start
        with file_system_of(self.path).open(self.path) as file:
            file.seek(start)
            for records in cut_blocks(file, b"", self.dialect, self.size):
                yield ByteSpan(start, start + len(records.text))
                start += len(records.text)

    def _cut(self, end_of: Callable[[BinaryIO, int, int], int]) -> Iterator[ByteSpan]:
        start = self.start
        with file_system_of(self.path).open(self.path) as file:
            while start < self.stop:
                stop = end_of(file, start, min(start + self.size, self.stop))
                yield ByteSpan(start, stop)
                start = stop

    def _likely_end(self, file: BinaryIO, start: int, stop: int) -> int:
        text = self._text(file, stop, _LOOK_BYTES)
        if (end := likely_end(text, self.dialect, self.width)) >= 0:
            return stop + end
        while stop < self.stop:
            text = self._text(file, stop, _LOOK_BYTES)
            if (found := LINE_END.search(text)) is not None:
                return stop + found.end()
            stop += len(text)
        return self.stop

    def _sure_end(self, file: BinaryIO, start: int, stop: int) -> int:
        """Return the end of the last record before `stop`, or else of the first one after it."""
        position, size, inside = start, stop - start, False
        while position + size < self.stop:
            lines = _whole_lines(self._text(file, position, size))
            ends, inside = record_ends(lines, self.dialect, inside=inside)
            if len(ends):
                return position + int(ends[-1 if position == start else 0])
            position, size = position + len(lines), _LOOK_BYTES if lines else 2 * size
        return self.stop

    def _text(self, file: BinaryIO, start: int, size: int) -> bytes:
        file.seek(start)
        return file.read(min(size, self.stop - start))


def _whole_lines(text: bytes) -> bytes:
    """Return text without its last line, which may lack its end or half of a CRLF."""
    return text[: max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1]


def likely_end(text: bytes, dialect: Dialect, width: int) -> int:
    """Return the position after the first line end that a line of `width` fields follows.

    Without such a line, the position after the first line end; -1 without a line end. A quoted text
    of several lines seldom has a line that looks like a record.
    """
    ends = (found.end() for found in LINE_END.finditer(text))
    first = next(ends, -1)
    for start, stop in pairwise(chain([first], ends)):
        if text.count(dialect.delimiter, start, stop) == width - 1:
            return start
    return first
