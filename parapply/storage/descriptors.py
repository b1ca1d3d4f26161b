"""Detection of functions that close parapply's own files. In workers, processes and threads.

`os.closerange(3, 4096)`, as daemons call it, closes a worker's pipes: what follows fails obscurely,
or uses another file that was given the same descriptor.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from parapply.model.errors import WorkerError

CLOSED = 122  # the exit code of a worker that has lost its descriptors
HOW = "lost files that it has open, as the function closed them,"

_WHAT = "the function closed files that parapply has open (os.closerange, say)"
_PATIENCE_S = 1.0

_raised: list[DescriptorsError] = []  # at most one, in this run
_watched: list[tuple[int, os.stat_result]] = []  # one pipe of ours, whose stat is unique
# Those of descriptors 1 and 2 that were open: a file of ours with such a number would receive what
# a function prints.
_standard: dict[int, os.stat_result] = {}
_OURS = "parapply-"  # in the names of a run's folders
_taken = list[int]()  # those of 1 and 2 that files of ours were given


class DescriptorsError(WorkerError):
    """The function closed files that parapply has open."""


def watch() -> None:
    """Start watching: open a pipe, and remember what descriptors 1 and 2 are."""
    _raised.clear()
    _taken.clear()
    _standard.clear()
    for number in (1, 2):
        with suppress(OSError):
            _standard[number] = os.fstat(number)
    if _watched and is_intact():
        return
    read, write = os.pipe()
    os.close(write)
    _watched[:] = [(read, os.fstat(read))]


def is_intact() -> bool:
    """Whether the watched descriptors are still what they were."""
    if _taken or not all(_is_still(number, status) for number, status in _standard.items()):
        return False
    for number, status in _watched:
        try:
            return os.path.samestat(os.fstat(number), status)
        except OSError:
            return False
    return True


def _is_still(number: int, status: os.stat_result) -> bool:
    """Whether a descriptor is open and no file of the run: functions may redirect it."""
    try:
        if os.path.samestat(os.fstat(number), status):
            return True
        place = f"/proc/self/fd/{number}"
        return not os.path.lexists(place) or _OURS not in os.readlink(place)
    except OSError:
        return False


def own(number: int) -> int:
    """Move an own file's descriptor above 2: where a function closed stdout, 1 is given next."""
    if number > 2:
        return number
    if number > 0:  # another thread's output may be in the file already
        _taken.append(number)
    kept = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, number)
    os.close(null)
    return kept


def is_lost(number: int) -> bool:
    """Whether descriptor 1 or 2 is closed or a file of the run, for which `check` ends it."""
    return number in _taken or (number in _standard and not _is_still(number, _standard[number]))


def note() -> None:
    """Note whether a file that a library opened was given descriptor 1 or 2."""
    _taken.extend(number for number, status in _standard.items() if not _is_still(number, status))


def check(*, apart: bool) -> None:
    """If not intact, exit a worker process (`apart`), or raise DescriptorsError in a thread."""
    if is_intact():
        return
    if apart:
        os._exit(CLOSED)
    raise DescriptorsError(_WHAT)


class Lookout:
    """Checks at a chunk's first 16 steps, every 5 ms and at its end: each takes microseconds."""

    def __init__(self, *, apart: bool) -> None:
        self._apart, self._at_once, self._due = apart, _FIRST, 0.0

    def __call__(self, rows: int) -> None:
        """Check, after `rows` rows (0: at the end), if it is due."""
        if self._at_once:
            self._at_once -= 1
        elif rows and time.monotonic() < self._due:
            return
        check(apart=self._apart)
        self._due = time.monotonic() + _EVERY_S


_FIRST, _EVERY_S = 16, 0.005


def placed(row: str) -> DescriptorsError:
    """Return the error for a row, and remember it for `told`."""
    _raised[:] = [DescriptorsError(f"{row}, or one just before or beside it: {_WHAT}")]
    return _raised[-1]


@contextmanager
def told() -> Iterator[None]:
    """Raise a DescriptorsError in place of errors that follow from the closed files."""
    try:
        yield
    except Exception as error:
        found: BaseException | None = error
        while found is not None and not isinstance(found, DescriptorsError):
            found = found.__context__
        if (found is None and not is_intact()) or str(found) == _WHAT:
            found = _wait_for_culprit()
        if found is None or found is error:
            raise
        raise found from None


def _wait_for_culprit() -> DescriptorsError:
    """Return the error of the thread whose row did it, which may still be to come."""
    until = time.monotonic() + _PATIENCE_S
    while not _raised and time.monotonic() < until:
        time.sleep(0.01)
    return _raised[-1] if _raised else DescriptorsError(_WHAT)
