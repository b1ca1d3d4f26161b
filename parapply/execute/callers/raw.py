"""The function's calls where what it returns is kept as it is: for --reduce. In the worker."""

from __future__ import annotations

from typing import Any

from parapply.execute.call import Made
from parapply.execute.callers.frames import FrameCaller
from parapply.execute.callers.rows import RowCaller
from parapply.execute.callers.values import ValueCaller
from parapply.execute.frames.unchanged import Given


class RawFrameCaller(FrameCaller):
    """Calls a function for a chunk, and keeps what it returns: a Caller."""

    def _made(self, returned: Any, given: Given, start: int, stop: int) -> Made:
        del given, start, stop
        return Made("one", {}, raw=returned)


class RawRowCaller(RowCaller):
    """Calls a function for rows, and keeps what it returns for each: a Caller."""

    def _results(self) -> Made:
        found: list[Any] = []
        self._run([(self._row_step(found), found)])
        return Made("each", {}, raw=found)


class RawValueCaller(ValueCaller):
    """Calls a function for values, and keeps what it returns for each: a Caller."""

    def _results(self) -> Made:
        every = self._value_lists()
        return Made("each", {}, raw=every[0] if len(every) == 1 else list(zip(*every, strict=True)))
