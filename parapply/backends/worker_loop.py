"""What a worker of a pool does, be it a process or a thread: items, one after the other.

Runs in the workers. What each is at stands in its slot, which the parent reads.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from parapply.model.records import record
from parapply.storage.descriptors import Lookout

# For each worker: the number of its item + 1 (0: idle; LEFT: it has left of itself), the units done
# in that item, when it will be heard of again at the latest, in milliseconds of the monotonic clock
# (0: not said), when it began the item, the number + 1 of the item that it is to leave the rest of,
# which the parent writes, and how many milliseconds it had said until it will be heard of again.
Slots = Any
SLOT_FIELDS = 6
LEFT = -1
_SOON_S = 0.05  # what has been said so lately need not be said again


@record
class Codec:
    """How things are made ready to cross to a worker and back; `pack_error` never raises."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]
    recall: Callable[[Any], Any]  # `unpack` for what is sent over and over again: the task
    pack_error: Callable[[BaseException], Any]


class _Loop(threading.local):
    """What a worker holds, be it a thread or a process."""

    slots: Slots
    at: int
    codec: Codec
    failure: BaseException | None = None


_desk = _Loop()


def begin(slots: Slots, slot: int, codec: Codec, start: Callable[[], None]) -> None:
    """Start a worker; never raises, as the standard Pool would then replace workers for ever."""
    _desk.slots, _desk.at, _desk.codec = slots, slot * SLOT_FIELDS, codec
    try:
        start()
    except BaseException as error:  # noqa: BLE001  the worker's boundary: work() reports it
        _desk.failure = error


def say_left(within_s: float) -> None:
    """Say that this worker leaves as it should, holding nothing, and will be gone in that time."""
    _ItemProgress(_desk.slots, _desk.at).within(within_s)
    _desk.slots[_desk.at] = LEFT


def work(number: int, task: Any, item: Any) -> tuple[bool, Any]:
    """Run a packed task over a packed item; return (True, result) or (False, error), packed.

    Nothing that the task raises gets past this: SystemExit would end the worker. The slot is
    cleared before the result is sent, so that a worker that dies with its slot filled has lost
    just that item, and holds none of the pool's locks.
    """
    loop, here = _desk, os.getpid()
    loop.slots[loop.at + 3] = int(time.monotonic() * 1000)
    loop.slots[loop.at] = number + 1
    try:
        return True, loop.codec.pack(_attempt(loop, task, item))
    except BaseException as error:  # noqa: BLE001  the worker's boundary: run() raises it
        return False, loop.codec.pack_error(error)
    finally:
        if os.getpid() != here:
            os._exit(1)  # a child that the task forked and did not end: it is no worker
        loop.slots[loop.at + 1] = loop.slots[loop.at + 2] = 0
        loop.slots[loop.at] = 0


def _attempt(loop: _Loop, task: Any, item: Any) -> Any:
    if loop.failure is not None:
        raise loop.failure
    return loop.codec.recall(task)(loop.codec.unpack(item), _ItemProgress(loop.slots, loop.at))


class _ItemProgress:
    """Writes progress into the worker's slot; see `backends.Pace`."""

    def __init__(self, slots: Slots, at: int) -> None:
        self._slots, self._at, self._units, self._due = slots, at, at + 1, at + 2
        self._said, self._seconds = 0.0, None  # type: float, float | None
        self._look = Lookout(apart=multiprocessing.parent_process() is not None)

    @property
    def relieved(self) -> bool:
        return bool(self._slots[self._at + 4] == self._slots[self._at])

    def __call__(self, count: int) -> None:
        self._look(count)  # before: this row is to blame
        self._slots[self._units] += count

    def within(self, seconds: float | None) -> None:
        now = time.monotonic()
        if now - self._said < _SOON_S and seconds == self._seconds:
            return  # said for each row
        self._said, self._seconds = now, seconds
        if seconds is None:
            self._slots[self._due] = 0
            return
        self._slots[self._at + 5] = int(seconds * 1000)
        self._slots[self._due] = int((now + seconds) * 1000)
