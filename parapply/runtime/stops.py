"""The end that a function asks for: the output is that of the rows up to the one that asked.

The file `stop` in the run's folder says that it happened, and the names of others in which chunks:
the first of these, in the input's order, is the last of the run. Chunks before it are done as ever,
so that the same rows are in the output whatever the number of workers; chunks after it are given
up. Runs in workers and in the parent.
"""

from __future__ import annotations

import os

from parapply.model.records import record
from parapply.storage.flocks import blaming_place
from parapply.storage.private import touch

_Number = tuple[int, ...]
_STOP, _CHUNK = "stop", "stop-"


@record
class Skipped:
    """What a worker says of a chunk that stands after the end."""

    number: _Number


class GivenUp(Exception):  # noqa: N818  it is no error
    """Ends the work on a chunk that stands after the end."""


def stop_after(folder: str, number: _Number) -> None:
    """Have the run end with this chunk, or with one before it that asked for it too."""
    for name in (_CHUNK + ".".join(map(str, number)), _STOP):  # in this order
        with blaming_place(path := os.path.join(folder, name)):
            touch(path)


def is_stopped(folder: str) -> bool:
    """Whether a function asked for the end: one look at the file system."""
    return os.path.exists(os.path.join(folder, _STOP))


def is_after(folder: str, number: _Number) -> bool:
    """Whether a chunk stands after the end; the halves of the last chunk do not."""
    if not is_stopped(folder):
        return False
    end = stopped_after(folder)
    return end is not None and number[: len(end)] > end


def stopped_after(folder: str) -> _Number | None:
    """Return the number of the chunk that the run ends with, if a function asked for it."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:  # the run is over
        return None
    chunks = [name.removeprefix(_CHUNK) for name in names if name.startswith(_CHUNK)]
    return min((tuple(map(int, chunk.split("."))) for chunk in chunks), default=None)
