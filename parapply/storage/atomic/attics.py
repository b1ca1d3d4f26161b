"""Attics: old output folders, moved aside where the kernel cannot swap names. In the parent.

The old folder becomes an attic, the new one takes its name, and the attic is removed. A run killed
after the first step leaves the only copy in the attic; the next run to that output moves it back.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress

from parapply.model.errors import OutputError

_TOKEN = re.compile("[0-9a-f]{12}")
_MARK = ".removed"


def new_attic(target: str) -> str:
    """Return a new attic's path, which no sweep (staging.py) matches."""
    return _prefix(target) + os.urandom(6).hex()


def attics_of(target: str) -> list[str]:
    """Return the complete attics of a folder, the newest first."""
    return [path for path in _every(target) if not _is_left(path)]


def stale(target: str) -> list[str]:
    """Return the attics to remove: all if the folder exists, else half-removed ones."""
    there = os.path.exists(target)
    return [path for path in _every(target) if there or _is_left(path)]


def _every(target: str) -> list[str]:
    prefix = _prefix(target)
    name, found = os.path.basename(prefix), list[tuple[int, str]]()
    with suppress(OSError), os.scandir(os.path.dirname(prefix)) as entries:
        for entry in entries:
            if not entry.name.startswith(name) or not _TOKEN.fullmatch(entry.name, len(name)):
                continue
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    found.append((entry.stat(follow_symlinks=False).st_ctime_ns, entry.path))
    return [path for _, path in sorted(found, reverse=True)]


def _is_left(attic: str) -> bool:
    """Whether an attic is half removed: marked, or empty."""
    with suppress(OSError):
        names = os.listdir(attic)
        return not names or _MARK in names
    return False


def recover(target: str, name: str) -> None:
    """Move the newest attic back if the folder is missing; raises OutputError."""
    if not os.path.lexists(target):
        for attic in attics_of(target)[:1]:
            move_back(attic, target, name)


def move_back(attic: str, target: str, name: str) -> None:
    """Move an attic back unless its name is taken; raises OutputError, which says where it is."""
    if os.path.lexists(target):
        return
    try:
        os.rename(attic, target)
    except OSError as error:
        if os.path.lexists(target) or not os.path.lexists(attic):  # another run was quicker
            return
        raise OutputError(
            f"{name}: what was there is in {attic} and cannot be moved back: {error.strerror}; "
            f"do it with mv"
        ) from error


def discard(attics: list[str], stage: str) -> None:
    """Move attics into our staging folder, which is removed later, or remove them here."""
    for attic in attics:
        try:
            os.rename(attic, os.path.join(stage, os.path.basename(attic)))
        except OSError:
            _remove(attic)


def _remove(attic: str) -> None:
    """Remove a folder of part files, marked first: half of one must not be moved back."""
    with suppress(OSError):
        mark = os.path.join(attic, _MARK)
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for path in (os.path.join(attic, name) for name in os.listdir(attic) if name != _MARK):
            is_folder = os.path.isdir(path) and not os.path.islink(path)
            (shutil.rmtree if is_folder else os.unlink)(path)
        os.unlink(mark)
        os.rmdir(attic)


def _prefix(target: str) -> str:
    folder, name = os.path.split(os.path.abspath(target))
    return os.path.join(folder, f".{name}.parapply-old-")
