"""Temporary folders: gone with the run that made them, or cleaned by the next one. In the parent.

A run holds a lock in each of its folders as long as it lives. Where a run was killed the lock is
free, so whoever gets it may remove the folder. One that is just being made has no lock yet: its
maker and a cleaner then want the same lock, and the maker that loses makes another folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress

from parapply.outputs import locks

_OURS = re.compile("[0-9a-f]{12}")
_ADOPTED = re.compile(r"\w{8}")  # as tempfile has it
_LOCK = "parapply-lock"
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

    def adopt(self, path: str) -> None:
        """Look after a folder that is there already."""
        self.path = path
        self._lock = _hold(path)
        _made.add(self)

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


def adopt(path: str) -> None:
    """Look after a folder that a library made with `tempfile` and removes when all goes well."""
    if any(staging.path == path for staging in _made):
        return
    adopted = Staging(os.path.dirname(path), os.path.basename(path)[:-8])
    adopted.adopt(path)


def sweep_adopted(parent: str) -> None:
    """Remove the folders that multiprocessing made for runs that are no more."""
    _sweep([path for path in _folders(parent, "pymp-", _ADOPTED) if _has_lock(path)])


def sweep(parent: str, prefix: str) -> None:
    """Remove the folders of that kind, of this user, whose runs are no more."""
    _sweep(_folders(parent, prefix, _OURS))


def remove_all() -> None:
    """Remove what was left by a signal that came between a context and its end."""
    for staging in list(_made):
        staging.remove()


def _sweep(folders: Iterable[str]) -> None:
    for path in folders:
        with suppress(OSError):
            lock = _hold(path)
            if lock is not None:
                # Once: when the lock file is gone its maker, if it is still there, has it.
                shutil.rmtree(path, ignore_errors=True)
                locks.let_go(lock)


def _folders(parent: str, prefix: str, token: re.Pattern[str]) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            named = [one for one in entries if one.name.startswith(prefix)]
            return [
                one.path
                for one in named
                if token.fullmatch(one.name, len(prefix))
                and one.is_dir(follow_symlinks=False)
                and _is_ours(one)
            ]
    except OSError:
        return []


def _has_lock(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, _LOCK))


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return entry.stat(follow_symlinks=False).st_uid == os.geteuid()


def _hold(folder: str) -> int | None:
    try:
        return locks.hold(os.path.join(folder, _LOCK))
    except FileNotFoundError:  # a cleaner took the folder for one that was left
        return None


def _remove(folder: str) -> None:
    for _ in range(3):  # a thread that cannot be stopped may be writing into it
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return


os.register_at_fork(after_in_child=_made.clear)
