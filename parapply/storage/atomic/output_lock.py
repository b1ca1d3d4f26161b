"""May this run write that file or folder? `--lock`, `--no-clobber`, and what dead runs left there.

In the parent. The lock is a folder beside the output, held as exclusive.py says.
"""

from __future__ import annotations

import os

from parapply.model.errors import LockedError, OutputError, UsageError
from parapply.storage import owners
from parapply.storage.atomic import places
from parapply.storage.atomic.attics import recover
from parapply.storage.atomic.exclusive import Exclusive
from parapply.storage.atomic.staging import sweep
from parapply.storage.owners import Owner
from parapply.storage.system_limits import reason


class Claim:
    """A run's claim to the output `target`, which messages call `name`."""

    def __init__(self, target: str, name: str, *, lock: bool, clobber: bool) -> None:
        self._target, self._name, self._wants_lock, self._clobber = target, name, lock, clobber
        self.prefix = f".{os.path.basename(target)}.parapply-"  # of folders beside it
        self._lock = Exclusive(os.path.join(places.folder_of(target), f"{self.prefix}lock"))

    def make(self) -> None:
        """Make it, and clean up after runs that were killed.

        Raises UsageError where the output cannot be, or is not to be, replaced; LockedError where
        another run holds the lock.
        """
        folder = places.folder_of(self._target)
        if not os.path.isdir(folder):
            raise UsageError(f"{self._name}: there is no folder {folder}; make it with mkdir -p")
        recover(self._target, self._name)
        if not self._clobber and os.path.lexists(self._target):
            raise UsageError(f"{self._name} is there already, and --no-clobber keeps it")
        if self._wants_lock:
            self._take()
        else:
            self._lock.tidy()
        sweep(folder, self.prefix)

    def drop(self) -> None:
        """Give the lock back, and leave nothing of it."""
        self._lock.drop()

    def _take(self) -> None:
        try:
            rival = self._lock.take()
        except OSError as error:
            raise OutputError(f"{self._name}: cannot be locked: {reason(error)}") from error
        if rival is not None:
            raise locked(f"{self._name}: another run holds the lock", rival, self._lock)


def locked(said: str, rival: Owner, lock: Exclusive) -> LockedError:
    """Return what to tell a person of a lock that another run has, or may have."""
    if owners.is_seen(rival):
        return LockedError(f"{said}; nothing was done")
    return LockedError(
        f"{said}, or did so: process {rival.pid} of {rival.host or 'a host without a name'}, which "
        f"cannot be seen from here; if it has ended, remove {lock.folder}; nothing was done"
    )
