"""May this run write that file or folder? `--lock`, `--no-clobber`, and what dead runs left there.

In the parent. The lock is a file beside the output, held as locks.py says and removed at the end.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from parapply.errors import LockedError, OutputError, UsageError
from parapply.outputs import locks
from parapply.outputs.attics import recover
from parapply.outputs.staging import sweep

_PATIENCE_S = 0.1  # a run without --lock that looks for what was left holds the lock for a moment


class Claim:
    """A run's claim to the output `target`, which messages call `name`."""

    def __init__(self, target: Path, name: str, *, lock: bool, clobber: bool) -> None:
        self._target, self._name, self._wants_lock, self._clobber = target, name, lock, clobber
        self.prefix = f".{target.name}.parapply-"  # of folders beside it
        self._path = str(target.parent / f"{self.prefix}lock")
        self._lock: int | None = None

    def make(self) -> None:
        """Make it, and clean up after runs that were killed.

        Raises UsageError where the output cannot be, or is not to be, replaced; LockedError where
        another run holds the lock.
        """
        folder = self._target.parent
        if not folder.is_dir():
            raise UsageError(f"{self._name}: there is no folder {folder}; make it with mkdir -p")
        recover(str(self._target), self._name)
        if not self._clobber and os.path.lexists(self._target):
            raise UsageError(f"{self._name} is there already, and --no-clobber keeps it")
        if self._wants_lock:
            self._take()
        else:
            self._tidy()
        sweep(str(folder), self.prefix)

    def drop(self) -> None:
        """Give the lock back, and leave nothing of it."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            with contextlib.suppress(OSError):
                os.unlink(self._path)  # while it is held: whoever opened it before looks again
            locks.let_go(lock)

    def _take(self) -> None:
        try:
            self._lock = locks.hold_patiently(self._path, _PATIENCE_S)
        except OSError as error:
            raise OutputError(f"{self._name}: cannot be locked: {error.strerror}") from error
        if self._lock is None:
            raise LockedError(f"{self._name}: another run holds the lock; nothing was done")

    def _tidy(self) -> None:
        """Remove the lock of a run that was killed."""
        with contextlib.suppress(OSError):
            if os.path.lexists(self._path):
                self._lock = locks.hold(self._path)
                self.drop()
