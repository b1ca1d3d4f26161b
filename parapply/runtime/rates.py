"""A rate over all workers of a run: a clock in a locked file says when the next turn is."""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Coroutine
from typing import Any

from parapply.storage.flocks import blaming_place, flock, in_loop, path_of
from parapply.storage.locks import let_go

_UNITS_S = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0,
            "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}  # fmt: skip
_SLACK_S = 0.01  # turns that were missed for so long, because nobody had the core, are caught up
_MISSED_S = 0.5  # a turn that was slept through for so long (Ctrl-Z and fg, say) is taken anew
_TRIES = 2  # but no more often: where all is that late always, the rate is not what matters
_CLOCK = struct.Struct("d")


def parse_rate(text: str | float) -> float:
    """Return the seconds between two turns of "20/s", "100/min", "5/10s" or a number a second.

    Raises ValueError for what is not a rate.
    """
    pattern = r"\s*([\d.]+(?:e\d+)?)\s*(?:/\s*([\d.]*)\s*([a-z]+?)(?<=[a-z])s?)?\s*"
    match = re.fullmatch(pattern, str(text).lower())
    try:
        assert match is not None
        count, span = float(match[1]), float(match[2] or 1) * _UNITS_S[match[3] or "s"]
        return 1 / (count / span)
    except (AssertionError, KeyError, ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is not a rate: write 20/s, 100/min or 1000/h") from None


class Rate:
    """Evenly spaced turns, at most so many a second over all workers together."""

    def __init__(self, folder: str, name: str, rate: str | float) -> None:
        self._path, self._interval_s = path_of(folder, "rate", name), parse_rate(rate)

    def reserve(self) -> float:
        """Take the next turn; return when it is, as time.monotonic() counts.

        After a pause there is no burst: what was not used is lost, but for 10 ms.
        """
        clock = flock(self._path)
        assert clock is not None
        try:
            with blaming_place(self._path):
                return self._next(clock)
        finally:
            let_go(clock)

    def _next(self, clock: int) -> float:
        stored = os.pread(clock, _CLOCK.size, 0)
        earliest = time.monotonic() - _SLACK_S
        turn = earliest + _SLACK_S
        if len(stored) == _CLOCK.size:
            turn = max(_CLOCK.unpack(stored)[0], earliest)
        os.pwrite(clock, _CLOCK.pack(turn + self._interval_s), 0)
        return turn

    def wait(self) -> None:
        """Wait for the next turn."""
        for _ in range(_TRIES):
            turn = self.reserve()
            if (pause_s := turn - time.monotonic()) > 0:
                time.sleep(pause_s)
            if not _missed(turn):
                return

    async def sleep(self) -> None:
        """Wait for the next turn in an event loop."""
        import asyncio

        for _ in range(_TRIES):
            turn = self.reserve()
            await asyncio.sleep(max(0.0, turn - time.monotonic()))
            if not _missed(turn):
                return

    def turn(self) -> Coroutine[Any, Any, None] | None:
        """Take the next turn and wait for it; in an event loop return what is to be awaited."""
        if in_loop():
            return self.sleep()
        self.wait()
        return None


def _missed(turn: float) -> bool:
    """Whether a turn is long over: all who waited for theirs would be there at once."""
    return time.monotonic() - turn > _MISSED_S
