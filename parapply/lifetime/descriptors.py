"""Whether a function has closed files that are not its own. In workers, and where they are threads.

`os.closerange(3, 4096)`, as daemons do it, takes a worker's pipes away: whatever it does next goes
wrong in words that help nobody, or would use a file that happens to have got the same number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from parapply.errors import WorkerError

CLOSED = 122  # the exit code of a worker that has lost its descriptors
HOW = "lost files that it has open, as the function closed them,"

_watched: list[tuple[int, os.stat_result]] = []  # one of ours, like which there is no other


class DescriptorsError(WorkerError):
    """The function closed files that parapply has open."""


def watch() -> None:
    """Remember what is open now."""
    if _watched and is_intact():
        return
    read, write = os.pipe()
    os.close(write)
    _watched[:] = [(read, os.fstat(read))]


def is_intact() -> bool:
    """Whether it still is."""
    for number, status in _watched:
        try:
            return os.path.samestat(os.fstat(number), status)
        except OSError:
            return False
    return True


def check(*, apart: bool) -> None:
    """End a worker that is a process (`apart`), or raise DescriptorsError, if it is not."""
    if is_intact():
        return
    if apart:
        os._exit(CLOSED)
    raise DescriptorsError("the function closed files that parapply has open (os.closerange, say)")


@contextmanager
def told() -> Iterator[None]:
    """Raise that a function closed our files, whatever went wrong as that was cleaned up after."""
    try:
        yield
    except Exception as error:
        found: BaseException | None = error
        while found is not None and not isinstance(found, DescriptorsError):
            found = found.__context__
        if found is None or found is error:
            raise
        raise found from None
