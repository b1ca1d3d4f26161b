"""Whether the inputs stayed as they were while they were read. In the parent.

Workers read a file in ranges that were found at the start: of one that is written to meanwhile
they would make a mixture that never was.
"""

from __future__ import annotations

import os
import stat

from parapply.model.errors import InputError

State = tuple[int, int, int, int]


class Witness:
    """Remembers files as they are when they are first seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, State]] = {}

    def see(self, path: str, name: str) -> None:
        """Remember a file, which messages call `name`, before any of it is read; raises OSError."""
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            self._seen.setdefault(os.path.realpath(path), (name, state(status)))

    def check(self) -> None:
        """Raise InputError where a file is another one now, or has changed."""
        for path, (name, before) in self._seen.items():
            try:
                after = state(os.stat(path))
            except OSError as error:
                reason = os.strerror(error.errno or 0)
                raise InputError(f"{name} went away while it was read: {reason}") from error
            if after != before:
                raise changed(name, before, after)


def changed(name: str, before: State, after: State) -> InputError:
    """Return the error of a file that is not what it was."""
    return InputError(
        f"{name} changed while it was read: {_difference(before, after)}; "
        "nothing was published; run again, or read a copy"
    )


def state(status: os.stat_result) -> State:
    """Return what tells a file, and what is in it, from others."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _difference(before: State, after: State) -> str:
    if before[:2] != after[:2]:
        return "it is another file now"
    if before[2] != after[2]:
        return f"{before[2]:,} bytes at the start, {after[2]:,} at the end"
    return "it was written to"
