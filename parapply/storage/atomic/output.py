"""The output of a run and the scratch folder for its parts. In the parent.

How it is published is up to its AtomicTarget (storage/api.py).
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import BinaryIO

from parapply.model.errors import PUBLISHED, OutputError, UsageError
from parapply.storage.api import AtomicTarget, Folders
from parapply.storage.atomic import publishing
from parapply.storage.atomic.places import StreamTarget, temporary_place
from parapply.storage.atomic.staging import Staging, sweep
from parapply.storage.private import Naming
from parapply.storage.registry import file_system_of
from parapply.storage.system_limits import reason

# Descriptor 1 is standard error by the time these would be opened: see console.py.
STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_folder(url: str) -> bool:
    """Whether a URL names a folder of part files."""
    system = file_system_of(url)
    return url not in STDOUT and isinstance(system, Folders) and system.is_folder(url)


class Output:
    """A context of one run's output; `folder` is for parts, in `temp_dir` or beside the output.

    `restartable`, `lock`, `clobber`: see storage/api.py.
    """

    def __init__(
        self,
        url: str,
        stdout: int = 1,
        *,
        temp_dir: str | None = None,
        lock: bool = False,
        clobber: bool = True,
    ) -> None:
        self.name = "standard output" if url in STDOUT else url
        self.temp_dir = temp_dir
        self._stdout = stdout if url in STDOUT else None
        self.is_folder = is_folder(url)
        self._target = self._choose(url, lock=lock, clobber=clobber)
        self.restartable, self.home = self._target.restartable, self._target.home
        self.writes_at = self._target.writes_at
        if lock and not self.restartable:
            raise UsageError(f"--lock is for files, and {self.name} is none: name one with -o")
        self.file: BinaryIO | None = None
        self.folders: list[str] = []  # ours, removed at the end
        self._staging: Staging | None = None
        self.published = False
        self.notes: list[str] = []  # warnings about a published output
        self._pushed = 0  # bytes

    def _choose(self, url: str, *, lock: bool, clobber: bool) -> AtomicTarget:
        if self._stdout is not None:
            number = self._stdout
            return StreamTarget(self.name, lambda: os.fdopen(os.dup(number), "wb"))
        if url.endswith("/") and not self.is_folder:
            raise UsageError(f"{url}: no folder of part files can be written there: name a file")
        return file_system_of(url).target(url, lock=lock, clobber=clobber)

    def __enter__(self) -> Output:
        try:
            beside = self._target.begin()
            self.folders += [] if beside is None else [beside]
            self.folder = (
                self._make_folder() if beside is None or self.temp_dir is not None else beside
            )
        except BaseException as error:
            self._leave()
            if isinstance(error, OSError):
                where = "" if self.home is None else f" cannot write in {self.home}:"
                raise OutputError(f"{self.name}:{where} {reason(error)}") from error
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Once the output is published, errors are only notes."""
        try:
            if self.file is not None and not self.file.closed:
                with contextlib.suppress(OSError):  # discarded, or the error was reported
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

    @property
    def parts(self) -> str:
        """The unpublished output: a file, or a folder for part files."""
        return self._target.place

    def open(self) -> BinaryIO | None:
        """Open an empty output; again under a new name, as workers may still write to the old."""
        self._pushed, self.file = 0, self._target.open()
        return self.file

    def push(self) -> None:
        """Start write-back of what has come, so that the final sync is quick."""
        if self.writes_at and self.file is not None:
            self._pushed = publishing.push(self.file.fileno(), self._pushed)

    def naming(self) -> Naming:
        """Return a context that names the file in errors."""
        return Naming(self.parts)

    @property
    def pipe(self) -> int | None:
        """The descriptor of standard output, if it is a pipe."""
        number = self._stdout
        is_pipe = number is not None and stat.S_ISFIFO(os.fstat(number).st_mode)
        return number if is_pipe else None

    def prepare(self) -> None:
        """Sync everything to disk, so that publishing only renames."""
        self.notes += self._target.prepare()

    def publish(self, *, undoable: bool = False) -> None:
        """Publish a prepared output; `undoable` keeps an old file until the run ends."""
        try:
            self._target.commit(undoable=undoable)
        except FileExistsError as error:
            raise OutputError(
                f"{self.name} is there now, though it was not when this run began"
            ) from error
        self.published = True

    def withdraw(self) -> bool:
        """Restore what was there before; whether that was possible."""
        if self.restartable and self.published:
            self.published = not self._target.withdraw()
        return not (self.restartable and self.published)

    def _make_folder(self) -> str:
        place = temporary_place(self.temp_dir)
        sweep(place, "parapply-")
        what = f"--temp-dir {self.temp_dir}"
        if self.temp_dir is None:
            what = f"temporary files: cannot write in {place} (--temp-dir DIR names another)"
        self._staging = Staging(place, "parapply-")
        self.folders.append(folder := self._staging.made(what))
        return folder

    def _leave(self) -> None:
        if self._staging is not None:
            self._staging.remove()
        self._target.abort()
