"""What is written to directly, and seen as it comes: standard output, a device, a named pipe.

In the parent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from parapply.storage.private import Naming


class StreamTarget:
    """See AtomicTarget, of which this has the methods, but promises nothing."""

    restartable = writes_at = False
    home: str | None = None

    def __init__(self, name: str, open_: Callable[[], BinaryIO]) -> None:
        self.place, self._open = name, open_

    def begin(self) -> None:
        """There is no folder beside it."""

    def open(self) -> BinaryIO:
        """Open it; raises OutputError where nobody reads a named pipe."""
        self._file = self._open()
        return self._file

    def prepare(self) -> list[str]:
        """Have all of it written."""
        with Naming(self.place):
            self._file.flush()
            self._file.close()
        return []

    def commit(self, *, undoable: bool) -> None:
        """It is seen already."""

    def withdraw(self) -> bool:
        """It has been read by others."""
        return False

    def abort(self) -> None:
        """What was written stays."""
