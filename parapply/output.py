"""Where the result goes: a file that appears whole or not at all, or a stream. In the parent.

A regular file is written beside its target, synced, and renamed over it, so that readers, also of
a crashed run, find the old file or the new one. Devices and pipes are written to directly.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from parapply.errors import OutputError, UsageError

# Descriptor 1 itself is standard error by the time these would be opened: see console.py.
STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


class Output:
    """The output of one run and its folder for parts; use it as a context.

    `restartable` says whether what was written can be written again from its start.
    """

    def __init__(self, path: str, stdout: int = 1) -> None:
        to_stdout = path in STDOUT
        self.name = "standard output" if to_stdout else path
        self._stdout = stdout
        self._target = None if to_stdout else _resolved(path)
        self.is_folder = not to_stdout and (path.endswith("/") or os.path.isdir(path))
        self.restartable = self._target is not None and (
            self.is_folder or _is_regular(self._target)
        )
        self.file: BinaryIO | None = None

    def __enter__(self) -> Output:
        if self.is_folder and self._target is not None:
            _check_folder(self._target)
        parent, name = self._place()
        # Named before it is made: a signal that comes meanwhile must not leave it behind.
        self.folder = os.path.join(parent, f"{name}{os.urandom(6).hex()}")
        self.parts = os.path.join(self.folder, "output")  # the files of a folder, until published
        try:
            os.mkdir(self.folder, 0o700)
            if self.is_folder:
                os.mkdir(self.parts)
        except OSError as error:
            raise OutputError(f"{self.name}: cannot write in {parent}: {error.strerror}") from error
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self.file is not None and not self.file.closed:
            with contextlib.suppress(OSError):  # it is thrown away, or the error has been said
                self.file.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self) -> BinaryIO:
        """Open (again, where `restartable`) an empty output."""
        if self.file is not None:
            self.file.seek(0)
            self.file.truncate()
            return self.file
        if self.restartable:
            self.file = open(os.path.join(self.folder, "output"), "w+b")  # noqa: SIM115
        elif self._target is None:
            self.file = os.fdopen(os.dup(self._stdout), "wb")
        else:
            self.file = open(self._target, "wb")  # noqa: SIM115
        return self.file

    @property
    def pipe(self) -> int | None:
        """The descriptor of the pipe that is written to, if it is one."""
        if self._target is not None:
            return None
        is_pipe = stat.S_ISFIFO(os.fstat(self._stdout).st_mode)
        return self._stdout if is_pipe else None

    def publish(self) -> None:
        """Make the output visible: after this it is there, synced, in place of the old one."""
        if self.is_folder and self._target is not None:
            self._publish_folder(self._target)
            return
        assert self.file is not None
        self.file.flush()
        if not (self.restartable and self._target):
            self.file.close()
            return
        os.fsync(self.file.fileno())
        _take_after(self._target, self.file.fileno())
        self.file.close()
        os.replace(os.path.join(self.folder, "output"), self._target)
        _sync_folder(self._target.parent)

    def _publish_folder(self, target: Path) -> None:
        if target.exists():
            os.replace(target, os.path.join(self.folder, "old"))
        os.replace(self.parts, target)
        _sync_folder(target.parent)

    def _place(self) -> tuple[str, str]:
        """Where to make our folder, beside the file or among temporary ones, and its name."""
        if not (self.restartable and self._target):
            import tempfile

            return tempfile.gettempdir(), "parapply-"
        parent = self._target.parent
        if not parent.is_dir():
            raise UsageError(f"{self.name}: there is no folder {parent}; make it with mkdir -p")
        return str(parent), f".{self._target.name}.parapply-"


def _resolved(path: str) -> Path:
    """Follow links to the file that they name; what is no file (a pipe's /dev/fd/9) stays."""
    real = Path(os.path.realpath(path))
    return real if real.exists() or not os.path.exists(path) else Path(path)


def _check_folder(target: Path) -> None:
    """Refuse to replace a folder in which there is anything but part files."""
    if not target.is_dir():
        if target.exists():
            raise UsageError(f"{target} is a file, not a folder")
        return
    other = next((p.name for p in sorted(target.iterdir()) if not p.name.startswith("part-")), "")
    if other:
        raise UsageError(
            f"{target} is a folder with {other} in it: only a folder of part files is replaced"
        )


def _is_regular(target: Path) -> bool:
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise UsageError(f"{target} is a folder; name a file in it")
    return stat.S_ISREG(mode)


def _take_after(target: Path, new: int) -> None:
    """Give the new file the old one's mode and owner, or those that a new file would have."""
    try:
        old = target.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(new, 0o666 & ~mask)
        return
    os.fchmod(new, stat.S_IMODE(old.st_mode))
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.fchown(new, old.st_uid, old.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
