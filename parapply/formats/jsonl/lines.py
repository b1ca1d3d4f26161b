"""Lines of JSON text; a JSON string contains no raw line end (RFC 8259, 7). Knows no JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from parapply.model.records import record

SPACE = " \t\r\n"  # JSON's whitespace


class LineError(Exception):
    """What is wrong with a line; `row` counts lines that are not blank."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(row, why)
        self.row, self.why = row, why


@record
class Lines:
    """A text's lines; `filled`: positions of those not blank; `closed`: the last had a newline."""

    every: list[str]
    filled: list[int]
    closed: bool = True

    def __len__(self) -> int:
        return len(self.filled)

    def texts(self) -> list[str]:
        """Return the lines that are not blank."""
        if len(self.filled) == len(self.every):
            return self.every
        return [self.every[place] for place in self.filled]

    def cut(self, skip: int, rows: int) -> Lines:
        """Return `rows` lines after the first `skip`, and the blank ones that follow each."""
        if skip == 0 and rows >= len(self):
            return self
        filled, stop = self.filled[skip : skip + rows], skip + rows
        first = self.filled[skip] if skip else 0
        end = self.filled[stop] if stop < len(self) else len(self.every)
        closed = self.closed or end < len(self.every)
        return Lines(self.every[first:end], [place - first for place in filled], closed)

    def only(self, rows: Sequence[int]) -> Lines:
        every = [self.every[self.filled[row]] for row in rows]
        closed = self.closed or self.filled[rows[-1]] < len(self.every) - 1
        return Lines(every, list(range(len(every))), closed)

    def without(self, rows: Collection[int]) -> Lines:
        """Return all lines, blank ones too, but for these rows."""
        gone = {self.filled[row] for row in rows}
        every = [line for place, line in enumerate(self.every) if place not in gone]
        return Lines(every, _filled(every), self.closed or len(self.every) - 1 in gone)

    def replaced(self, texts: list[str], line_end: str, last: bool) -> str:
        """Return the whole text with `texts` in place of the lines that are not blank.

        A last line without an end gets one, unless it is the `last` of the output, too.
        """
        every = texts
        if len(texts) < len(self.every):
            every = list(self.every)
            for place, line in zip(self.filled, texts, strict=True):
                every[place] = line
        if not every:
            return ""
        end = "\n" if self.closed else "" if last else line_end
        return "\n".join(every) + end

    def picked(self, texts: list[str], rows: list[int], line_end: str, last: bool) -> str:
        """Return `texts`, made of the lines `rows`, with the line ends of those.

        All blank lines stay, so that the output does not depend on chunking; but between reordered
        rows they have no place.
        """
        places = rows
        if len(self.filled) < len(self.every) and all(a <= b for a, b in pairwise(rows)):
            texts, places = self._with_blank(texts, rows)
        elif len(self.filled) < len(self.every):
            places = [self.filled[row] for row in rows]
        bare = -1 if self.closed else len(self.every) - 1
        if self.closed or bare not in places:
            return "".join([f"{line}\n" for line in texts])
        ends = [line_end if place == bare else "\n" for place in places]
        if last and places[-1] == bare:
            ends[-1] = ""
        return "".join([line + end for line, end in zip(texts, ends, strict=True)])

    def _with_blank(self, texts: list[str], rows: list[int]) -> tuple[list[str], list[int]]:
        """Put the blank lines among `texts`; also return each line's position in `every`."""
        filled = set(self.filled)
        found = [(self.filled[row], text) for row, text in zip(rows, texts, strict=True)]
        found += [(i, line) for i, line in enumerate(self.every) if i not in filled]
        found.sort(key=lambda pair: pair[0])
        return [text for _, text in found], [place for place, _ in found]


def find_lines(data: bytes, *, lenient: bool = False) -> Lines:
    """Return the lines of text; raises LineError if not UTF-8 unless `lenient`: see `examine`."""
    try:
        every = data.decode("utf-8", "surrogateescape" if lenient else "strict").split("\n")
    except UnicodeDecodeError as error:
        row = len(find_lines(data[: data.rfind(b"\n", 0, error.start) + 1]))
        raise LineError(row, NOT_UTF_8) from error
    if closed := not every[-1]:
        every.pop()
    return Lines(every, _filled(every), closed)


NOT_UTF_8 = "is not UTF-8 text; name its --encoding (latin-1?)"


def _filled(every: list[str]) -> list[int]:
    return [place for place, line in enumerate(every) if line.strip(SPACE)]


def filled_starts(data: bytes) -> np.ndarray[Any, Any]:
    """Return the byte positions of the lines that are not blank."""
    space = SPACE.encode()
    filled = [place for place, line in enumerate(data.split(b"\n")) if line.strip(space)]
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    return np.concatenate(([0], ends))[filled].astype(np.int64)
