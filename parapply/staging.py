"""Temporary folders: gone with the run that made them, or cleaned by the next one. In the parent.

A run holds a lock in each of its folders as long as it lives. Where a run was killed the lock is
free, so whoever gets it may remove the folder. One that is just being made has no lock yet: its
maker and a cleaner then want the same lock, and the maker that loses makes another folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress

from parapply import locks

_TOKEN = re.compile("[0-9a-f]{12}")
_made = set["Staging"]()


class Staging:
    """A new folder named PARENT/PREFIX and a random token, held until it is removed.

    Use it as a context, which gives its path.
    """

    def __init__(self, parent: str, prefix: str) -> None:
        self.parent, self.prefix = parent, prefix
        self.path = ""
        self._lock: int | None = None

    def make(self) -> str:
        """Make it, and return its path; raises OSError."""
        _made.add(self)
        try:
            while self._lock is None:
                # Named before it is made: a signal that comes meanwhile must not leave it behind.
                self.path = os.path.join(self.parent, self.prefix + os.urandom(6).hex())
                os.mkdir(self.path, 0o700)
                self._lock = _hold(self.path)
        except BaseException:
            self.remove()
            raise
        return self.path

    def remove(self) -> None:
        """Remove it with all that is in it; once more, when that is interrupted."""
        try:
            _remove(self.path)
        except BaseException:
            _remove(self.path)
            raise
        finally:
            _made.discard(self)
            if self._lock is not None:
                lock, self._lock = self._lock, None
                locks.let_go(lock)

    def __enter__(self) -> str:
        return self.make()

    def __exit__(self, *exception: object) -> None:
        self.remove()


def sweep(parent: str, prefix: str) -> None:
    """Remove the folders of that kind, of this user, whose runs are no more."""
    with suppress(OSError):
        for path in list(_folders(parent, prefix)):
            with suppress(OSError):
                lock = _hold(path)
                if lock is not None:
                    # Once: when the lock file is gone its maker, if it is still there, has it.
                    shutil.rmtree(path, ignore_errors=True)
                    locks.let_go(lock)


def remove_all() -> None:
    """Remove what was left by a signal that came between a context and its end."""
    for staging in list(_made):
        staging.remove()


def _folders(parent: str, prefix: str) -> Iterator[str]:
    with os.scandir(parent) as entries:
        for entry in entries:
            known = entry.name.startswith(prefix) and _TOKEN.fullmatch(entry.name, len(prefix))
            if known and entry.is_dir(follow_symlinks=False) and _is_ours(entry):
                yield entry.path


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return entry.stat(follow_symlinks=False).st_uid == os.geteuid()


def _hold(folder: str) -> int | None:
    try:
        return locks.hold(os.path.join(folder, "lock"))
    except FileNotFoundError:  # a cleaner took the folder for one that was left
        return None


def _remove(folder: str) -> None:
    for _ in range(3):  # a thread that cannot be stopped may be writing into it
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return


os.register_at_fork(after_in_child=_made.clear)
