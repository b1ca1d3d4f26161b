"""Which number a worker has: the first that no other living worker of the run has. In the worker.

A rank is a file that its worker keeps locked: the kernel frees it when the worker dies, however it
dies, so that the worker that takes its place has its rank too. On a file system without locks
links stand in for them, whose text, there whole or not at all, says who made each. Of a rank's
links the last one counts, which is removed by its maker, or stays when that one dies; the next
link is then made by who has the rank next.
"""

from __future__ import annotations

import os
from contextlib import suppress

from parapply.storage import locks


class Rank:
    """The number, until it is given back; `descriptor` holds the lock, or there is a `link`."""

    def __init__(self, number: int, descriptor: int | None, link: str = "") -> None:
        self.number, self._descriptor, self._link = number, descriptor, link

    def leave(self) -> None:
        """Give it back."""
        with suppress(OSError):  # the function closed it, and that has been said
            if self._descriptor is not None:
                os.close(self._descriptor)
            elif self._link:
                os.unlink(self._link)
        self._descriptor, self._link = None, ""


def claim(folder: str, number: int) -> Rank:
    """Take the first rank from this one on that is free. Raises OSError, which names the file."""
    while True:
        path = os.path.join(folder, f"rank-{number}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if locks.take(descriptor):
                return Rank(number, descriptor)
            number += 1
        except OSError as error:
            if error.errno not in locks.NO_LOCKS:
                raise OSError(error.errno, os.strerror(error.errno or 0), path) from error
            if (link := _linked(path)) is not None:
                return Rank(number, None, link)
            number += 1
        locks.let_go(descriptor)


def _linked(path: str) -> str | None:
    """Return the link that takes a rank; None where a worker that lives has it."""
    from parapply.storage import owners

    number = 0
    while True:
        link = f"{path}.{number}"
        with suppress(FileNotFoundError):  # its maker has just given it back
            try:
                os.symlink(owners.text_of(owners.mine()), link)
                return link
            except FileExistsError:
                maker = owners.owner_of(os.readlink(link))
            if maker is None or not owners.is_dead(maker):
                return None
            number += 1
