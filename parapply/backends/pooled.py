"""The one code path of the pools of threads and of processes, through `apply_async`.

`Pooled` is the session: it runs in the parent, in the caller's thread; worker_loop.py runs in the
workers. What differs between threads and processes (how things are sent, who can die, how an end is
made of it) is a `WorkerPool`, which the files beside this one supply; nothing here knows which.
This file is longer than others as it is one class: the loop, and what it knows of items in flight.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.pool import Pool
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from parapply.backends.api import RAN_OUT, Done, Item, ItemProgress, Outside, Result
from parapply.backends.fork_guard import ForkGuard
from parapply.backends.waiting import Bell, Ears
from parapply.backends.worker_loop import SLOT_FIELDS, Codec, Slots, work
from parapply.model.errors import ParapplyError, WorkerError
from parapply.model.records import record
from parapply.storage.system_limits import met

if TYPE_CHECKING:
    from parapply.runtime.lapses import Lapses

IN_FLIGHT = 2  # items a worker: one that it works on, one that waits for it
BEAT_S = 0.1
PATIENCE_S = 1.0  # the longest wait without a look at the workers
STRIKES = 5  # pools in a row that break before anything is finished: then the fault is not chance


@record
class Death:
    """How a worker ended, and the number of the item it was running, if any."""

    number: int | None
    how: str
    units: int = 0  # done in that item
    late: bool = False  # ended by us, as it stayed away for too long


class WorkerPool(Protocol):
    """The workers of one pool."""

    pool: Pool
    slots: Slots
    codec: Codec
    broken: bool  # the pool cannot be trusted any more: nothing but end() may be asked of it
    how: str  # what broke it
    stillness: ForkGuard  # of the thread that runs the session

    def pack_task(self, task: object) -> Any:
        """Make a task ready to be sent; raises WorkerError when that cannot be done."""
        ...

    def sentinels(self) -> list[int]:
        """Return what becomes ready to read when a worker ends."""
        ...

    def deaths(self) -> list[Death]:
        """Return the deaths since the last call; some of them break the pool."""
        ...

    def end_late(self, places: list[int]) -> None:
        """End the workers that have these slots: they stay away for longer than they said."""
        ...

    def end(self, *, clean: bool) -> None:
        """Leave no worker behind: let them leave, or (not clean) stop them at once."""
        ...


class Pooled:
    """A session on a pool, which is replaced when it breaks; opened and ended as a context.

    `hire` opens a pool; it is given what to call when something happened. One run at a time:
    a run that is continued after another has begun raises WorkerError.
    """

    def __init__(self, workers: int, hire: Callable[[Callable[[], None]], WorkerPool]) -> None:
        self._hire = hire
        self._workers, self._room = workers, workers * IN_FLIGHT
        self._numbers = itertools.count()
        self._flying: dict[int, Any] = {}
        self._strikes = 0
        self._lapses: Lapses | None = None  # of this process, once a worker has said until when

    def __enter__(self) -> Pooled:
        self._bell, self._ears = Bell(), Ears()
        try:
            self._open()
        except BaseException as error:
            self._bell.close()
            if not isinstance(error, ParapplyError) and (limit := met(error)):
                raise WorkerError(f"workers cannot be started: {limit}") from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            dead = self._team.deaths()
            idle = len(self._outbox) == self._owed and not self._team.broken
            self._team.end(clean=error is None and idle and not dead)
        finally:
            self._bell.close()

    def units(self) -> int:
        """Progress reported so far for the items that are being worked on."""
        return sum(self._team.slots[1::SLOT_FIELDS])

    def idle(self) -> int:
        return max(0, self._workers - len(self._flying))

    def relieve(self, rest: Callable[[Any, int, float], int], most: int) -> None:
        slots, now = self._team.slots, time.monotonic() * 1000
        if self._team.broken:
            return
        busy = []
        for at in range(0, len(slots), SLOT_FIELDS):
            number, units, _, began, asked, _ = slots[at : at + SLOT_FIELDS]
            if number - 1 not in self._flying:
                continue
            if asked == number:
                most -= 1
            elif left := rest(self._flying[number - 1], units, (now - began) / 1000):
                busy.append((left, at, number))
        for _, at, number in sorted(busy, reverse=True)[: max(0, most)]:
            slots[at + 4] = number

    def run(
        self,
        task: Callable[[Item, ItemProgress], Result],
        items: Iterator[Item],
        *,
        beat: Callable[[], None] | None = None,
        outside: Outside | None = None,
    ) -> Iterator[Done[Item, Result]]:
        """Yield one `Done` for each item, in the order in which they finish; see `Session`."""
        flying: dict[int, Item] = {}
        self._flying, self._task, self._due = flying, self._team.pack_task(task), 0.0
        while self._flying is flying:
            if self._team.broken:
                self._team.end(clean=False)  # first, so that nothing arrives after it is settled
            else:
                self._fill(items)
                self._team.stillness.give_way()
            if self._outbox:
                yield from self._settle()
            elif self._team.broken:
                self._replace()
            elif flying or (outside is not None and outside.more):
                yield from self._lost(self._wait(beat, outside))
            else:
                return
        raise WorkerError("a run cannot be continued after another has begun")

    def _open(self) -> None:
        self._outbox: deque[tuple[int, tuple[bool, Any]]] = deque()
        self._owed = 0  # items sent to this pool whose results have not been settled
        self._team = self._hire(self._bell.ring)

    def _fill(self, items: Iterator[Any]) -> None:
        while len(self._flying) < self._room:
            for item in items:
                number = next(self._numbers)
                self._flying[number] = item
                self._send(number, item)
                break
            else:
                return

    def _send(self, number: int, item: object) -> None:
        packed = (number, self._task, self._team.codec.pack(item))
        outbox, bell, pack_error = self._outbox, self._bell, self._team.codec.pack_error

        def arrived(outcome: tuple[bool, Any]) -> None:  # on the Pool's thread: must not raise
            outbox.append((number, outcome))
            bell.ring()

        def failed(error: BaseException) -> None:
            arrived((False, pack_error(error)))

        self._owed += 1
        self._team.pool.apply_async(work, packed, callback=arrived, error_callback=failed)

    def _settle(self) -> Iterator[Done[Any, Any]]:
        """Yield what arrived first; nothing, if it belongs to a run that was left."""
        number, (good, packed) = self._outbox.popleft()
        self._owed -= 1
        if number not in self._flying:
            return
        item = self._flying.pop(number)
        self._strikes = 0
        value = self._team.codec.unpack(packed)
        if isinstance(value, MemoryError) and not good:  # a thread: a process would have ended
            yield Done(item, None, RAN_OUT)
            return
        if not good:
            raise value
        yield Done(item, value)

    def _wait(self, beat: Callable[[], None] | None, outside: Outside | None) -> list[Death]:
        """Wait until something may have happened; return the deaths, if so."""
        timeout_s = PATIENCE_S if beat is None else max(0.0, self._due - time.monotonic())
        if (lapses := self._lapses) is not None:
            lapses.look()  # it may have been stopped since
            timeout_s = min(timeout_s, BEAT_S / 2)
        # While all workers have enough to do, what waits to be sent to them is no news.
        heeded = outside.descriptors() if outside and len(self._flying) < self._room else ()
        with self._team.stillness.rest():
            ready = self._ears.wait([self._bell.fd, *heeded, *self._team.sentinels()], timeout_s)
        if lapses is not None:
            lapses.look(timeout_s)
        self._bell.hush()
        if outside is not None:
            outside.look()
        if beat is not None and time.monotonic() >= self._due:
            beat()
            self._due = time.monotonic() + BEAT_S
        late = self._late()
        if late:
            self._team.end_late(late)
        return [] if ready == [self._bell.fd] and not late else self._team.deaths()

    def _late(self) -> list[int]:
        """Return the slots of the workers that stay away for too long; lapses do not count."""
        slots, now = self._team.slots, time.monotonic() * 1000
        dues, spans = slots[2::SLOT_FIELDS], slots[5::SLOT_FIELDS]
        if not any(dues):
            return []
        if self._lapses is None:
            from parapply.runtime.lapses import Lapses  # few runs have limits

            self._lapses = Lapses()
        lapse = self._lapses.within
        late = [at for at, due in enumerate(dues) if 0 < due < now]
        said = {at: (dues[at] - spans[at]) / 1000 for at in late}
        return [at for at in late if now - dues[at] > lapse(said[at], now / 1000) * 1000]

    def _lost(self, deaths: list[Death]) -> Iterator[Done[Any, Any]]:
        for one in deaths:
            if one.number is not None and one.number in self._flying:
                self._strikes = 0
                yield Done(self._flying.pop(one.number), None, one.how, one.units, one.late)

    def _replace(self) -> None:
        """Open a fresh pool and send again what had not finished."""
        self._strikes += 1
        if self._strikes == STRIKES:
            raise WorkerError(f"workers die as they start: the last one {self._team.how}")
        self._open()
        for number, item in self._flying.items():
            self._send(number, item)
