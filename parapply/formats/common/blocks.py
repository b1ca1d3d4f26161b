"""Blocks of text from a file or stream, as large as wanted or as has arrived so far (parent).

If someone waits for the output, text of a slow pipe (`tail -f`) goes on after a pause. The first
pause is longer, as the first block determines the types of a stream's columns.
"""

from __future__ import annotations

import enum
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, repeat
from typing import Any, BinaryIO, Protocol, runtime_checkable

from parapply.model.errors import InputError
from parapply.model.records import record
from parapply.storage.registry import file_system_of


@record
class Pause:
    """When to go on with less text than wanted, in seconds."""

    silence_s: float  # since something arrived
    all_s: float  # waited in all


@runtime_checkable
class Pausing(Protocol):
    """A file that may arrive slowly, and can tell whether it is silent unless `silent` is None."""

    @property
    def silent(self) -> Callable[[float | None], bool] | None:
        """Whether nothing arrives for so many seconds; given None it waits for something."""


def silence_of(file: BinaryIO) -> Callable[[float | None], bool] | None:
    """Return a file's test for silence; None if it has none."""
    return file.silent if isinstance(file, Pausing) else None


class Stop(enum.Enum):
    """Why reading stopped."""

    FULL = enum.auto()
    PAUSED = enum.auto()
    ENDED = enum.auto()


_FIRST, _LATER = Pause(1.0, 2.0), Pause(0.2, 1.0)
_GLANCE = Pause(0.02, float("inf"))
_LEAST_BYTES = 1 << 16
READ_BYTES = (1 << 31) - (1 << 20)  # limit of one read in Linux, and of Arrow's 32-bit offsets


def pauses(prompt: bool) -> Iterator[Pause | None]:
    """Yield the pause for the first block, then for each later one; None if nobody waits."""
    yield _FIRST if prompt else None
    yield from repeat(_LATER if prompt else None)


def filled(file: BinaryIO, text: bytes, size: int, pause: Pause | None) -> tuple[bytes, Stop]:
    """Return `text` and what follows in `file`, `size` bytes in all, and why reading stopped.

    Only a file that can tell its silence (see storage/codecs) is left before the block is full.
    """
    parts, length, began, silent = [text], len(text), time.monotonic(), silence_of(file)
    while length < size:
        if silent and pause and (time.monotonic() - began > pause.all_s or silent(pause.silence_s)):
            return b"".join(parts), Stop.PAUSED
        block = file.read(size - length)
        if not block:
            return b"".join(parts), Stop.ENDED
        parts.append(block)
        length += len(block)
    return b"".join(parts), Stop.FULL


def wait(file: BinaryIO) -> None:
    """Wait until there is something to read, or the end."""
    if (silent := silence_of(file)) is not None:
        silent(None)


def grown(file: BinaryIO, text: bytes, enough: Callable[[bytes], object]) -> bytes:
    """Read on until the text is `enough`, which is called only a few times, or the end."""
    stop = Stop.FULL
    while stop is not Stop.ENDED and not enough(text):
        if stop is Stop.PAUSED:
            wait(file)
        text, stop = filled(file, text, max(_LEAST_BYTES, 2 * len(text)), _GLANCE)
    return text


def after_lines(file: BinaryIO, lines: int, line_end: re.Pattern[bytes]) -> tuple[bytes, int]:
    """Skip lines; return the text read after them, and how many bytes were skipped."""
    text, position = b"", 0
    for _ in range(lines):
        start = position
        text = grown(file, text, lambda text: line_end.search(text, start))  # noqa: B023 - at once
        found = line_end.search(text, position)
        if found is None:
            return b"", len(text)
        position = found.end()
    return text[position:], position


def read_range(path: str, name: str, start: int, stop: int) -> bytes:
    """Return a range of a file; raises InputError where it is gone, or too long for a row."""
    if stop - start > READ_BYTES:
        raise InputError(
            f"{name}: a row in bytes {start} to {stop} is longer than {READ_BYTES >> 30} GiB; is a "
            "quote missing?"
        )
    text = file_system_of(path).read_range(path, start, stop)
    if len(text) != stop - start:
        raise InputError(f"{name} became shorter while it was read")
    return text


def cut(text: bytes, starts: Any, stops: Sequence[int]) -> list[bytes]:
    """Split text, whose rows begin at `starts`, at these row numbers, the last being its end."""
    edges = [0, *(int(starts[stop]) for stop in stops[:-1]), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
