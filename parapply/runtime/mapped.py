"""Objects that all workers see and none changes: their large parts are mapped from one file.

`store` pickles an object with its buffers (of numpy arrays, Arrow columns, DataFrames) in a file
of their own, and `load` has them stand in memory where the file is mapped: once for all workers,
however many there are. What is no buffer, a dict say, is loaded before workers are forked, which
then have the same memory until they write to it; elsewhere it is a copy in each process.
"""

from __future__ import annotations

import mmap
import os
import pickle
import sys
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import suppress
from typing import IO, Any

from parapply.runtime.context import current
from parapply.storage.flocks import path_of
from parapply.storage.private import create

_ALIGNED = 64  # bytes: as Arrow and numpy like it
_FORKED = {"numpy", "pandas", "pyarrow"}  # they may be imported before a fork
_THREADED = {"polars"}  # it has threads of its own, which do not survive a fork


def store(folder: str, name: str, thing: object) -> None:
    """Write an object for `load`; raises what pickling raises."""
    buffers: list[pickle.PickleBuffer] = []
    path = path_of(folder, "share", name)
    with create(f"{path}.packed") as file:
        pickle.Pickler(file, 5, buffer_callback=buffers.append).dump(thing)
    with create(f"{path}.buffers") as file:
        places = [_write(file, buffer.raw()) for buffer in buffers]
    with create(path) as file:
        pickle.dump(places, file)


def _write(file: IO[bytes], raw: memoryview) -> tuple[int, int]:
    """Write a buffer; return where it starts, and its size."""
    file.write(b"\0" * (-file.tell() % _ALIGNED))
    start = file.tell()
    file.write(raw)
    return start, raw.nbytes


def load(folder: str, name: str, unpickler: type[pickle.Unpickler] = pickle.Unpickler) -> Any:
    """Return a stored object. Its buffers cannot be written to. Raises KeyError without one."""
    path = path_of(folder, "share", name)
    try:
        with open(path, "rb") as file:
            places = pickle.load(file)
    except FileNotFoundError:
        said = f"nothing is shared as {name!r}: --share {name}=FILE"
        if others := current().place.shares:
            said += f"; there is {', '.join(others)}"
        raise KeyError(said) from None
    view = _mapped(f"{path}.buffers")
    with open(f"{path}.packed", "rb") as file:
        buffers = [view[start : start + size] for start, size in places]
        return unpickler(file, buffers=buffers).load()


def _mapped(path: str) -> memoryview:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


class _BeforeFork(pickle.Unpickler):
    """Unpickles what imports nothing that might start threads: they do not survive a fork."""

    def find_class(self, module: str, name: str) -> Any:
        root = module.partition(".")[0]
        known = root in sys.stdlib_module_names or root in _FORKED or module in sys.modules
        if root in _THREADED or not known:
            raise pickle.UnpicklingError(f"{module} is left to the workers")
        return super().find_class(module, name)


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

    def preload(self, folder: str, names: Iterable[str]) -> None:
        """Load what can be loaded before workers are forked, so that all of them have it."""
        with self._lock:
            self._enter(folder)
            for name in names:
                with suppress(Exception):  # then the worker that asks for it hears what is wrong
                    if name not in self._loaded:
                        self._loaded[name] = load(folder, name, _BeforeFork)

    def forget(self, folder: str) -> None:
        """Let go of what a run has shared, at its end."""
        with self._lock:
            if folder == self._folder:
                self._enter("")

    def _enter(self, folder: str) -> None:
        if folder != self._folder:
            self._folder, self._loaded = folder, {}

    def reset(self) -> None:
        """Forget everything, in a forked process: another thread may have held the lock."""
        self._lock = threading.Lock()


shared = Shared()
os.register_at_fork(after_in_child=shared.reset)
