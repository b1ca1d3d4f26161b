"""The end that a function asks for: the output is that of the rows up to the one that asked.

The file `stop` in the run's folder has the number of the first chunk, in the input's order, in
which that happened. Chunks before it are done as ever, so that the same rows are in the output
whatever the number of workers; chunks after it are given up.
"""

from __future__ import annotations

import json
import os

from parapply.worker.locks import flock

_Number = tuple[int, ...]


def stop_after(folder: str, number: _Number) -> None:
    """Have the run end with this chunk, or with one before it that asked for it too."""
    lock = flock(os.path.join(folder, "stop.lock"))
    assert lock is not None
    try:
        known = stopped_after(folder)
        if known is None or number < known:
            path = os.path.join(folder, "stop")
            with open(f"{path}.new", "w", encoding="ascii") as file:
                json.dump(number, file)
            os.replace(f"{path}.new", path)
    finally:
        os.close(lock)


def is_stopped(folder: str) -> bool:
    """Whether a worker asked for the end: one look at the file system."""
    return os.path.exists(os.path.join(folder, "stop"))


def stopped_after(folder: str) -> _Number | None:
    """Return the number of the chunk that the run ends with, if a function asked for it."""
    try:
        with open(os.path.join(folder, "stop"), encoding="ascii") as file:
            return tuple(json.load(file))
    except FileNotFoundError:
        return None
