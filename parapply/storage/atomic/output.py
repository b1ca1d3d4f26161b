"""Where the result goes: a file that appears whole or not at all, or a stream. In the parent.

A regular file is written beside its target, synced, and renamed over it, so that readers, also of
a crashed run, find the old file or the new one. Devices and pipes are written to directly.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import BinaryIO

from parapply.model.errors import PUBLISHED, OutputError, UsageError
from parapply.storage.atomic import places, publishing
from parapply.storage.atomic.attics import attics_of, discard, stale
from parapply.storage.atomic.output_lock import Claim
from parapply.storage.atomic.places import (
    check_folder,
    is_regular,
    opened,
    resolved,
    temporary_place,
)
from parapply.storage.atomic.renaming import Swap, appear, replace_folder
from parapply.storage.atomic.staging import Staging, sweep
from parapply.storage.naming import Naming
from parapply.storage.private import create
from parapply.storage.system_limits import reason

# Descriptor 1 itself is standard error by the time these would be opened: see console.py.
STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_folder(path: str) -> bool:
    """Whether an output of this name is a folder of part files."""
    if path in STDOUT or path.endswith("/") or os.path.isdir(path):
        return path not in STDOUT
    if os.path.splitext(path)[1] or os.path.lexists(path):
        return False
    return bool(attics_of(os.path.realpath(path)))  # one that is moved back before long


class Output:
    """The output of one run and its folder for parts; use it as a context.

    `restartable` says whether what was written can be written again from its start. `folder` is
    where parts go: in `temp_dir`, else beside the output. `lock`: no other run is to write there;
    not `clobber`: nothing that is there may be replaced.
    """

    def __init__(
        self,
        path: str,
        stdout: int = 1,
        *,
        temp_dir: str | None = None,
        lock: bool = False,
        clobber: bool = True,
    ) -> None:
        to_stdout = path in STDOUT
        self.name = "standard output" if to_stdout else path
        self.temp_dir, self._stdout, self._clobber = temp_dir, stdout, clobber
        self._target = None if to_stdout else resolved(path)
        self.is_folder = is_folder(path)
        self.restartable = self._target is not None and (self.is_folder or is_regular(self._target))
        self.file: BinaryIO | None = None
        self._claim: Claim | None = None
        if self.restartable and self._target is not None:
            self._claim = Claim(self._target, self.name, lock=lock, clobber=clobber)
        elif lock:
            raise UsageError(f"--lock is for files, and {self.name} is none: name one with -o")
        self._stagings: list[Staging] = []
        self.published = False
        self._swap: Swap | None = None
        self.notes: list[str] = []  # on what is not as it should be, though the output is in place
        self._pushed = 0  # bytes

    def __enter__(self) -> Output:
        try:
            self._enter()
        except BaseException as error:
            self._leave()
            if isinstance(error, OSError):
                where = "" if self.home is None else f" cannot write in {self.home}:"
                raise OutputError(f"{self.name}:{where} {reason(error)}") from error
            raise
        return self

    def _enter(self) -> None:
        if self.is_folder and self._target is not None:
            check_folder(self._target)
        if self._claim is not None and self._target is not None:
            self._claim.make()
            places.check_replaceable(self._target, self.name)
            folder = places.folder_of(self._target)
            cannot = f"{self.name}: cannot write in {folder}"
            self.stage = self._make(folder, self._claim.prefix, cannot)
            self.parts = os.path.join(self.stage, "output")  # a folder's files, until published
            if self.is_folder:
                os.mkdir(self.parts, 0o700)
                discard(stale(self._target), self.stage)
        self.folder = self._make_folder()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Once the output is in place nothing fails any more: what goes wrong is a note."""
        try:
            if self.file is not None and not self.file.closed:
                with contextlib.suppress(OSError):  # it is thrown away, or the error has been said
                    self.file.close()
            self._leave()
        except BaseException as late:
            self._mark(late)
            raise
        self._mark(error)
        if not (self.published and isinstance(error, Exception)):
            return False
        self.notes.append(f"{self.name} is in place; what came after that failed: {error}")
        return True

    def _mark(self, error: BaseException | None) -> None:
        if self.published and error is not None:
            error.add_note(PUBLISHED)

    def open(self) -> BinaryIO:
        """Open an empty output; again, where `restartable`, under another name.

        So that what a worker may still write to the one before does not get into it.
        """
        self._pushed = 0
        if self.file is not None:
            self._begin_anew(self.file)
        if self.restartable:
            self.file = create(self.parts, "w+b")
        elif self._target is None:
            self.file = os.fdopen(os.dup(self._stdout), "wb")
        else:
            self.file = opened(self._target, self.name)
        return self.file

    def _begin_anew(self, file: BinaryIO) -> None:
        with contextlib.suppress(OSError):  # what has not been written yet is not wanted
            file.close()
        os.unlink(self.parts)
        self.parts += "+"

    def renew(self) -> None:
        """Have an empty folder for part files, under another name, as `open` has a file."""
        before, self.parts = self.parts, f"{self.parts}+"
        os.mkdir(self.parts, 0o700)
        shutil.rmtree(before, ignore_errors=True)  # or later, with all else

    def push(self) -> None:
        """Have the kernel begin to write what has come: syncing is quick then, at the end."""
        if self.restartable and self.file is not None:
            self._pushed = publishing.push(self.file.fileno(), self._pushed)

    def naming(self) -> Naming:
        """Return a context for what writes to the file: its errors name it then."""
        return Naming(self.parts if self.restartable else self.name)

    @property
    def pipe(self) -> int | None:
        """The descriptor of the pipe that is written to, if it is one."""
        if self._target is not None:
            return None
        is_pipe = stat.S_ISFIFO(os.fstat(self._stdout).st_mode)
        return self._stdout if is_pipe else None

    @property
    def home(self) -> str | None:
        """The folder in which the output appears, if it does."""
        return places.folder_of(self._target) if self.restartable and self._target else None

    @property
    def folders(self) -> list[str]:
        """Our own, which are removed in the end."""
        return [staging.path for staging in self._stagings]

    def prepare(self) -> None:
        """Have everything on the disk, so that publishing is but a change of names."""
        if self.is_folder and self._target is not None:
            check_folder(self._target)
            lost = places.settle_folder(self.parts, self._target, self.stage)
            self.notes += places.unkept(self.name, lost)
            return
        assert self.file is not None
        with self.naming():
            self.file.flush()
            if self.restartable and self._target:
                lost = places.take_after(self.parts, self._target, self.stage)
                self.notes += places.unkept(self.name, lost)
                os.fsync(self.file.fileno())
            self.file.close()

    def publish(self, *, undoable: bool = False) -> None:
        """Make a prepared output visible, in place of the old one.

        `undoable`, of a file: the old one is kept until the run ends.
        """
        if self.restartable and self._target is not None:
            self._take_name(self._target, undoable)
        self.published = True

    def withdraw(self) -> bool:
        """Put back what was there before; whether that could be done."""
        if self.restartable and self.published:
            self.published = self._swap is None or not self._swap.undo()
        return not (self.restartable and self.published)

    def _take_name(self, target: str, undoable: bool) -> None:
        try:
            if undoable:
                self._swap = Swap(self.parts, target, os.path.join(self.stage, "old"))
                self._swap.do(clobber=self._clobber)
            elif not self._clobber:
                appear(self.parts, target)
            elif self.is_folder:
                discard(replace_folder(self.parts, target, self.name), self.stage)
            else:
                os.replace(self.parts, target)
        except FileExistsError as error:
            raise OutputError(
                f"{self.name} is there now, though it was not when this run began"
            ) from error

    def _make_folder(self) -> str:
        """Make the folder for parts."""
        if self.temp_dir is None and self._stagings:
            return self.stage
        place = temporary_place(self.temp_dir)
        sweep(place, "parapply-")
        if self.temp_dir is not None:
            return self._make(place, "parapply-", f"--temp-dir {self.temp_dir}")
        what = f"temporary files: cannot write in {place}"
        return self._make(place, "parapply-", f"{what} (--temp-dir DIR names another)")

    def _make(self, parent: str, prefix: str, what: str) -> str:
        self._stagings.append(Staging(parent, prefix))
        try:
            return self._stagings[-1].make()
        except OSError as error:
            raise OutputError(f"{what}: {reason(error)}") from error

    def _leave(self) -> None:
        for staging in self._stagings:
            staging.remove()
        if self._claim is not None:
            self._claim.drop()
