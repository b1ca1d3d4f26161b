"""Detection of inputs that change while they are read. In the parent, and in workers.

Workers read ranges found at the start: of a changing file they would mix two versions.
"""

from __future__ import annotations

import os

from parapply.model.errors import InputError
from parapply.storage.api import FILE, FileState
from parapply.storage.registry import file_system_of


class ChangeGuard:
    """The states of input files when first seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, FileState]] = {}

    def see(self, path: str, name: str) -> None:
        """Remember a file before it is read; raises OSError."""
        system = file_system_of(path)
        if (state := system.stat(path)).kind == FILE:
            self._seen.setdefault(system.resolve(path), (name, state))

    def check(self) -> None:
        for path, (name, before) in self._seen.items():
            check(path, name, before)


def check(path: str, name: str, before: FileState) -> None:
    """Raise InputError, naming the file `name`, where it changed or is another one now."""
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
