"""A file that appears whole or not at all, and what a run may do to the one there. In the parent.

It is written in a folder of the run's beside its target, synced, and renamed over it, so that
readers, also of a crashed run, find the old file or the new one. The lock of `--lock` is a folder
beside it too, held as exclusive.py says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from parapply.model.errors import OutputError, UsageError
from parapply.storage.atomic import places
from parapply.storage.atomic.attics import recover
from parapply.storage.atomic.exclusive import Exclusive, locked
from parapply.storage.atomic.staging import Staging, sweep
from parapply.storage.private import Naming, create
from parapply.storage.system_limits import reason


class Claim:
    """A run's claim to the output `target`, which messages call `name`, with a folder beside it."""

    restartable = True

    def __init__(self, target: str, name: str, *, lock: bool, clobber: bool) -> None:
        self._target, self._name, self._wants_lock, self._clobber = target, name, lock, clobber
        self.home: str | None = places.folder_of(target)
        prefix = f".{os.path.basename(target)}.parapply-"  # of folders beside it
        self._lock = Exclusive(os.path.join(self.home, f"{prefix}lock"))
        self._staging = Staging(self.home, prefix)

    @property
    def stage(self) -> str:
        """The folder."""
        return self._staging.path

    def begin(self) -> str:
        """Clean up after runs that were killed, and make the folder.

        Raises UsageError where the output cannot be, or is not to be, replaced; LockedError where
        another run holds the lock; OutputError where nothing can be written.
        """
        home, prefix = self._staging.parent, self._staging.prefix
        if not os.path.isdir(home):
            raise UsageError(f"{self._name}: there is no folder {home}; make it with mkdir -p")
        recover(self._target, self._name)
        if not self._clobber and os.path.lexists(self._target):
            raise UsageError(f"{self._name} is there already, and --no-clobber keeps it")
        if self._wants_lock:
            self._take()
        else:
            self._lock.tidy()
        sweep(home, prefix)
        places.check_replaceable(self._target, self._name)
        self._staging.made(f"{self._name}: cannot write in {home}")
        self.place = os.path.join(self.stage, "output")
        return self.stage

    def abort(self) -> None:
        """Remove the folder, give the lock back, and leave nothing of either."""
        self._staging.remove()
        self._lock.drop()

    def _take(self) -> None:
        try:
            rival = self._lock.take()
        except OSError as error:
            raise OutputError(f"{self._name}: cannot be locked: {reason(error)}") from error
        if rival is not None:
            raise locked(f"{self._name}: another run holds the lock", rival, self._lock)


class FileTarget(Claim):
    """See AtomicTarget."""

    writes_at = True

    _file: BinaryIO | None = None
    _undo: Callable[[], bool] | None = None

    def open(self) -> BinaryIO:
        if self._file is not None:
            with suppress(OSError):  # what has not been written yet is not wanted
                self._file.close()
            os.unlink(self.place)
            self.place += "+"
        self._file = create(self.place, "w+b")
        return self._file

    def prepare(self) -> list[str]:
        assert self._file is not None
        with Naming(self.place):
            self._file.flush()
            lost = places.take_after(self.place, self._target, self.stage)
            os.fsync(self._file.fileno())
            self._file.close()
        return places.unkept(self._name, lost)

    def commit(self, *, undoable: bool) -> None:
        if self._clobber and not undoable:
            os.replace(self.place, self._target)
            return
        from parapply.storage.atomic.renaming import Swap, appear

        if undoable:
            swap = Swap(self.place, self._target, os.path.join(self.stage, "old"))
            self._undo = swap.undo
            swap.do(clobber=self._clobber)
        else:
            appear(self.place, self._target)

    def withdraw(self) -> bool:
        return self._undo is not None and self._undo()
