"""Files that this user alone can read, whatever the umask: what is not published yet.

And errors that say of which file they are. In workers and in the parent.
"""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO, cast

from parapply.storage.descriptors import own


class Naming:
    """While open, errors name the file, which those of read(2) and write(2) do not."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), self._path) from error


def create(path: str, mode: str = "wb") -> BinaryIO:
    """Open a file to write, or ("w+b") to read too, which is empty then.

    What goes wrong with it names it, wherever its content comes from.
    """
    buffered = io.BufferedRandom if "+" in mode else io.BufferedWriter
    return cast(BinaryIO, buffered(_Named(path, mode, opener=_opener)))


def reopen(path: str, mode: str = "rb") -> BinaryIO:
    """Open such a file again, to read it, or ("r+b") to write where somebody left a place."""
    return cast(BinaryIO, open(path, mode))


def write(path: str, content: bytes) -> None:
    """Write a whole file."""
    with create(path) as file:
        file.write(content)


class _Named(io.FileIO):
    def write(self, content: Any) -> int:
        with Naming(os.fsdecode(self.name)):
            return super().write(content)

    def close(self) -> None:
        with Naming(os.fsdecode(self.name)):
            super().close()


def touch(path: str) -> str:
    """Make the file, for who opens it by its name; return that."""
    with Naming(path):
        os.close(_opener(path, os.O_WRONLY | os.O_CREAT))
    return path


def _opener(path: str, flags: int) -> int:
    return own(os.open(path, flags | os.O_CLOEXEC, 0o600))
