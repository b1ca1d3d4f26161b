"""The places of outputs, and what is there already. In the parent."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from parapply.model.errors import OutputError, UsageError
from parapply.storage.atomic.access import Access, access_of, give, shared_by, usual
from parapply.storage.atomic.publishing import FolderSync
from parapply.storage.private import Naming


def temporary_place(temp_dir: str | None) -> str:
    """Return the folder for temporary files: `temp_dir`, or the system's."""
    import tempfile  # costs milliseconds, and is seldom needed

    try:
        place = os.path.realpath(temp_dir or tempfile.gettempdir())
    except OSError as error:
        raise OutputError(f"no folder for temporary files: {error.strerror}") from error
    if not os.path.isdir(place):
        raise UsageError(f"--temp-dir {temp_dir}: there is no such folder")
    return place


def resolved(path: str) -> str:
    """Follow links to a file; what is no file (a pipe's /dev/fd/9) stays as it is."""
    real = os.path.realpath(path)
    return real if os.path.exists(real) or not os.path.exists(path) else path


READER_S = 60.0  # to wait for a named pipe's reader
_LOOK_S = 0.05


def opened(path: str, name: str, wait_s: float = READER_S) -> BinaryIO:
    """Open a device, or a named pipe once it has a reader.

    Raises OSError, and OutputError where a pipe has no reader for `wait_s` seconds.
    """
    if not stat.S_ISFIFO(os.stat(path).st_mode):
        return open(path, "wb")
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:  # no reader yet
                raise
            time.sleep(_LOOK_S)
        else:
            os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "wb")
    raise OutputError(
        f"{name}: nobody has opened this named pipe for reading for {wait_s:g} s; start what reads "
        f"it first, or wait as long as it takes: parapply ... | cat > {name}"
    )


class StreamTarget:
    """An AtomicTarget that is not atomic: a stream, whose readers see what is written at once."""

    restartable = writes_at = False
    home: str | None = None

    def __init__(self, name: str, open_: Callable[[], BinaryIO]) -> None:
        self.place, self._open = name, open_

    def begin(self) -> None:
        """Nothing to claim, and no folder."""

    def open(self) -> BinaryIO:
        self._file = self._open()
        return self._file

    def prepare(self) -> list[str]:
        with Naming(self.place):
            self._file.flush()
            self._file.close()
        return []

    def commit(self, *, undoable: bool) -> None:
        """All is visible already."""

    def withdraw(self) -> bool:
        return False

    def abort(self) -> None:
        """What was written stays."""


def check_folder(target: str) -> None:
    """Raise UsageError for a folder with other than part files, or in a table of lakes.py."""
    from parapply.storage.lakes import check_output  # not needed for files

    check_output(target)
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


def check_replaceable(target: str, name: str) -> None:
    """Raise OutputError for another user's file in a folder with the sticky bit."""
    try:
        folder = os.path.dirname(target) or os.curdir
        old, around = os.lstat(target), os.stat(folder)
    except FileNotFoundError:
        return
    if around.st_mode & stat.S_ISVTX and os.geteuid() not in (0, old.st_uid, around.st_uid):
        raise OutputError(
            f"{name} is another user's, who alone may replace it: {folder} has the sticky bit; "
            "name another output"
        )


def is_regular(target: str) -> bool:
    """Whether `target` is a regular file or missing; raises UsageError for a folder."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise UsageError(f"{target} is a folder; name a file in it")
    return stat.S_ISREG(mode)


def take_after(new: str, target: str, stage: str) -> list[str]:
    """Give `new` the access of `target`, or of a new file; return what could not be kept."""
    old = None
    with suppress(FileNotFoundError):
        old = access_of(target)
    return give(new, old or usual(stage, folder=False))


def settle_folder(new: str, target: str, stage: str) -> list[str]:
    """Give a folder and its files the old ones' access, and sync it; return what was lost."""
    with FolderSync(new) as names:
        own, of_files = _access_in(target)
        lost = give(new, own or usual(stage, folder=True))
        access = of_files or usual(new, folder=False)
        for path in _files(new):
            lost += give(path, access)
        names.settle()
    return lost


def _access_in(target: str) -> tuple[Access | None, Access | None]:
    """Return the access of a folder and that of its files, None for what does not exist."""
    while os.path.isdir(target):
        with suppress(FileNotFoundError):  # another run has just replaced it
            return access_of(target), shared_by(map(access_of, _files(target)))
    return None, None


def _files(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]


def unkept(name: str, lost: list[str]) -> list[str]:
    """Return a note, at most one, on access that was lost."""
    if not lost:
        return []
    words = ", ".join(dict.fromkeys(lost))
    return [f"{name}: of the old one {words} cannot be kept; nobody may read more than before"]
