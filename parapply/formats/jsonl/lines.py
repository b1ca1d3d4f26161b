"""Lines of JSON text, and the objects on them. Knows neither files nor columns.

A JSON string holds no line end as it stands (RFC 8259, 7), so that every newline ends a line.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

SPACE = " \t\r\n"  # what JSON calls whitespace
_SHOWN = 60


class LineError(Exception):
    """What is wrong with a line, by its place among those that are not blank."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(row, why)
        self.row, self.why = row, why


@dataclass(frozen=True, slots=True)
class Lines:
    """A text's lines without their newlines; `filled`: where those are that are not blank.

    `closed`: the last line had a newline, too.
    """

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


def find_lines(data: bytes) -> Lines:
    """Return the lines of UTF-8 text; raises LineError where it is none."""
    try:
        every = data.decode().split("\n")
    except UnicodeDecodeError as error:
        row = len(find_lines(data[: data.rfind(b"\n", 0, error.start) + 1]))
        raise LineError(row, "is not UTF-8 text; name its --encoding (latin-1?)") from error
    closed = not every[-1]
    if closed:
        every.pop()
    return Lines(every, [i for i, line in enumerate(every) if line.strip(SPACE)], closed)


def starts(data: bytes, lines: Lines) -> np.ndarray[Any, Any]:
    """Return where in `data`, which they were found in, the lines begin that are not blank."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    return np.concatenate(([0], ends))[lines.filled]


_typed = json.JSONDecoder()
# Numbers as they are written; they are not told from strings then.
_literal = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def parse(texts: list[str]) -> list[dict[str, Any]]:
    """Return the objects; of equal keys in one the last counts. Raises LineError."""
    return _parse(texts, _typed.raw_decode)


def parse_literal(texts: list[str]) -> list[dict[str, Any]]:
    """Return the objects with numbers as the text that stands there."""
    return _parse(texts, _literal.raw_decode)


def _parse(
    texts: list[str], decode: Callable[[str, int], tuple[Any, int]]
) -> list[dict[str, Any]]:
    objects = []
    collected = gc.isenabled()
    gc.disable()  # that many new dicts make it look through all of them: 40 % of the time
    try:
        for row, line in enumerate(texts):
            try:
                value, end = decode(line, 0)
            except (ValueError, RecursionError):
                value, end = None, 0
            if type(value) is not dict or (end != len(line) and line[end:].strip(SPACE)):
                value = _parse_odd(row, line, decode)
            objects.append(value)
    finally:
        if collected:
            gc.enable()
    return objects


def _parse_odd(
    row: int, line: str, decode: Callable[[str, int], tuple[Any, int]]
) -> dict[str, Any]:
    """Parse a line with spaces before it, or with an integer of thousands of digits; or raise."""
    text = line.strip(SPACE)
    try:
        value, end = decode(text, 0)
    except json.JSONDecodeError as error:
        place = error.pos + len(line) - len(line.lstrip(SPACE)) + 1
        raise LineError(row, f"is not JSON: {error.msg} at character {place}: {_cut(text)}") from error
    except RecursionError as error:
        raise LineError(row, f"is nested too deeply: {_cut(text)}") from error
    except ValueError:  # sys.set_int_max_str_digits
        value, end = _literal.raw_decode(text, 0)
    if text[end:].strip(SPACE):
        raise LineError(row, f"has more after its JSON value, at character {end + 1}: {_cut(text)}")
    if type(value) is not dict:
        raise LineError(row, f"is JSON but not an object in braces: {_cut(text)}")
    return value


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


class Member(NamedTuple):
    """A key of an object, and where it stands in the line: key to stop, with value to stop."""

    key: str
    start: int
    value: int
    stop: int


# In a line that was parsed before; the value is "" where it is a list or an object.
_MEMBER = re.compile(
    r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r]*+:[ \t\r]*+("[^"\\]*+(?:\\.[^"\\]*+)*+"|[^"\[{}\], \t\r]*+)'
)
_GAP = re.compile(r"[ \t\r,]*+")


def members(line: str) -> list[Member]:
    """Return the members of the object on a line that `parse` has taken."""
    found = []
    position = line.index("{") + 1
    while True:
        start = _end(_GAP, line, position)
        member = _MEMBER.match(line, start)
        if member is None:
            return found
        key, value = member[1], member.start(2)
        position = member.end()
        if position == value:
            position = _typed.raw_decode(line, value)[1]
        if "\\" in key:
            key = json.loads(f'"{key}"')
        found.append(Member(key, start, value, position))


def _end(pattern: re.Pattern[str], line: str, position: int) -> int:
    found = pattern.match(line, position)
    return position if found is None else found.end()
