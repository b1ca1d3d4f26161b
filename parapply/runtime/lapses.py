"""When this process did not run though it was to: time that no limit may count. Anywhere.

A stop (Ctrl-Z and `fg`), a frozen container or a machine that sleeps goes on counting on the
monotonic clock, and says nothing when it ends. But whoever looks up at short intervals sees a gap.
"""

from __future__ import annotations

import time

LOOK_S = 0.05  # between two looks: what is less is not told from a machine that is busy
_MOST = 1000  # lapses that are kept


class Lapses:
    """The lapses that one thread, which looks, has noticed; any thread may ask for them."""

    def __init__(self) -> None:
        self.looked = time.monotonic()  # when that was done last
        self._used = time.process_time()
        self._found: tuple[tuple[float, float], ...] = ()  # each from when to when

    def look(self, waited_s: float = 0.0) -> float:
        """Look up after a wait that was to take so long at most; return what time it is.

        Where the process used its time there was no lapse: C code may have kept the looking
        thread from its turn.
        """
        before, used = self.looked, self._used
        self.looked, self._used = time.monotonic(), time.process_time()
        lapse = self.looked - before - waited_s - (self._used - used)
        if lapse > LOOK_S:
            self._found = (*self._found[1 - _MOST :], (self.looked - lapse, self.looked))
        return self.looked

    def within(self, start: float, stop: float) -> float:
        """Return how many seconds of a span were lapses, as far as they have been noticed.

        A span that began after a lapse, but before it was noticed, is hardly longer for it.
        """
        found = self._found  # it is replaced, never changed
        return sum(max(0.0, min(stop, end) - max(start, begin)) for begin, end in found)
