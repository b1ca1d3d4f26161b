"""Unpublished files, readable by this user alone, with errors that name them. In all processes."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO, cast

from parapply.storage.descriptors import own


class Naming:
    """A context that adds the file's name to OSErrors; read(2) and write(2) give none."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), self._path) from error


def create(path: str, mode: str = "wb") -> BinaryIO:
    """Open an empty file to write, or ("w+b") to read too; its errors name it."""
    buffered = io.BufferedRandom if "+" in mode else io.BufferedWriter
    return cast(BinaryIO, buffered(_Named(path, mode, opener=_opener)))


def reopen(path: str, mode: str = "rb") -> BinaryIO:
    """Open such a file again, to read it, or ("r+b") to write at reserved offsets."""
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
    """Create the file for a library that opens it by path; return the path."""
    with Naming(path):
        os.close(_opener(path, os.O_WRONLY | os.O_CREAT))
    return path


def _opener(path: str, flags: int) -> int:
    return own(os.open(path, flags | os.O_CLOEXEC, 0o600))
