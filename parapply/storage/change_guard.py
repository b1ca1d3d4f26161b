"""Whether the inputs stayed as they were while they were read. In the parent, and in workers.

Workers read a file in ranges that were found at the start: of one that is written to meanwhile
they would make a mixture that never was.
"""

from __future__ import annotations

import os

from parapply.model.errors import InputError
from parapply.storage.api import FILE, FileState
from parapply.storage.registry import file_system_of


class ChangeGuard:
    """Remembers files as they are when they are first seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, FileState]] = {}

    def see(self, path: str, name: str) -> None:
        """Remember a file, which messages call `name`, before any of it is read; raises OSError."""
        system = file_system_of(path)
        if (state := system.stat(path)).kind == FILE:
            self._seen.setdefault(system.resolve(path), (name, state))

    def check(self) -> None:
        """Raise InputError where a file is another one now, or has changed."""
        for path, (name, before) in self._seen.items():
            check(path, name, before)


def check(path: str, name: str, before: FileState) -> None:
    """Raise InputError where a file, which messages call `name`, is not what it was."""
    try:
        after = file_system_of(path).stat(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InputError(f"{name} went away while it was read: {reason}") from error
    if after != before:
        raise InputError(
            f"{name} changed while it was read: {_difference(before, after)}; "
            "nothing was published; run again, or read a copy"
        )


def _difference(before: FileState, after: FileState) -> str:
    if before.identity != after.identity:
        return "it is another file now"
    if before.size != after.size:
        return f"{before.size:,} bytes at the start, {after.size:,} at the end"
    return "it was written to"
