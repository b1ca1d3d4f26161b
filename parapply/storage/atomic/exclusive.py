"""A folder in which one run at a time stands: what `--lock` and `--checkpoint` are. In the parent.

A run puts a file there whose name says who it is (owners.py), keeps it locked, and looks for others
after that: of two that come at once at least one sees the other, takes its file away and tries
again, in case the other one did the same. A file of a process that is dead is removed.

Where a note alone does not tell (another container, another host), a lock that is free does, if
all who could hold it ask the same kernel. It may not be asked of a network's file system: a run
that nobody can see is left alone there, and a person has to say that it has ended. That is less
careful than with folders of parts (staging.py): one that stays costs space, but a lock that stays
would stop all runs to come.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from parapply.model.errors import LockedError
from parapply.storage import locks, owners
from parapply.storage.owners import Owner

_PATIENCE_S = 0.1  # two that come at once are done with each other in a few milliseconds
# One kernel alone writes to these.
_LOCAL = ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs")


class Exclusive:
    """The folder, which is made when it is taken and goes with the last who held it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._path = os.path.join(folder, owners.text_of(owners.mine()))
        self._lock: int | None = None

    def take(self) -> Owner | None:
        """Take it; return who has it where another run does, or may. Raises OSError."""
        deadline = time.monotonic() + _PATIENCE_S
        while (rival := self._try()) is not None and time.monotonic() < deadline:
            time.sleep(os.urandom(1)[0] / 10_000)
        return rival

    def drop(self) -> None:
        """Give it back, and leave nothing of it."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            with suppress(OSError):
                os.unlink(self._path)
            locks.let_go(lock)
            self._leave()

    def _leave(self) -> None:
        with suppress(OSError):  # another run stands there
            os.rmdir(self.folder)

    def tidy(self) -> None:
        """Remove it where only runs held it that are dead."""
        with suppress(OSError):
            for name, owner in self._notes():
                if owners.is_dead(owner):
                    os.unlink(os.path.join(self.folder, name))
            os.rmdir(self.folder)

    def _try(self) -> Owner | None:
        while self._lock is None:
            try:
                self._make()
                self._lock = locks.make(self._path)
            except FileExistsError:  # in another thread
                return owners.mine()
            except FileNotFoundError:  # whoever held it has just taken it away
                if not os.path.isdir(os.path.dirname(self.folder)):
                    raise
            except BaseException:
                self._leave()
                raise
        try:
            rival = next(filter(self._holds, self._others()), None)
        except BaseException:
            self.drop()
            raise
        if rival is not None:
            self.drop()
        return rival

    def _make(self) -> None:
        with suppress(FileExistsError):
            os.mkdir(self.folder, 0o700)
        found = os.lstat(self.folder)
        if stat.S_ISREG(found.st_mode):  # the lock of a version before this one
            self._replace_file()
        elif not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(1, f"{self.folder} is not a folder of this user's")

    def _replace_file(self) -> None:
        with suppress(FileNotFoundError):
            if (lock := locks.seize(self.folder)) is None:
                raise PermissionError(1, f"{self.folder} is locked")
            os.unlink(self.folder)
            locks.let_go(lock)

    def _others(self) -> list[Owner]:
        return [owner for name, owner in self._notes() if name != os.path.basename(self._path)]

    def _notes(self) -> list[tuple[str, Owner]]:
        found = [(name, owners.owner_of(name)) for name in os.listdir(self.folder)]
        return [(name, owner) for name, owner in found if owner is not None]

    def _holds(self, owner: Owner) -> bool:
        """Whether another run holds the folder, or may; one that does not loses its file."""
        path = os.path.join(self.folder, owners.text_of(owner))
        with suppress(FileNotFoundError):
            if not owners.is_dead(owner):
                if owners.is_seen(owner) or not self._locks_tell(owner):
                    return True
                if (lock := locks.seize(path)) is None:
                    return True
                locks.let_go(lock)
            os.unlink(path)
        return False

    def _locks_tell(self, owner: Owner) -> bool:
        same_kernel = bool(owner.boot) and owner.boot == owners.mine().boot
        return same_kernel or _file_system(self.folder) in _LOCAL


def locked(said: str, rival: Owner, lock: Exclusive) -> LockedError:
    """Return what to tell a person of a lock that another run has, or may have."""
    if owners.is_seen(rival):
        return LockedError(f"{said}; nothing was done")
    return LockedError(
        f"{said}, or did so: process {rival.pid} of {rival.host or 'a host without a name'}, which "
        f"cannot be seen from here; if it has ended, remove {lock.folder}; nothing was done"
    )


def _file_system(path: str) -> str:
    """Return the kind of file system a file is on, as proc(5) has it; empty where it is unknown."""
    path, kind, longest = os.path.realpath(path), "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, place, found, *_ = line.split(" ")
                place = place.encode("utf-8", "surrogateescape").decode("unicode_escape")
                inside = path == place or path.startswith(place.rstrip("/") + "/")
                if inside and len(place) >= len(longest):
                    kind, longest = found, place
    except (OSError, ValueError):
        return ""
    return kind
