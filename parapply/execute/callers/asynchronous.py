"""Calls of an async function, many at once on the worker's event loop; results in order.

The loop lives as long as the worker, so that what the function opens on it (a session, a pool of
connections) serves all its chunks. Runs in the worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from parapply.execute.call import Made
from parapply.execute.callers.rows import RowCaller
from parapply.execute.callers.values import ValueCaller
from parapply.execute.failures.attempts import Attempts
from parapply.execute.policy import FailedRow, is_ours
from parapply.execute.time_limit import GRACE_S, RowTimeoutError, look_interval
from parapply.functions.rows import Row
from parapply.runtime.context import current
from parapply.runtime.stops import GivenUp
from parapply.runtime.watch import watch

_position: ContextVar[int] = ContextVar("position", default=0)

_Call = Callable[[int], Awaitable[Any]]  # begins the call for the row at a position


class AsyncRowCaller(RowCaller):
    """Calls an async function for each row; otherwise as RowCaller."""

    def position(self) -> int:
        return _position.get()

    def _results(self) -> Made:
        function, columns = self.function, self._columns()
        assert function is not None
        found: list[Any] = []
        self._run_all([(lambda position: function(Row(columns, position)), found)])
        return self._made(found, self.call.into, self.call.name)

    def _run_all(self, calls: Sequence[tuple[_Call, list[Any]]]) -> None:
        lanes = Lanes(self.rounds, self.call.concurrency, self._finish())
        try:
            lanes.run(calls)
        except FailedRow as failed:
            raise self.explainer.error(failed, self.rounds.failures) from None


class AsyncValueCaller(AsyncRowCaller, ValueCaller):
    """Calls an async function for each value; otherwise as ValueCaller."""

    _results = ValueCaller._results

    def _value_lists(self) -> list[list[Any]]:
        self.batch.ready(self.call.given)
        every = [(list[Any](), self._values_of(position)) for position in self.call.given]
        self._run_all([(self._value_call(values), found) for found, values in every])
        return [found for found, _ in every]

    def _value_call(self, values: list[Any]) -> _Call:
        function = self.function
        assert function is not None
        return lambda position: function(values[position])


class Lanes:
    """So many tasks, each of which takes the next row when it is done with one."""

    def __init__(
        self, rounds: Attempts, width: int, finish: Callable[[Any], Any] | None = None
    ) -> None:
        self.rounds, self._width, self._finish = rounds, width, finish
        self._context, self._limit_s = current(), rounds.policy.timeout_s
        self.look_s = look_interval(self._limit_s)
        self._open: dict[asyncio.Timeout, float] = {}  # the calls, and when they began, in order
        self._at: dict[asyncio.Task[None], int] = {}  # the position of each lane
        self._fatal: tuple[int, FailedRow] | None = None  # the first row that ends the run
        self._useless: GivenUp | None = None  # nothing of this chunk is wanted any more

    def run(self, calls: Sequence[tuple[_Call, list[Any]]]) -> None:
        """Make the calls for all rows; raises as Attempts does, of the first row that failed."""
        if self._limit_s is not None:
            watch.add(self)
        try:
            for call, found in calls:
                self._context.run(self._all(call, found))
        finally:
            watch.remove(self)
        if self._useless is not None:
            raise self._useless
        if self._fatal is not None:
            raise self._fatal[1]
        for _, found in calls:
            del found[self.rounds.rows :]

    async def _all(self, call: _Call, found: list[Any]) -> None:
        rows = self.rounds.rows
        found.extend([None] * rows)
        positions = iter(range(rows))
        self._say_when()  # the first call may hold up the loop before it beats
        width = min(self._width, rows)
        lanes = [asyncio.create_task(self._lane(call, found, positions)) for _ in range(width)]
        heart = asyncio.create_task(self._beat())
        try:
            await asyncio.gather(*lanes)
        finally:
            for task in (*lanes, heart):
                task.cancel()
            await asyncio.gather(*lanes, heart, return_exceptions=True)
            self._at.clear()
            self.rounds.pace.within(None)

    async def _lane(self, call: _Call, found: list[Any], positions: Iterator[int]) -> None:
        lane, context = asyncio.current_task(), self._context
        assert lane is not None
        for position in positions:
            if position >= self.rounds.rows:
                return
            self._at[lane] = position
            _position.set(position)
            try:
                found[position] = await self._row(call, position)
            except asyncio.CancelledError:
                if position < self.rounds.rows:
                    raise
                return
            self.rounds.pace(1)
            if (last := context.stopped) is not None:
                self._cut(last + 1)

    async def _row(self, call: _Call, position: int) -> Any:
        if (how := self.rounds.doom(position)) is not None:
            self._fail(self.rounds.loss(how), position)
            return None
        attempt = 0
        while True:
            try:
                result = await self._limited(call, position)
                return result if self._finish is None else self._finish(result)
            except BaseException as error:
                if is_ours(error) or _is_cancelled(error):
                    raise
                if (pause_s := self.rounds.pause_s(error, attempt)) is None:
                    self._fail(error, position)
                    return None
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _limited(self, call: _Call, position: int) -> Any:
        if self.rounds.rate is not None:
            await self.rounds.rate.sleep()
        if self._limit_s is None:
            return await call(position)
        began = time.monotonic()
        try:
            async with asyncio.timeout(None) as scope:  # until _end_late() says otherwise
                self._open[scope] = began
                try:
                    result = await call(position)
                finally:
                    self._open.pop(scope, None)
        except TimeoutError:
            if scope.expired():
                raise RowTimeoutError from None
            raise
        ended = time.monotonic()  # it may not have awaited anything all the while
        if ended - began > self._limit_s and watch.ran(began, ended) > self._limit_s:
            raise RowTimeoutError
        return result

    def _end_late(self) -> None:
        """End the calls that take too long. The loop's own timers count while nobody runs."""
        looked, limit_s = watch.lapses.looked, self._limit_s
        for scope, began in list(self._open.items()):
            if limit_s is None or looked - began <= limit_s:
                return
            if looked - began - watch.lapses.within(began, looked) > limit_s:
                del self._open[scope]
                scope.reschedule(asyncio.get_running_loop().time())

    def look(self, now: float) -> None:
        """Nothing: the loop looks by itself, at what the watch knows of time that nobody ran."""

    def forget(self) -> None:
        """Nothing: a loop does not run in a forked process."""

    def _fail(self, error: BaseException, position: int) -> None:
        try:
            self.rounds.fail(error, position)
        except FailedRow as failed:
            if self._fatal is None or position < self._fatal[0]:
                self._fatal = position, failed
                self._give_up(position + 1)

    def _cut(self, rows: int) -> None:
        """End with a row, as the function has asked for."""
        if self._fatal is not None and self._fatal[0] >= rows:
            self._fatal = None
        self._give_up(rows)
        self.rounds.cut(self.rounds.rows)

    def _give_up(self, rows: int) -> None:
        """Begin no row any more from a position on, and cancel those that have begun."""
        self.rounds.rows = min(self.rounds.rows, rows)
        for lane, position in self._at.items():
            if position >= self.rounds.rows and lane is not asyncio.current_task():
                lane.cancel()

    async def _beat(self) -> None:
        """Tell the parent that no call holds up the loop, or it ends this worker; heed the end."""
        while True:
            self._say_when()
            self._end_late()
            try:
                self.rounds.end()
            except GivenUp as useless:
                self._useless = useless
                self._give_up(0)
            await asyncio.sleep(self.look_s)

    def _say_when(self) -> None:
        if self._limit_s is not None:
            self.rounds.pace.within(self._limit_s + GRACE_S)


def _is_cancelled(error: BaseException) -> bool:
    """Whether we have cancelled the task; the user's code may raise that error too."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
