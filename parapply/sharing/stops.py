"""The end that a function asks for: the output is that of the rows up to the one that asked.

The file `stop` in the run's folder has the number of the first chunk, in the input's order, in
which that happened. Chunks before it are done as ever, so that the same rows are in the output
whatever the number of workers; chunks after it are given up. Runs in workers and in the parent.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import TYPE_CHECKING

from parapply.records import record

if TYPE_CHECKING:
    from parapply.lifetime.context import Context

_Number = tuple[int, ...]
_LOOK_S = 0.05


@record
class Skipped:
    """What a worker says of a chunk that stands after the end."""

    number: _Number


class GivenUp(Exception):  # noqa: N818  it is no error
    """Ends the work on a chunk that stands after the end."""


def stop_after(folder: str, number: _Number) -> None:
    """Have the run end with this chunk, or with one before it that asked for it too."""
    path = os.path.join(folder, "stop")
    with open(f"{path}.new", "a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # which is let go of when the file is closed
        known = stopped_after(folder)
        if known is not None and known <= number:
            return
        with open(whole := f"{path}.{os.getpid()}", "w", encoding="ascii") as new:
            json.dump(number, new)
        os.replace(whole, path)


def is_stopped(folder: str) -> bool:
    """Whether a function asked for the end: one look at the file system."""
    return os.path.exists(os.path.join(folder, "stop"))


def is_after(folder: str, number: _Number) -> bool:
    """Whether a chunk stands after the end; the halves of the last chunk do not."""
    if not is_stopped(folder):
        return False
    end = stopped_after(folder)
    return end is not None and number[: len(end)] > end


def stopped_after(folder: str) -> _Number | None:
    """Return the number of the chunk that the run ends with, if a function asked for it."""
    try:
        with open(os.path.join(folder, "stop"), encoding="ascii") as file:
            return tuple(json.load(file))
    except FileNotFoundError:
        return None


class End:
    """Whether the run ends before or in a chunk."""

    def __init__(self, context: Context, number: tuple[int, ...]) -> None:
        self.context, self._number = context, number
        context.stopped = None
        self._due = 0.0

    def check(self) -> int | None:
        """Return how many of the batch's rows stay, None for all; raises GivenUp for none."""
        if (last := self.context.stopped) is not None:
            return last + 1
        if (now := time.monotonic()) >= self._due:  # rows with a time limit are run one by one
            self._due = now + _LOOK_S
            if is_after(self.context.place.folder, self._number):
                raise GivenUp
        return None
