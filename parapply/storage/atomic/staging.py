"""Temporary folders: gone with the run that made them, or cleaned by the next one. In the parent.

Each holds a file whose name says which process it belongs to (owners.py), and which that process
keeps locked. A folder is cleaned only where the note says that the process is dead, and the lock
is free as well. So no lock that everybody gets costs a run its parts; the folders of other hosts
and containers are left to them, or to a person.

The note is the first thing in a folder and the last to go, so one without a note is empty while it
is being made or removed. Such a folder is cleaned by rmdir(2), which takes nothing but an empty
one: either its maker has put the note there, and the folder stays, or the maker finds it gone and
makes another. What is in a folder without a note is nobody's that is known, and stays. Versions
that knew locks alone took shorter names, so that neither cleans the other's folders.

In a folder for everybody (/tmp) others may make what is named like ours: only a folder of this
user's, that nobody else can write to, is opened, never through a link, and emptied through that
descriptor, whatever its name has come to mean; what takes the name away in the end is rmdir again.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from parapply.model.errors import OutputError
from parapply.storage import locks, owners
from parapply.storage.system_limits import reason

_TOKEN_BYTES = 8
_OURS = re.compile("[0-9a-f]{16}")  # 12 had those of a version that knew locks alone
NOTE = "parapply-lock-"
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
                self.path = os.path.join(self.parent, self.prefix + os.urandom(_TOKEN_BYTES).hex())
                os.mkdir(self.path, 0o700)
                self._lock = _sign(self.path)
        except BaseException:
            self.remove()
            raise
        return self.path

    def made(self, what: str) -> str:
        """Make it; raises OutputError, which begins with `what`, where that cannot be."""
        try:
            return self.make()
        except OSError as error:
            raise OutputError(f"{what}: {reason(error)}") from error

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
    for path in _folders(parent, prefix):
        with suppress(OSError), _opened(path) as folder:
            if not _is_ours(os.fstat(folder)):
                continue
            notes = [name for name in os.listdir(folder) if name.startswith(NOTE)]
            if not notes:
                os.rmdir(path)  # where it is empty
            elif len(notes) == 1:
                _clean(path, folder, notes[0])


def remove_all() -> None:
    """Remove what was left by a signal that came between a context and its end."""
    for staging in list(_made):
        staging.remove()


def _clean(path: str, folder: int, note: str) -> None:
    owner = owners.owner_of(note.removeprefix(NOTE))
    if owner is None or not owners.is_dead(owner):
        return
    if (lock := locks.seize(note, folder)) is not None:
        try:
            _empty(folder)
            os.rmdir(path)
        finally:
            locks.let_go(lock)


def _folders(parent: str, prefix: str) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            return [
                one.path
                for one in entries
                if one.name.startswith(prefix)
                and _OURS.fullmatch(one.name, len(prefix))
                and one.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _is_ours(folder: os.stat_result) -> bool:
    return folder.st_uid == os.geteuid() and not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _sign(folder: str) -> int | None:
    try:
        return locks.make(os.path.join(folder, NOTE + owners.text_of(owners.mine())))
    except FileNotFoundError:  # a cleaner took the folder for one that was left
        return None


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _empty(folder: int) -> None:
    """Remove what is in an open folder; the note at last, and only where nothing else is left."""
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not entry.name.startswith(NOTE)]
    for entry in found:
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.name, dir_fd=folder)
            else:
                os.unlink(entry.name, dir_fd=folder)
    left = os.listdir(folder)
    if all(name.startswith(NOTE) for name in left):
        for name in left:
            os.unlink(name, dir_fd=folder)


def _remove(path: str) -> None:
    for _ in range(3):  # a thread that cannot be stopped may be writing into it
        with suppress(OSError):
            with _opened(path) as folder:
                _empty(folder)
            os.rmdir(path)
        if not os.path.lexists(path):
            return


os.register_at_fork(after_in_child=_made.clear)
