"""Calls, row after row, each of which may fail: what fails ends the run, or is set aside.

Runs in the worker. Rows are run in ranges, so that a call costs nothing but itself; where rows
have a time limit, or have killed a worker before, they are run one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from parapply.backends.api import ItemProgress
from parapply.execute.call import Left
from parapply.execute.policy import FailedRow, Failure, LostWorkerError, Policy, RowByRow, is_ours
from parapply.execute.time_limit import Alarm, RowTimeoutError

if TYPE_CHECKING:
    from parapply.runtime.rates import Rate

Step = Callable[[int, int], None]  # makes the calls for rows start to stop, in order

_BEAT_S = 0.05  # rows are counted about this often
_MOST = 256  # of them at once, however fast: the next may be slow, and all wait to be counted
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0  # before a row is tried again


def endless() -> int | None:
    """After how many rows the run is to end: it is not."""
    return None


class Attempts:
    """Runs steps over all rows of a chunk, and keeps what failed, by position."""

    def __init__(
        self,
        policy: Policy,
        rows: int,
        explain: Callable[[BaseException, int], Failure],
        pace: ItemProgress,
        row_by_row: RowByRow | None = None,
        places: Sequence[int] | None = None,  # in the chunk, where some of its rows are not here
        end: Callable[[], int | None] = endless,
        rate: Rate | None = None,
    ) -> None:
        self.policy, self.rows, self.pace, self.row_by_row = policy, rows, pace, row_by_row
        self.failures: dict[int, Failure] = {}
        self.left: Left | None = None  # where rows were left to other workers
        self._began = time.monotonic()
        self._explain, self._places, self.end, self.rate = explain, places, end, rate
        self._found: list[Any] = []  # what is being added to

    def run(self, calls: Sequence[tuple[Step, list[Any]]]) -> None:
        """Run each step over all rows; a step adds to its list one result a row.

        A row that failed has None there. What fails first is raised where that ends the run, as
        an exception that `fail` made of it.
        """
        if self.row_by_row is None and self.policy.timeout_s is None and self.rate is None:
            self._in_ranges(calls)
            return
        with Alarm(self.policy.timeout_s) as alarm:
            self._one_by_one(calls, alarm)

    def position(self) -> int:
        """The row that is being worked on."""
        return len(self._found)

    def _ends(self, calls: Sequence[tuple[Step, list[Any]]]) -> bool:
        """Whether this is the end, with a row that has been worked on; what comes after is cut."""
        rows = self.end()
        if rows is None and self.pace.relieved and (done := len(calls[-1][1])) < self.rows:
            rows, self.left = done, Left(done, (time.monotonic() - self._began) / done)
        if rows is None:
            return False
        self.cut(rows)
        for _, found in calls:
            del found[rows:]
        return True

    def cut(self, rows: int) -> None:
        """Have no more rows than these."""
        self.rows = rows
        for position in [position for position in self.failures if position >= rows]:
            del self.failures[position]

    def fail(self, error: BaseException, position: int) -> None:
        """Set a row aside; raises what ends the run instead, where that is so."""
        failure = self._explain(error, position)
        if not self.policy.tolerant:
            raise FailedRow(failure) from None
        self.failures.setdefault(position, failure)
        if self.policy.most is not None and len(self.failures) > self.policy.most:
            raise FailedRow(failure) from None

    def lose(self, how: str, position: int) -> None:
        """Set a row aside that no worker survives, or ("") that took too long; raises as `fail`."""
        self.fail(self.loss(how), position)

    @staticmethod
    def loss(how: str) -> BaseException:
        """Return what is said to have been raised by a row that lost its worker."""
        return LostWorkerError(how) if how else RowTimeoutError()

    def doom(self, position: int) -> str | None:
        """Return how workers are lost on a row that none survives; None for all others."""
        if self.row_by_row is None:
            return None
        return self.row_by_row.fatal_rows.get(
            position if self._places is None else self._places[position]
        )

    def again(self, error: BaseException, attempt: int) -> bool:
        """Whether to try once more after so many attempts (from 0); waits before it says yes."""
        if (pause_s := self.pause_s(error, attempt)) is None:
            return False
        self.pace.within(None)
        time.sleep(pause_s)
        return True

    def pause_s(self, error: BaseException, attempt: int) -> float | None:
        """Return how long to wait before another try, or None where there is none."""
        if attempt >= self.policy.retries or not self.policy.retries_on(error):
            return None
        import random  # a millisecond, and most runs never wait

        pause_s: float = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
        return pause_s * random.uniform(0.5, 1.0)  # not all workers equally long

    def wait_turn(self) -> None:
        """Wait until the function may be called."""
        if self.rate is not None:
            self.pace.within(None)
            self.rate.wait()

    def _in_ranges(self, calls: Sequence[tuple[Step, list[Any]]]) -> None:
        start, size = 0, 1
        while start < self.rows:
            stop = min(start + size, self.rows)
            began = time.perf_counter()
            for step, self._found in calls:
                self._range(step, self._found, start, stop)
            self.pace(stop - start)
            if self._ends(calls):
                return
            size = _next_size(size, time.perf_counter() - began)
            start = stop

    def _range(self, step: Step, found: list[Any], start: int, stop: int) -> None:
        while start < stop:
            try:
                step(start, stop)
                return
            except BaseException as error:
                if is_ours(error):
                    raise
                # extend() keeps what came before the exception: that many rows were done
                position = len(found)
                self._again(step, found, position, error)
                start = position + 1

    def _again(
        self, step: Step, found: list[Any], position: int, error: BaseException, alarm: Any = None
    ) -> None:
        """Try a failed row again as often as it is worth it, or give it up."""
        attempt = 0
        while self.again(error, attempt):
            attempt += 1
            try:
                self._attempt(step, found, position, alarm)
                return
            except BaseException as another:
                if is_ours(another):
                    raise
                error = another
        self.fail(error, position)
        found.append(None)

    def _attempt(self, step: Step, found: list[Any], position: int, alarm: Alarm | None) -> None:
        self.wait_turn()
        try:
            if alarm is None:
                step(position, position + 1)
            else:
                alarm.run(step, position, self.pace)
        except BaseException:
            del found[position:]
            raise

    def _one_by_one(self, calls: Sequence[tuple[Step, list[Any]]], alarm: Alarm) -> None:
        """Say before each row which it is: whoever finds the worker dead knows its row then."""
        fatal_rows = self.row_by_row.fatal_rows if self.row_by_row is not None else {}
        place = 0
        for position in range(self.rows):
            here = position if self._places is None else self._places[position]
            self.pace(here - place)
            place = here
            for step, self._found in calls:
                found = self._found
                if here in fatal_rows:
                    self.lose(fatal_rows[here], position)
                    found.append(None)
                    continue
                try:
                    self._attempt(step, found, position, alarm)
                except BaseException as error:
                    if is_ours(error):
                        raise
                    self._again(step, found, position, error, alarm)
            if self._ends(calls):
                break
        self.pace(1)  # whoever finds the worker dead now knows that no row was to blame
        self.pace.within(None)


def _next_size(size: int, spent_s: float) -> int:
    """How many rows to run at once, so that progress is reported about every `_BEAT_S`."""
    if spent_s < _BEAT_S / 2:
        return min(size * 2, _MOST)
    return max(1, int(size * _BEAT_S / spent_s)) if spent_s > _BEAT_S else size
