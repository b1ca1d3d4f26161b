"""Objects that all workers see and none changes: their large parts are mapped from one file.

`store` pickles an object with its buffers (of numpy arrays, Arrow columns, DataFrames) in a file
of their own, and `load` has them stand in memory where the file is mapped: once for all workers,
however many there are. What is no buffer, a dict say, is a copy in each process.
"""

from __future__ import annotations

import mmap
import os
import pickle
import threading
from collections.abc import Iterator, MutableMapping
from typing import Any

from parapply.lifetime.context import current
from parapply.sharing.flocks import path_of

_ALIGNED = 64  # bytes: as Arrow and numpy like it


def store(folder: str, name: str, thing: object) -> None:
    """Write an object for `load`; raises what pickling raises."""
    buffers: list[pickle.PickleBuffer] = []
    packed = pickle.dumps(thing, 5, buffer_callback=buffers.append)
    places = []
    path = path_of(folder, "share", name)
    with open(f"{path}.buffers", "wb") as file:
        for buffer in buffers:
            raw = buffer.raw()
            file.write(b"\0" * (-file.tell() % _ALIGNED))
            places.append((file.tell(), raw.nbytes))
            file.write(raw)
    with open(path, "wb") as file:
        pickle.dump((packed, places), file)


def load(folder: str, name: str) -> Any:
    """Return a stored object. Its buffers cannot be written to. Raises KeyError without one."""
    path = path_of(folder, "share", name)
    try:
        with open(path, "rb") as file:
            packed, places = pickle.load(file)
    except FileNotFoundError:
        raise KeyError(f"nothing is shared as {name!r}: --share {name}=FILE") from None
    with open(f"{path}.buffers", "rb") as file:
        view = memoryview(b"")
        if os.fstat(file.fileno()).st_size:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(packed, buffers=[view[start : start + size] for start, size in places])


class Shared(MutableMapping[str, Any]):
    """`worker.shared`: what was given with --share, by name; loaded when it is first asked for.

    All threads of a process have the same object. In a run nothing can be added; in a test of a
    function, outside one, the test sets what the function is to find.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder = ""
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        folder = current().place.folder
        if folder == self._folder and name in self._loaded:
            return self._loaded[name]
        with self._lock:
            self._enter(folder)
            if name not in self._loaded:
                self._loaded[name] = load(folder, name)
            return self._loaded[name]

    def __setitem__(self, name: str, value: Any) -> None:
        place = current().place
        if place.is_run:
            raise TypeError("worker.shared cannot be written to: no other worker would see it")
        with self._lock:
            self._enter(place.folder)
            self._loaded[name] = value

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        place = current().place
        return iter(place.shares if place.is_run else tuple(self._loaded))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _enter(self, folder: str) -> None:
        if folder != self._folder:
            self._folder, self._loaded = folder, {}

    def reset(self) -> None:
        """Forget everything, in a forked process: another thread may have held the lock."""
        self._lock = threading.Lock()


shared = Shared()
os.register_at_fork(after_in_child=shared.reset)
