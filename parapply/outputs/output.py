"""Where the result goes: a file that appears whole or not at all, or a stream. In the parent.

A regular file is written beside its target, synced, and renamed over it, so that readers, also of
a crashed run, find the old file or the new one. Devices and pipes are written to directly.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import BinaryIO

from parapply.errors import PUBLISHED, OutputError, UsageError
from parapply.naming import Naming
from parapply.outputs import publishing
from parapply.outputs.claims import Claim
from parapply.outputs.places import check_folder, is_regular, resolved, take_after, temporary_place
from parapply.outputs.staging import Staging, sweep

# Descriptor 1 itself is standard error by the time these would be opened: see console.py.
STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_folder(path: str) -> bool:
    """Whether an output of this name is a folder of part files."""
    return path not in STDOUT and (path.endswith("/") or os.path.isdir(path))


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
        self._stdout, self._temp_dir, self._clobber = stdout, temp_dir, clobber
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
        self._begun = self.published = False
        self._pushed = 0  # bytes

    def __enter__(self) -> Output:
        try:
            self._enter()
        except BaseException:
            self._leave()
            raise
        return self

    def _enter(self) -> None:
        if self.is_folder and self._target is not None:
            check_folder(self._target)
        if self._claim is not None and self._target is not None:
            self._claim.make()
            self.stage = self._make(str(self._target.parent), self._claim.prefix)
            self.parts = os.path.join(self.stage, "output")  # a folder's files, until published
            if self.is_folder:
                os.mkdir(self.parts)
        self.folder = self._make_folder()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if self.file is not None and not self.file.closed:
                with contextlib.suppress(OSError):  # it is thrown away, or the error has been said
                    self.file.close()
            self._leave()
        except BaseException as late:
            self._mark(late)
            raise
        self._mark(error)

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
            self.file = open(self.parts, "w+b")  # noqa: SIM115
        elif self._target is None:
            self.file = os.fdopen(os.dup(self._stdout), "wb")
        else:
            self.file = open(self._target, "wb")  # noqa: SIM115
        return self.file

    def _begin_anew(self, file: BinaryIO) -> None:
        with contextlib.suppress(OSError):  # what has not been written yet is not wanted
            file.close()
        os.unlink(self.parts)
        self.parts += "+"

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
        return str(self._target.parent) if self.restartable and self._target else None

    @property
    def folders(self) -> list[str]:
        """Our own, which are removed in the end."""
        return [staging.path for staging in self._stagings]

    def prepare(self) -> None:
        """Have everything on the disk, so that publishing is but a change of names."""
        if self.is_folder and self._target is not None:
            check_folder(self._target)
            take_after(self._target, self.parts, 0o777)
            publishing.sync_folder(self.parts)
            return
        assert self.file is not None
        with self.naming():
            self.file.flush()
            if self.restartable and self._target:
                os.fsync(self.file.fileno())
                take_after(self._target, self.parts, 0o666)
            self.file.close()

    def publish(self) -> None:
        """Make a prepared output visible, in place of the old one; may be called twice."""
        if not self.restartable or self._target is None or self.published:
            return
        again, self._begun = self._begun, True
        try:
            self._rename(str(self._target))
        except FileNotFoundError:
            if not again:  # else a signal came right after it was done
                raise
        self.published = True
        publishing.sync_folder(str(self._target.parent))

    def _rename(self, target: str) -> None:
        if not self._clobber:
            try:
                publishing.appear(self.parts, target)
            except FileExistsError as error:
                raise OutputError(
                    f"{self.name} is there now, though it was not when this run began"
                ) from error
        elif self.is_folder:
            publishing.replace_folder(self.parts, target, self.stage)
        else:
            os.replace(self.parts, target)

    def _make_folder(self) -> str:
        """Make the folder for parts."""
        if self._temp_dir is None and self._stagings:
            return self.stage
        place = temporary_place(self._temp_dir)
        sweep(place, "parapply-")
        return self._make(place, "parapply-")

    def _make(self, parent: str, prefix: str) -> str:
        self._stagings.append(Staging(parent, prefix))
        try:
            return self._stagings[-1].make()
        except OSError as error:
            raise OutputError(f"{self.name}: cannot write in {parent}: {error.strerror}") from error

    def _leave(self) -> None:
        for staging in self._stagings:
            staging.remove()
        if self._claim is not None:
            self._claim.drop()
