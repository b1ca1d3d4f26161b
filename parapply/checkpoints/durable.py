"""Files that are safely on disk, and known by what they hold. Runs in workers and in the parent."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from parapply.naming import Naming

_BLOCK_BYTES = 1 << 20


class Kept(NamedTuple):
    """A file that is to be kept, as it was written."""

    name: str  # in its folder
    size: int
    digest: str


def known(paths: Iterable[str]) -> tuple[Kept, ...]:
    """Return those of the files that are there, by what they hold."""
    return tuple(
        Kept(os.path.basename(path), os.path.getsize(path), digest(path))
        for path in paths
        if os.path.exists(path)
    )


def settle(folder: str, files: Iterable[Kept]) -> None:
    """Return once a power cut could not take the files away."""
    for file in files:
        descriptor = os.open(os.path.join(folder, file.name), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)


def intact(folder: str, files: Iterable[Kept]) -> bool:
    """Whether all files are there and hold what they held."""
    for name, size, content in files:
        path = os.path.join(folder, name)
        try:
            if os.path.getsize(path) != size or digest(path) != content:
                return False
        except OSError:
            return False
    return True


def digest(path: str) -> str:
    """Return what tells a file's bytes from any others."""
    import hashlib  # 4 ms, which most jobs do without

    found = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()


def sync_folder(folder: str) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: str, text: str) -> None:
    """Write a small file so that it is there whole or not at all."""
    beside = f"{path}.new"
    with Naming(path), open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync_folder(os.path.dirname(path))
