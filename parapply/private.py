"""Files that this user alone can read, whatever the umask: what is not published yet.

Runs in workers and in the parent.
"""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO, cast

from parapply.naming import Naming


def create(path: str, mode: str = "wb") -> BinaryIO:
    """Open a file to write, which is empty then."""
    return cast(BinaryIO, open(path, mode, opener=_opener))


def create_named(path: str) -> BinaryIO:
    """Open a file to write; what goes wrong with it names it, wherever its content comes from."""
    return cast(BinaryIO, io.BufferedWriter(_Named(path, "wb", opener=_opener)))


def write(path: str, content: bytes) -> None:
    """Write a whole file."""
    with create_named(path) as file:
        file.write(content)


class _Named(io.FileIO):
    def write(self, content: Any) -> int:
        with Naming(os.fsdecode(self.name)):
            return super().write(content)


def touch(path: str) -> str:
    """Make the file, for who opens it by its name; return that."""
    os.close(_opener(path, os.O_WRONLY | os.O_CREAT))
    return path


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
