"""Whether a function has closed files that are not its own. In workers, and where they are threads.

`os.closerange(3, 4096)`, as daemons do it, takes a worker's pipes away: whatever it does next goes
wrong in words that help nobody, or would use a file that happens to have got the same number.
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
_watched: list[tuple[int, os.stat_result]] = []  # one of ours, like which there is no other
# Of what everybody prints to, what was open: a file of ours that got such a number would have what
# a function prints in it.
_standard: dict[int, os.stat_result] = {}
_OURS = "parapply-"  # is in the names of folders that a run makes
_taken = list[int]()  # of those numbers, what files of ours were given


class DescriptorsError(WorkerError):
    """The function closed files that parapply has open."""


def watch() -> None:
    """Remember what is open now."""
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
    """Whether it still is."""
    if _taken or not all(_is_still(number, status) for number, status in _standard.items()):
        return False
    for number, status in _watched:
        try:
            return os.path.samestat(os.fstat(number), status)
        except OSError:
            return False
    return True


def _is_still(number: int, status: os.stat_result) -> bool:
    """Whether a descriptor is open, and not what a run has opened since: others may redirect it."""
    try:
        if os.path.samestat(os.fstat(number), status):
            return True
        place = f"/proc/self/fd/{number}"
        return not os.path.lexists(place) or _OURS not in os.readlink(place)
    except OSError:
        return False


def own(number: int) -> int:
    """Return the descriptor of a file that a run writes, under a number that nobody prints to.

    Where a function has closed its output, the next file that is opened gets that number.
    """
    if number > 2:
        return number
    if number > 0:  # what another thread prints may be in the file already
        _taken.append(number)
    kept = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, number)
    os.close(null)
    return kept


def is_lost(number: int) -> bool:
    """Whether a descriptor is closed, or of a file of the run: `check` ends the run for that."""
    return number in _taken or (number in _standard and not _is_still(number, _standard[number]))


def note() -> None:
    """Look whether a file that was opened elsewhere has such a number."""
    _taken.extend(number for number, status in _standard.items() if not _is_still(number, status))


def check(*, apart: bool) -> None:
    """End a worker that is a process (`apart`), or raise DescriptorsError, if it is not."""
    if is_intact():
        return
    if apart:
        os._exit(CLOSED)
    raise DescriptorsError(_WHAT)


class Lookout:
    """Checks a worker at each of a chunk's first steps, at its end, and now and then between.

    A step may be of a tenth of a millisecond, and to look takes some microseconds.
    """

    def __init__(self, *, apart: bool) -> None:
        self._apart, self._at_once, self._due = apart, _FIRST, 0.0

    def __call__(self, rows: int) -> None:
        """Check, after so many rows; 0 at the end."""
        if self._at_once:
            self._at_once -= 1
        elif rows and time.monotonic() < self._due:
            return
        check(apart=self._apart)
        self._due = time.monotonic() + _EVERY_S


_FIRST, _EVERY_S = 16, 0.005


def placed(row: str) -> DescriptorsError:
    """Return the error that names a row; it is remembered for `told`."""
    _raised[:] = [DescriptorsError(f"{row}, or one just before or beside it: {_WHAT}")]
    return _raised[-1]


@contextmanager
def told() -> Iterator[None]:
    """Raise that a function closed our files, whatever went wrong as that was cleaned up after."""
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
    """Return what the thread whose row did it has said, or will say when it is done with it."""
    until = time.monotonic() + _PATIENCE_S
    while not _raised and time.monotonic() < until:
        time.sleep(0.01)
    return _raised[-1] if _raised else DescriptorsError(_WHAT)
