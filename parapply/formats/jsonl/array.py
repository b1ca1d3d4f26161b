"""A JSON document that is one array, read as JSON Lines: one element a line, as it arrives.

Only the ends of elements are sought here: commas and brackets at the top level, outside of strings.
A few passes of numpy over each block find them, so that no more than a block and an element is
held, however large the array is. Readers of the lines check the elements. In the parent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from parapply.formats.common.blocks import silence_of
from parapply.model.errors import InputError
from parapply.model.excerpt import shown

_BLOCK_BYTES = 1 << 20
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\[[ \t\r\n]*(?=[{\]])")
_MAY_BEGIN = re.compile(rb"(?:\xef\xbb\xbf?|\xef)?[ \t\r\n]*(?:\[[ \t\r\n]*)?")
_INDENT = re.compile(rb"[\r\n][ \t\r\n]*")
_COMMA = re.compile(rb",[\r\n][ \t\r\n]*")
_SPACE = b" \t\r\n"
_STEPS = np.zeros(256, np.int8)  # each character's change of depth
_STEPS[list(b"{[")], _STEPS[list(b"}]")] = 1, -1
_COMMAS = _STEPS.copy()
_COMMAS[ord(",")] = 2


def begins(text: bytes) -> int | None:
    """Return where an array's first element begins in the first text of a file.

    -1 where more text is needed; None for anything else, such as lines of arrays of numbers.
    """
    if (found := _BEGIN.match(text)) is not None:
        return found.end()
    begun = _MAY_BEGIN.match(text)
    return -1 if begun is not None and begun.end() == len(text) else None


class Elements:
    """A file that reads as the lines of an array; `text` precedes what `file` has left."""

    def __init__(self, file: BinaryIO, text: bytes, name: str) -> None:
        self.file, self.name, self.count = file, name, 0
        self._text, self._parts = text, list[bytes]()
        self._depth, self._quoted, self._ended = 1, 0, False

    @property
    def silent(self) -> Callable[[float | None], bool] | None:
        return None if self._text else silence_of(self.file)

    def read(self, size: int = -1) -> bytes:
        """Return some lines, whatever `size` is; b"" only at the end."""
        while True:
            block = self.file.read(_BLOCK_BYTES)
            text, self._text = self._text + block, b""
            if block:  # keep an escape together with what it escapes
                self._text = text[len(text.rstrip(b"\\")) :]
                text = text[: len(text) - len(self._text)]
            if self._ended:
                self._check_nothing(text)
            elif lines := self._lines(text):
                return lines
            if not block and not self._text:
                return self._end()

    def close(self) -> None:
        self.file.close()

    def _lines(self, text: bytes) -> bytes:
        stops, end = self._stops(text)
        lines, start = [], 0
        for stop in stops:
            lines.append(self._element(text[start:stop]))
            start = stop + 1
        if end is None:
            self._parts.append(text[start:])
        else:
            self._ended = True
            last = b"".join([*self._parts, text[start:end]])
            if last.strip(_SPACE) or self.count:
                lines.append(self._element(text[start:end]))
            self._check_nothing(text[end + 1 :])
        return b"".join(lines)

    def _stops(self, text: bytes) -> tuple[list[int], int | None]:
        """Return where the commas between elements are, and the array's closing bracket."""
        if b"\\" in text:
            text = text.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        characters = np.frombuffer(text, np.uint8)
        inside = np.cumsum(characters == ord('"'), dtype=np.uint8) + np.uint8(self._quoted) & 1
        places = np.flatnonzero(np.where(inside, 0, _COMMAS[characters]))
        depths = np.cumsum(_STEPS[characters[places]], dtype=np.int64) + self._depth
        ends = places[depths == 0]
        end = int(ends[0]) if len(ends) else None
        stops = places[(depths == 1) & (characters[places] == ord(","))]
        if len(inside):
            self._quoted = int(inside[-1])
            self._depth = int(depths[-1]) if len(depths) else self._depth
            self._check_strings(characters[:end], inside[:end], stops)
        return (stops if end is None else stops[stops < end]).tolist(), end

    def _element(self, text: bytes) -> bytes:
        text, self._parts = b"".join([*self._parts, text]).strip(_SPACE), []
        self.count += 1
        if not text:
            raise self._error("has nothing between two commas, or a comma and a bracket")
        if b"\n" in text or b"\r" in text:
            text = _INDENT.sub(b"", _COMMA.sub(b", ", text))
        return text + b"\n"

    def _check_strings(self, characters: Any, inside: Any, stops: Any) -> None:
        """Raise InputError for a line end within a string: elements lose theirs."""
        ends = np.flatnonzero(characters == ord("\n"))
        broken = ends[inside[ends] == 1]
        if len(broken):
            self.count += 1 + int((stops < broken[0]).sum())
            raise self._error("is not JSON: a string is not closed on its line")

    def _check_nothing(self, text: bytes) -> None:
        if text := text.strip(_SPACE):
            raise InputError(
                f"{self.name}: after the array of {self.count} elements there is more: "
                f"{shown(text[:400])}; one array, or JSON Lines with one object a line, is read"
            )

    def _end(self) -> bytes:
        if self._ended:
            return b""
        self.count += 1
        raise self._error("is the last of an array without its closing bracket: was it cut off?")

    def _error(self, why: str) -> InputError:
        return InputError(f"{self.name}: row {self.count} {why}")
