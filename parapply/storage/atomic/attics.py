"""Where a folder is while another takes its name, if the kernel cannot swap the two. In the parent.

It is moved beside itself, the new one takes the name, and the old one is removed. A run that is
killed between the first two steps leaves the only copy in the attic: the next run to that output
moves it back. Whoever looks for attics does so before it looks for a folder of that name, so that
what it finds then is not all that there is.
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
    """Return a name for the folder that is there; not one that a sweep would take."""
    return _prefix(target) + os.urandom(6).hex()


def attics_of(target: str) -> list[str]:
    """Return the folders that were moved away from there and are not back, the last one first."""
    return [path for path in _every(target) if not _is_left(path)]


def stale(target: str) -> list[str]:
    """Return those that nobody needs: a new folder is there, or they were being removed."""
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
    """Whether a folder was being removed, and is empty or marked."""
    with suppress(OSError):
        names = os.listdir(attic)
        return not names or _MARK in names
    return False


def recover(target: str, name: str) -> None:
    """Move back what a run that was killed had moved away.

    Raises OutputError where it cannot be moved back.
    """
    if not os.path.lexists(target):
        for attic in attics_of(target)[:1]:
            move_back(attic, target, name)


def move_back(attic: str, target: str, name: str) -> None:
    """Give a folder its name again, unless there is another one by now.

    Raises OutputError, which says where the folder is, if that cannot be done.
    """
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
    """Have folders that are replaced removed with our own; what cannot be moved there, here."""
    for attic in attics:
        try:
            os.rename(attic, os.path.join(stage, os.path.basename(attic)))
        except OSError:
            _remove(attic)


def _remove(attic: str) -> None:
    """Remove a folder of part files, marked first: half of one is not to be moved back."""
    with suppress(OSError):
        mark = os.path.join(attic, _MARK)
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for name in os.listdir(attic):
            if name != _MARK:
                _unlink(os.path.join(attic, name))
        os.unlink(mark)
        os.rmdir(attic)


def _unlink(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _prefix(target: str) -> str:
    folder, name = os.path.split(os.path.abspath(target))
    return os.path.join(folder, f".{name}.parapply-old-")
