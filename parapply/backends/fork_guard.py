"""No process is forked while another thread of the parent is in a library. In the parent.

A Pool replaces workers that ended by forks in a thread of its own. A fork copies locks as they are:
one that the parent's thread held just then, in Arrow's allocator say, is held in the child for
ever, and the first chunk there hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TURN_S = 0.05  # that a thread which never waits leaves to one that would fork


class ForkGuard:
    """What the thread that makes it, and threads that fork, tell each other."""

    def __init__(self) -> None:
        self._owner = threading.get_ident()
        self._changed = threading.Condition()
        self._busy, self._forking, self._wanted = True, False, 0

    @contextmanager
    def rest(self) -> Iterator[None]:
        """While open, others may fork: the owner waits, or does what holds no lock."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._changed.wait_for(lambda: not self._forking)
                self._busy = True

    def give_way(self) -> None:
        """Let others fork if they want to, where the owner does not come to rest by itself."""
        if self._wanted:
            with self.rest(), self._changed:
                self._changed.wait_for(lambda: not self._wanted, _TURN_S)

    @contextmanager
    def fork(self) -> Iterator[None]:
        """Wait until the owner rests, unless this is the owner; while open, it stays at that."""
        if threading.get_ident() == self._owner:
            yield
            return
        with self._changed:
            self._wanted += 1
            self._changed.wait_for(lambda: not self._busy and not self._forking)
            self._forking = True
        try:
            yield
        finally:
            with self._changed:
                self._forking = False
                self._wanted -= 1
                self._changed.notify_all()
