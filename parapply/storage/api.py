"""What a file system provides to read inputs and write outputs.

A file is named by its URL, whose scheme chooses the file system (registry.py); without a scheme it
is a local path. Scratch files (parts, checkpoints, what workers share) are always local.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, runtime_checkable

from parapply.model.records import record

FILE, FOLDER, PIPE, DEVICE = "file", "folder", "pipe", "device"  # kinds; the last two: read once


@record
class FileState:
    """A file's identity and version: where two are equal, so are the bytes."""

    identity: tuple[object, ...]  # the same under every name of the file
    size: int  # bytes
    version: object  # changes with each write: a time in ns, a tag
    kind: str = FILE


class FileSystem(Protocol):
    """Instantiated once per process, without arguments. Failures raise OSError."""

    def stat(self, url: str) -> FileState:
        """Look at a file or folder; raises FileNotFoundError where there is none."""

    def walk(self, url: str) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield (folder, names of folders, names of files) as os.walk does, pruning included."""

    def resolve(self, url: str) -> str:
        """Return an absolute name without links."""

    def open(self, url: str) -> BinaryIO:
        """Open a seekable file for reading."""

    def read_range(self, url: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`, fewer at the end of the file."""

    def target(self, url: str, *, lock: bool, clobber: bool) -> AtomicTarget:
        """Return an output, in the parent; `lock` keeps other runs out, not `clobber` old files."""


@runtime_checkable
class LocalFiles(Protocol):
    """A file system whose files libraries can open by path, and map into memory."""

    def path(self, url: str) -> str:
        """Return the path of a file on this host."""


@runtime_checkable
class Folders(Protocol):
    """A file system that can publish a folder of part files as a whole."""

    def is_folder(self, url: str) -> bool:
        """Whether an output of this name is a folder. In the parent."""

    def create(self, url: str) -> AbstractContextManager[BinaryIO]:
        """Write a file that is durable once the context has ended. In a worker."""


class AtomicTarget(Protocol):
    """A file, or folder of `Folders.create` files, published whole or not at all. In the parent."""

    restartable: bool  # `open` may be called again; if not, it is a stream, and not atomic
    writes_at: bool  # workers may write at offsets of `place`, a local file, too
    home: str | None  # the local folder in which it appears, if it does
    place: str  # the URL until it is published, which errors name

    def begin(self) -> str | None:
        """Claim it before input is read; return a local scratch folder beside it, if there is one.

        Raises ParapplyError where it must not be written.
        """

    def open(self) -> BinaryIO | None:
        """Open it empty, again (if `restartable`) in another `place`; None for a folder."""

    def prepare(self) -> list[str]:
        """Make all of it durable, so that `commit` only renames; return notes for the user."""

    def commit(self, *, undoable: bool) -> None:
        """Publish it; raises FileExistsError for what may not be replaced.

        `undoable`: the old output is kept until `abort`, if possible.
        """

    def withdraw(self) -> bool:
        """Restore what was there before `commit`; whether that was possible."""

    def abort(self) -> None:
        """Release all but what is published; called once, at the end of every run."""
