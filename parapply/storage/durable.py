"""Files of a checkpoint, synced and identified by a digest. In workers and in the parent.

They are this user's regular files with one name: links are never followed, and files with another
hard link, pipes and the like are refused.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from parapply.model.errors import UsageError
from parapply.model.outcome import KeptFile
from parapply.storage.atomic.publishing import FolderSync
from parapply.storage.descriptors import own
from parapply.storage.private import Naming
from parapply.storage.registry import file_system_of

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK_BYTES = 1 << 20


def known(paths: Iterable[str], said: bytes) -> tuple[KeptFile, ...]:
    """Return name, size and digest (of content and `said`) of existing files, made 0600 first."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError), _opened(path) as file:
            os.fchmod(file.fileno(), 0o600)
            size = os.fstat(file.fileno()).st_size
            found.append(KeptFile(os.path.basename(path), size, _digest(file, said)))
    return tuple(found)


def settle(folder: str, files: Iterable[KeptFile]) -> None:
    """Sync the files and their folder, so that they survive a power cut."""
    for one in files:
        with _opened(os.path.join(folder, one.name)) as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def intact(folder: str, files: Iterable[KeptFile], said: bytes) -> bool:
    """Whether all files are there with the size and digest (`said` included) they had."""
    for name, size, content in files:
        try:
            with _opened(os.path.join(folder, name)) as file:
                if os.fstat(file.fileno()).st_size != size or _digest(file, said) != content:
                    return False
        except OSError:
            return False
    return True


def is_own(found: os.stat_result) -> bool:
    """Whether it is this user's regular file with one hard link."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()


def read_own(path: str) -> bytes:
    """Return a file's content; raises UsageError for one that is no checkpoint's."""
    with _said(path), _opened(path) as file:
        return file.read()


def append_to(path: str) -> BinaryIO:
    """Open a file for appending, creating it if missing; raises as `read_own`."""
    with _said(path):
        return _own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, "ab")


class _NotOwnError(OSError):
    """A file that no checkpoint made."""


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with Naming(path), _own(path, os.O_RDONLY, "rb") as file:
        yield file


def _own(path: str, flags: int, mode: str) -> BinaryIO:
    descriptor = own(os.open(path, flags | _FLAGS, 0o600))
    if not is_own(os.fstat(descriptor)):
        os.close(descriptor)
        raise _NotOwnError(errno.EPERM, "it is no file of a checkpoint", path)
    return cast(BinaryIO, os.fdopen(descriptor, mode))


@contextmanager
def _said(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, _NotOwnError) or error.errno in (errno.ELOOP, errno.ENXIO):
            raise UsageError(
                f"{path} is no file of a checkpoint, but a link, another user's or none at all: "
                "remove it, or name another folder"
            ) from error
        raise


def digest(path: str) -> str:
    """Return the hash of a file's content."""
    with file_system_of(path).open(path) as file:
        return _digest(file)


def _digest(file: BinaryIO, said: bytes = b"") -> str:
    import hashlib  # 4 ms, which most jobs do without

    found = hashlib.blake2b(said, digest_size=16)
    while block := file.read(_BLOCK_BYTES):
        found.update(block)
    return found.hexdigest()


def sync_folder(folder: str) -> None:
    """Sync a folder's entries to disk."""
    with FolderSync(folder) as names:
        names.settle()


def write_whole(path: str, text: str) -> None:
    """Write a small file atomically and durably."""
    beside = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(beside)  # whatever it is, or leads to
    descriptor = own(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600))
    with Naming(path), os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync_folder(os.path.dirname(path))
