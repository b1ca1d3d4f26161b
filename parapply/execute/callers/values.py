"""The function's calls for the values of columns, one after the other. In the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parapply.columns.json_columns import is_varied
from parapply.execute.call import Made
from parapply.execute.callers.rows import RowCaller
from parapply.execute.failures.attempts import Step
from parapply.execute.loop import step_of


class ValueCaller(RowCaller):
    """Calls a function for each value of a column, or of several one after the other: a Caller."""

    def _results(self) -> Made:
        every = self._value_lists()
        names = tuple(self.fields[position].name for position in self.call.given)
        if len(every) == 1:
            nested = is_varied(self.fields[self.call.given[0]].kind)  # a dict is a value there
            into = self.call.into or (names if nested else ())
            return self._made(every[0], into, names[0])
        return self._made(list(zip(*every, strict=True)), self.call.into or names, names[0])

    def _value_lists(self) -> list[list[Any]]:
        """Return what the function made of the values of each column."""
        self.batch.ready(self.call.given)
        every = [(list[Any](), self._values_of(position)) for position in self.call.given]
        function = self.function
        if self.call.expression is not None:
            function = self.call.expression.function("value")
        assert function is not None
        self._run([(self._value_step(found, function, of), found) for found, of in every])
        return [found for found, _ in every]

    def _value_step(
        self, found: list[Any], function: Callable[[Any], Any], values: list[Any]
    ) -> Step:
        return step_of(found, function, self._finish(), lambda start, stop: values[start:stop])
