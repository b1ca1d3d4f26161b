"""The folder of a checkpoint: this user's alone, and nothing else in it. In the parent.

What is read from there decides what the output is, so nobody else may write to it; what is removed
there is removed by its name, so nothing that others put there may lead elsewhere. Its parents are
the person's own affair, as they are for any output.
"""

from __future__ import annotations

import os
import stat

from parapply.model.errors import UsageError

_OURS = {"job.json", "job.json.new", "journal.jsonl", "parts", "lock"}


def make(base: str) -> None:
    """Make it where there is none; raises UsageError where there is something else."""
    said = f"--checkpoint {base}"
    if os.path.lexists(base) and not os.path.isdir(base):
        raise UsageError(f"{said} is a file, not a folder")
    os.makedirs(base, 0o700, exist_ok=True)
    other = next((name for name in sorted(os.listdir(base)) if name not in _OURS), None)
    if other is not None:
        raise UsageError(f"{said} is a folder with {other} in it: name a new or empty one")
    if os.path.islink(base) and os.lstat(base).st_uid not in (os.geteuid(), 0):
        raise UsageError(f"{said} is another user's link: name a folder of your own")
    _check(said, base, os.stat(base))
    parts = os.path.join(base, "parts")
    if not os.path.lexists(parts):
        os.mkdir(parts, 0o700)
    _check(said, parts, os.lstat(parts))


def remove(path: str) -> None:
    """Remove a file, or a link, if it is there; raises UsageError for a folder."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError) as error:  # the latter is POSIX's, and macOS's
        if os.path.isdir(path) and not os.path.islink(path):
            raise UsageError(
                f"--checkpoint: {path} is a folder, which no run has made: remove it, or name "
                "another folder"
            ) from error
        raise


def _check(said: str, path: str, found: os.stat_result) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{said}: {path} is no folder: remove it, or name another")
    if found.st_uid != os.geteuid():
        raise UsageError(f"{said}: {path} belongs to another user: name a folder of your own")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(
            f"{said}: others can write to {path}, and to what comes of it: chmod go-w {path} if "
            "you trust what is there, or name another"
        )
