"""An output folder of part files, published whole or not at all. In the parent.

Workers write its files in a scratch folder beside it, which then takes its name.
"""

from __future__ import annotations

import os
import shutil

from parapply.storage.atomic import places
from parapply.storage.atomic.attics import discard, stale
from parapply.storage.atomic.file_target import Claim
from parapply.storage.atomic.renaming import appear, replace_folder


class FolderTarget(Claim):
    """See AtomicTarget."""

    writes_at = False

    def begin(self) -> str:
        places.check_folder(self._target)
        stage = super().begin()
        os.mkdir(self.place, 0o700)
        discard(stale(self._target), stage)
        return stage

    def open(self) -> None:
        before, self.place = self.place, f"{self.place}+"
        os.mkdir(self.place, 0o700)
        shutil.rmtree(before, ignore_errors=True)  # what stays goes with the scratch folder

    def prepare(self) -> list[str]:
        places.check_folder(self._target)
        lost = places.settle_folder(self.place, self._target, self.stage)
        return places.unkept(self._name, lost)

    def commit(self, *, undoable: bool) -> None:
        del undoable
        if self._clobber:
            discard(replace_folder(self.place, self._target, self._name), self.stage)
        else:
            appear(self.place, self._target)

    def withdraw(self) -> bool:
        return False
