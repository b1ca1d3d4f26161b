"""Text from a file or a stream: as much as is wanted, or as there is for now. In the parent.

A pipe that comes slowly (`tail -f`) is not waited for until a block is full, if somebody waits for
the output: what is there goes on after a pause. How long that is decides what a stream's first
block holds, and with it the types of its columns; so the first one is given more time.
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
    """When to go on with less than what was wanted, in seconds."""

    silence_s: float  # nothing has come for so long
    all_s: float  # so long has been waited in all


@runtime_checkable
class Pausing(Protocol):
    """A file that may come slowly, and can tell, unless that is None, whether it is silent."""

    @property
    def silent(self) -> Callable[[float | None], bool] | None:
        """What tells whether nothing comes for so many seconds; None: it waits for something."""


def silence_of(file: BinaryIO) -> Callable[[float | None], bool] | None:
    """Return what tells whether a file is silent; None where nothing does."""
    return file.silent if isinstance(file, Pausing) else None


class Stop(enum.Enum):
    """Why no more was read."""

    FULL = enum.auto()
    PAUSED = enum.auto()
    ENDED = enum.auto()


_FIRST, _LATER = Pause(1.0, 2.0), Pause(0.2, 1.0)
_GLANCE = Pause(0.02, float("inf"))
_LEAST_BYTES = 1 << 16
READ_BYTES = (1 << 31) - (1 << 20)  # Linux reads no more at once, and Arrow's offsets count so far


def pauses(prompt: bool) -> Iterator[Pause | None]:
    """Yield the pause for the first block, and for each after it; None where nobody waits."""
    yield _FIRST if prompt else None
    yield from repeat(_LATER if prompt else None)


def filled(file: BinaryIO, text: bytes, size: int, pause: Pause | None) -> tuple[bytes, Stop]:
    """Return `text` and what follows it in `file`, `size` bytes in all, and why there it ends.

    Only what can tell whether it is silent (see `compression.py`) is left before it is full.
    """
    parts, length, began = [text], len(text), time.monotonic()
    silent = silence_of(file)
    while length < size:
        if silent is not None and pause is not None:
            late = time.monotonic() - began > pause.all_s
            if late or silent(pause.silence_s):
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
    """Read on until it is `enough`, which is asked a few times only, or the end."""
    stop = Stop.FULL
    while stop is not Stop.ENDED and not enough(text):
        if stop is Stop.PAUSED:
            wait(file)
        text, stop = filled(file, text, max(_LEAST_BYTES, 2 * len(text)), _GLANCE)
    return text


def after_lines(file: BinaryIO, lines: int, line_end: re.Pattern[bytes]) -> tuple[bytes, int]:
    """Leave out lines; return what was read of the others, and how many bytes are left out."""
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
    """Return a file's bytes from `start` to `stop`.

    Raises InputError where they are not there any more, or are more than a row may have.
    """
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
    """Cut text whose rows begin at `starts` after these numbers of rows, the last being all."""
    edges = [0, *(int(starts[stop]) for stop in stops[:-1]), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
