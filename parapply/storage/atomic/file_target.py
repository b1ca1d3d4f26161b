"""An output file, published whole or not at all. In the parent.

It is written in a scratch folder beside its target, synced, and renamed over that, so that readers
find the old file or the new one, even after a crash. `--lock` is a folder there too (exclusive.py).
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
    """A run's claim to `target` (`name` in messages), with a scratch folder beside it."""

    restartable = True

    def __init__(self, target: str, name: str, *, lock: bool, clobber: bool) -> None:
        self._target, self._name, self._wants_lock, self._clobber = target, name, lock, clobber
        self.home: str | None = os.path.dirname(target) or os.curdir
        prefix = f".{os.path.basename(target)}.parapply-"  # of folders beside it
        self._lock = Exclusive(os.path.join(self.home, f"{prefix}lock"))
        self._staging = Staging(self.home, prefix)

    @property
    def stage(self) -> str:
        """The scratch folder."""
        return self._staging.path

    def begin(self) -> str:
        """Clean up after killed runs, and make the scratch folder.

        Raises UsageError where the output cannot or must not be replaced, LockedError where another
        run holds the lock, OutputError where nothing can be written.
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
            with suppress(OSError):  # its buffered bytes are not wanted
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
