"""Messages to the parent: each thread appends to files of its own, which the parent reads.

So there is no lock, no pipe that could be full, and a message that was torn because its worker
died harms no other. A thread begins another file now and then: the one before is complete then,
and the parent removes it when it has read it.
"""

from __future__ import annotations

import glob
import itertools
import os
import pickle
import struct
import threading
from collections.abc import Iterator
from typing import Any

from parapply.storage.descriptors import own
from parapply.storage.flocks import blaming_place

_MOST_BYTES = 4 << 20  # a file
_LENGTH = struct.Struct("<Q")
_numbers = itertools.count()


class _Own(threading.local):
    """This thread's file."""

    folder = ""
    file: int | None = None
    size_bytes = number = sequel = 0


_own = _Own()


def put(folder: str, name: str, value: object) -> None:
    """Send an object; raises TypeError where it cannot be pickled."""
    try:
        packed = pickle.dumps((name, value), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise TypeError(f"worker.put({name!r}, ...): it cannot be sent: {error}") from error
    frame = memoryview(_LENGTH.pack(len(packed)) + packed)
    with blaming_place(os.path.join(folder, "put")):
        if _own.file is None or _own.folder != folder or _own.size_bytes > _MOST_BYTES:
            _begin(folder)
        assert _own.file is not None
        _own.size_bytes += len(frame)
        while frame:
            frame = frame[os.write(_own.file, frame) :]


def _begin(folder: str) -> None:
    if _own.file is not None:
        os.close(_own.file)
    if _own.folder != folder:
        _own.folder, _own.number, _own.sequel = folder, next(_numbers), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    path = _path(os.path.join(folder, f"put-{os.getpid()}-{_own.number}"), _own.sequel)
    _own.file, _own.size_bytes = own(os.open(path, flags, 0o600)), 0
    _own.sequel += 1


def _path(writer: str, sequel: int) -> str:
    return f"{writer}.{sequel:08d}"


class Mailbox:
    """Reads what workers put, each worker's messages in their order; in the parent."""

    def __init__(self, folder: str) -> None:
        self._pattern = os.path.join(glob.escape(folder), "put-*")
        self._taken: dict[str, int] = {}  # bytes of each file

    def take(self) -> Iterator[tuple[str, Any]]:
        """Yield names and objects that have come since the last time.

        Raises what unpickling raises, having taken the message that does.
        """
        for path in sorted(glob.glob(self._pattern)):
            writer, _, sequel = path.rpartition(".")
            whole = os.path.exists(_path(writer, int(sequel) + 1))  # looked at before it is read
            yield from self._take(path)
            if whole:
                os.unlink(path)
                del self._taken[path]

    def _take(self, path: str) -> Iterator[tuple[str, Any]]:
        with open(path, "rb") as file:
            taken = file.seek(self._taken.setdefault(path, 0))
            while len(head := file.read(_LENGTH.size)) == _LENGTH.size:
                packed = file.read(size := _LENGTH.unpack(head)[0])
                if len(packed) < size:
                    return  # still being written, or torn
                taken += _LENGTH.size + size
                self._taken[path] = taken
                yield pickle.loads(packed)


def _forget() -> None:
    _own.file, _own.folder = None, ""  # a forked process has files of its own


os.register_at_fork(after_in_child=_forget)
