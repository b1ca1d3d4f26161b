"""What a file system has, so that inputs are read from it and outputs are written to it.

A file is called by its URL: a text whose scheme says which file system it is on (registry.py); one
without a scheme is a path of this host. What only some of them can do has a Protocol of its own.
Scratch files of a run (parts, a checkpoint, what workers share) are always on this host.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, runtime_checkable

from parapply.model.records import record

FILE, FOLDER, PIPE, DEVICE = "file", "folder", "pipe", "device"  # kinds; the last two: read once


@record
class FileState:
    """What tells a file, and what is in it, from others: two that are equal are the same bytes."""

    identity: tuple[object, ...]  # of the file, by whatever name it is found
    size: int  # bytes
    version: object  # another one when it was written to: a time in ns, a tag
    kind: str = FILE


class FileSystem(Protocol):
    """Made once in each process, by its class alone. What fails raises OSError."""

    def stat(self, url: str) -> FileState:
        """Look at a file or folder; raises FileNotFoundError where there is none."""

    def walk(self, url: str) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield each folder from this one on, with the names of its folders and its files.

        As os.walk does: folders taken out of that list are not gone into.
        """

    def resolve(self, url: str) -> str:
        """Return a name that means this file, whatever becomes of links and the working folder."""

    def open(self, url: str) -> BinaryIO:
        """Open a file to be read, from any place in it."""

    def read_range(self, url: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`, or those of them that there are."""

    def target(self, url: str, *, lock: bool, clobber: bool) -> AtomicTarget:
        """Return an output. In the parent.

        `lock`: no other run is to write there; not `clobber`: nothing there may be replaced.
        """


@runtime_checkable
class LocalFiles(Protocol):
    """Of a file system whose files libraries can open themselves, and map into memory."""

    def path(self, url: str) -> str:
        """Return the path of a file on this host."""


@runtime_checkable
class Folders(Protocol):
    """Of a file system on which a folder of part files can take its place as a whole."""

    def is_folder(self, url: str) -> bool:
        """Whether an output of this name is one. In the parent."""

    def create(self, url: str) -> AbstractContextManager[BinaryIO]:
        """Write a file that is stored safely once the context has ended. In a worker."""


class AtomicTarget(Protocol):
    """An output that takes its place whole or not at all, instead of what is there. In the parent.

    A file, or a folder, whose files are made by `Folders.create`.
    """

    restartable: bool  # it can be begun anew; one that cannot is no file, and not atomic
    writes_at: bool  # workers too may write into `place`, a file of this host, where they are told
    home: str | None  # the folder of this host in which it appears, if it does
    place: str  # where it is until it is published: a URL, and what errors call it

    def begin(self) -> str | None:
        """Claim it, before anything is read; return a scratch folder of this host beside it.

        None where there is no such folder. Raises ParapplyError where it must not be written.
        """

    def open(self) -> BinaryIO | None:
        """Open it empty; again, where it is `restartable`, in another `place`. None of a folder."""

    def prepare(self) -> list[str]:
        """Have all of it stored, so that `commit` is but a change of names; return notes on it."""

    def commit(self, *, undoable: bool) -> None:
        """Make it visible; raises FileExistsError for what may not be replaced.

        `undoable`: what was there is kept until `abort`, if that can be done.
        """

    def withdraw(self) -> bool:
        """Put back what was there before `commit`; whether that could be done."""

    def abort(self) -> None:
        """Let go of all but what is published; called once, at the end of every run."""
