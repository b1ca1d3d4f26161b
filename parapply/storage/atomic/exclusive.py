"""A folder that one run at a time holds, for `--lock` and `--checkpoint`. In the parent.

A run puts a file there whose name identifies it (owners.py), locks it, and then looks for others:
of two at once at least one sees the other, removes its file and retries. Files of dead processes
are removed.

Of other containers and hosts a free lock proves death, if one kernel serves all who could hold it,
which is not so on network file systems: there a person has to say that a run has ended. Parts
(staging.py) are treated more carefully: stale ones cost space, a stale lock stops all later runs.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from parapply.model.errors import LockedError
from parapply.storage import locks, owners
from parapply.storage.owners import Owner

_PATIENCE_S = 0.1  # two runs at once settle it in a few milliseconds
# File systems of one kernel.
_LOCAL = ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs")


class Exclusive:
    """The folder, made when it is taken, and removed with its last holder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._path = os.path.join(folder, owners.text_of(owners.mine()))
        self._lock: int | None = None

    def take(self) -> Owner | None:
        """Take it; return the other run that holds it, or may, if any. Raises OSError."""
        deadline = time.monotonic() + _PATIENCE_S
        while (rival := self._try()) is not None and time.monotonic() < deadline:
            time.sleep(os.urandom(1)[0] / 10_000)
        return rival

    def drop(self) -> None:
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
        """Remove it if only dead runs held it."""
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
            except FileExistsError:  # another thread's
                return owners.mine()
            except FileNotFoundError:  # its last holder has just removed the folder
                if not os.path.isdir(os.path.dirname(self.folder)):
                    raise
            except BaseException:
                self._leave()
                raise
        try:
            own = os.path.basename(self._path)
            others = [owner for name, owner in self._notes() if name != own]
            rival = next(filter(self._holds, others), None)
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
        if stat.S_ISREG(found.st_mode):  # an earlier version's lock
            with suppress(FileNotFoundError):
                if (lock := locks.seize(self.folder)) is None:
                    raise PermissionError(1, f"{self.folder} is locked")
                os.unlink(self.folder)
                locks.let_go(lock)
        elif not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(1, f"{self.folder} is not a folder of this user's")

    def _notes(self) -> list[tuple[str, Owner]]:
        found = [(name, owners.owner_of(name)) for name in os.listdir(self.folder)]
        return [(name, owner) for name, owner in found if owner is not None]

    def _holds(self, owner: Owner) -> bool:
        """Whether another run holds the folder, or may; if not, its file is removed."""
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
    """Return the error for a lock that `rival` holds, or may hold."""
    if owners.is_seen(rival):
        return LockedError(f"{said}; nothing was done")
    return LockedError(
        f"{said}, or did so: process {rival.pid} of {rival.host or 'a host without a name'}, which "
        f"cannot be seen from here; if it has ended, remove {lock.folder}; nothing was done"
    )


def _file_system(path: str) -> str:
    """Return a path's file system type, as in proc(5); "" if unknown."""
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
