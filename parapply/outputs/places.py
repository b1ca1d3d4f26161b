"""Where outputs go, and what is there already. In the parent."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from parapply.errors import OutputError, UsageError


def temporary_place(temp_dir: str | None) -> str:
    """Return the folder for temporary files: the one asked for, or the system's."""
    import tempfile  # costs milliseconds, and a file's own folder will do mostly

    try:
        place = os.path.realpath(temp_dir or tempfile.gettempdir())
    except OSError as error:
        raise OutputError(f"no folder for temporary files: {error.strerror}") from error
    if not os.path.isdir(place):
        raise UsageError(f"--temp-dir {temp_dir}: there is no such folder")
    return place


def resolved(path: str) -> Path:
    """Follow links to the file that they name; what is no file (a pipe's /dev/fd/9) stays."""
    real = Path(os.path.realpath(path))
    return real if real.exists() or not os.path.exists(path) else Path(path)


def check_folder(target: Path) -> None:
    """Refuse to replace a folder in which there is anything but part files."""
    try:
        names = sorted(os.listdir(target))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UsageError(f"{target} is a file, not a folder") from None
    other = next((name for name in names if not name.startswith("part-")), "")
    if other:
        raise UsageError(
            f"{target} is a folder with {other} in it: only a folder of part files is replaced"
        )


def is_regular(target: Path) -> bool:
    """Whether a file is there, or nothing yet; raises UsageError for a folder."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise UsageError(f"{target} is a folder; name a file in it")
    return stat.S_ISREG(mode)


def take_after(target: Path, new: str, usual: int) -> None:
    """Give what is new the old one's mode and owner, or those that it would have had."""
    try:
        old = target.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(new, usual & ~mask)
        return
    os.chmod(new, stat.S_IMODE(old.st_mode))
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.chown(new, old.st_uid, old.st_gid)
