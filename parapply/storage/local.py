"""The local file system. In all processes; outputs in the parent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from parapply.storage.api import DEVICE, FILE, FOLDER, PIPE, AtomicTarget, FileState
from parapply.storage.private import Naming, create

_KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER, stat.S_IFCHR: DEVICE}


class LocalFileSystem:
    """A FileSystem, LocalFiles and Folders (api.py) whose URLs are paths."""

    def stat(self, url: str) -> FileState:
        return state_of(os.stat(url))

    def walk(self, url: str) -> Iterator[tuple[str, list[str], list[str]]]:
        return os.walk(url)

    def resolve(self, url: str) -> str:
        return os.path.realpath(url)

    def open(self, url: str) -> BinaryIO:
        return open(url, "rb")

    def read_range(self, url: str, start: int, stop: int) -> bytes:
        with open(url, "rb", 0) as file:
            return os.pread(file.fileno(), stop - start, start)

    def path(self, url: str) -> str:
        return url

    def target(self, url: str, *, lock: bool, clobber: bool) -> AtomicTarget:
        from parapply.storage.atomic import places

        if self.is_folder(url):
            from parapply.storage.atomic.folder_target import FolderTarget

            return FolderTarget(places.resolved(url), url, lock=lock, clobber=clobber)
        if places.is_regular(path := places.resolved(url)):
            from parapply.storage.atomic.file_target import FileTarget

            return FileTarget(path, url, lock=lock, clobber=clobber)
        return places.StreamTarget(url, lambda: places.opened(path, url))

    def is_folder(self, url: str) -> bool:
        if url.endswith("/") or os.path.isdir(url):
            return True
        if os.path.splitext(url)[1] or os.path.lexists(url):
            return False
        from parapply.storage.atomic.attics import attics_of

        return bool(attics_of(os.path.realpath(url)))

    @contextmanager
    def create(self, url: str) -> Iterator[BinaryIO]:
        with Naming(url), create(url) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


def state_of(found: os.stat_result) -> FileState:
    """Return the FileState of an os.stat or os.fstat result."""
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), PIPE)
    return FileState((found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns, kind)
