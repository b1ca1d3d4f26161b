"""Temporary folders, removed by the run that made them or swept by a later one. In the parent.

Each holds a note, a locked file whose name identifies the process (owners.py). A folder is swept
only if the note's process is dead and the lock is free as well, so that locks granted to everybody
cost no run its parts. Folders of other hosts and containers are left alone.

The note is made first and removed last. A folder without one is being made or removed, and swept
with rmdir(2), which takes only empty ones: either its maker has written the note, and it stays, or
the maker finds it gone and makes another. Other folders without a note stay. Versions that used
locks alone took shorter names, so that neither sweeps the other's folders.

In /tmp others may make folders with such names: only this user's, not writable by others, are
opened, never through a link, emptied through that descriptor, and removed with rmdir.
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
_OURS = re.compile("[0-9a-f]{16}")  # versions with locks alone had 12 digits
NOTE = "parapply-lock-"
_made = set["Staging"]()


class Staging:
    """A new folder PARENT/PREFIX<random>; as a context it gives the path, and is removed."""

    def __init__(self, parent: str, prefix: str) -> None:
        self.parent, self.prefix = parent, prefix
        self.path = ""
        self._lock: int | None = None

    def make(self) -> str:
        """Make it and return its path; raises OSError."""
        _made.add(self)
        try:
            while self._lock is None:
                # Named before it is made, so that no signal between leaves it behind.
                self.path = os.path.join(self.parent, self.prefix + os.urandom(_TOKEN_BYTES).hex())
                os.mkdir(self.path, 0o700)
                self._lock = _sign(self.path)
        except BaseException:
            self.remove()
            raise
        return self.path

    def made(self, what: str) -> str:
        """Make it and return its path; raises OutputError, beginning with `what`."""
        try:
            return self.make()
        except OSError as error:
            raise OutputError(f"{what}: {reason(error)}") from error

    def remove(self) -> None:
        """Remove it with its content; retried once if interrupted."""
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
    """Remove this user's folders PARENT/PREFIX<random> whose runs are dead."""
    for path in _folders(parent, prefix):
        with suppress(OSError), _opened(path) as folder:
            if not _is_ours(os.fstat(folder)):
                continue
            notes = [name for name in os.listdir(folder) if name.startswith(NOTE)]
            if not notes:
                os.rmdir(path)  # fails unless it is empty
            elif len(notes) == 1:
                _clean(path, folder, notes[0])


def remove_all() -> None:
    """Remove folders whose context a signal interrupted."""
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
    except FileNotFoundError:  # a sweep took the folder
        return None


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _empty(folder: int) -> None:
    """Remove an open folder's content; the note last, and only if nothing else is left."""
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
    for _ in range(3):  # a thread may still be writing into it
        with suppress(OSError):
            with _opened(path) as folder:
                _empty(folder)
            os.rmdir(path)
        if not os.path.lexists(path):
            return


os.register_at_fork(after_in_child=_made.clear)
