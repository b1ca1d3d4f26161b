"""Counters and gauges: cells in a file of each thread, mapped into memory and added up at the end.

No lock is taken and nothing is sent: what a worker counted is there also when it was killed. Each
file has a name a line in a file beside it, written before the first count.
"""

from __future__ import annotations

import glob
import itertools
import json
import mmap
import os
import threading
import time
from dataclasses import dataclass, field

from parapply.storage.descriptors import own
from parapply.storage.flocks import blaming_place
from parapply.storage.private import Naming

_CELL = 16  # bytes: a count (int64) and nothing; or a gauge (double) and when it was set
_PAGE = 4096
_number = itertools.count()


@dataclass(slots=True)
class Counted:
    """What all workers of a run counted."""

    counts: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)


class Cells:
    """The cells of one thread."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.places: dict[str, int] = {}  # of counts in `values`
        self._gauges: dict[str, int] = {}
        self._base = os.path.join(folder, f"count-{os.getpid()}-{next(_number)}")
        flags = os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = own(os.open(self._base, os.O_RDWR | flags, 0o600))
        self._names = own(os.open(f"{self._base}.names", os.O_WRONLY | os.O_APPEND | flags, 0o600))
        self._map(_PAGE)

    def add(self, name: str) -> None:
        """Make a cell for a count."""
        self.places[name] = self._make("count", name)

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        if name not in self._gauges:
            self._gauges[name] = self._make("gauge", name)
        place = self._gauges[name]
        self._doubles[place] = value
        self._doubles[place + 1] = time.time()

    def close(self) -> None:
        """Let go of the files; what was counted stays in them."""
        os.close(self._file)
        os.close(self._names)

    def _make(self, kind: str, name: str) -> int:
        if not isinstance(name, str):
            raise TypeError(f"worker.{kind}({name!r}): a name is text")
        number = len(self.places) + len(self._gauges)
        with blaming_place(self._base):
            if (number + 1) * _CELL > self._size:
                self._map(self._size * 2)
            os.write(self._names, json.dumps([kind, name]).encode() + b"\n")
        return number * _CELL // 8

    def _map(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self._size, view = size, memoryview(mmap.mmap(self._file, size))
        self.values, self._doubles = view.cast("q"), view.cast("d")


class _Own(threading.local):
    cells: Cells | None = None


_own = _Own()


def count(folder: str, name: str, n: int) -> None:
    """Add to a count; about 0.3 us."""
    cells = _own.cells
    if cells is None or cells.folder != folder:
        cells = _open(folder)
    if name not in cells.places:
        cells.add(name)
    try:
        cells.values[cells.places[name]] += n
    except (TypeError, ValueError):
        raise ValueError(f"worker.count({name!r}, {n!r}): give a whole number") from None


def gauge(folder: str, name: str, value: float) -> None:
    """Set a gauge: of all workers' values the last one counts."""
    cells = _own.cells
    if cells is None or cells.folder != folder:
        cells = _open(folder)
    cells.set(name, value)


def _open(folder: str) -> Cells:
    if _own.cells is not None:
        _own.cells.close()
    with blaming_place(os.path.join(folder, "count")):
        _own.cells = Cells(folder)
    return _own.cells


def tally(folder: str) -> Counted:
    """Add up what all workers counted so far, by name in the order of names."""
    counts: dict[str, int] = {}
    gauges: dict[str, tuple[float, float]] = {}
    for path in glob.glob(os.path.join(glob.escape(folder), "count-*.names")):
        cells = path.removesuffix(".names")
        with open(path, "rb") as file, Naming(cells), open(cells, "rb") as values:
            ints = memoryview(values.read()).cast("q")
            doubles = ints.cast("B").cast("d")
            for number, line in enumerate(file):
                if not line.endswith(b"\n"):
                    break  # its worker died as it wrote it, before it counted
                kind, name = json.loads(line)
                place = number * _CELL // 8
                if kind == "count":
                    counts[name] = counts.get(name, 0) + ints[place]
                else:
                    last = (doubles[place + 1], doubles[place])
                    gauges[name] = max(gauges.get(name, last), last)
    return Counted(
        dict(sorted(counts.items())), {name: value for name, (_, value) in sorted(gauges.items())}
    )


def _forget() -> None:
    _own.cells = None  # a forked process has cells of its own: these are its parent's


os.register_at_fork(after_in_child=_forget)
