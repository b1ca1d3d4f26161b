"""The function's calls for the rows or values of one chunk, and what they made. In the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from parapply.columns.json_columns import is_json
from parapply.execute import holes
from parapply.execute.call import Call, Made
from parapply.execute.callers.api import ChunkRun
from parapply.execute.failures.attempts import Attempts, Step
from parapply.execute.failures.explain import Explainer
from parapply.execute.identity import Looked
from parapply.execute.loop import step_of
from parapply.execute.policy import FailedRow
from parapply.execute.results import build
from parapply.execute.results import shape as shapes
from parapply.formats.nouns import Field
from parapply.functions.inline_columns import spread
from parapply.functions.rows import Row, RowColumns
from parapply.model.deferred_imports import np
from parapply.model.errors import BadRowsError, ResultError, UnseenError


class RowCaller:
    """Calls a function for each row of a batch: a Caller."""

    def __init__(self, run: ChunkRun) -> None:
        self.call, self.batch, self.fields, self.where = run.call, run.batch, run.fields, run.where
        self.function, self.types = run.function, {**_kept(run.call, run.fields), **run.call.types}
        self.explainer = Explainer(run.call, run.batch, run.fields, run.where)
        self.looked = Looked(run.call, run.batch, run.fields)
        self.rounds = Attempts(
            run.call.policy, run.batch.rows, self.explainer.explain, run.pace, run.row_by_row,
            run.places, run.end, run.rate,
        )  # fmt: skip

    def apply(self) -> Made:
        """Return what the function made of the batch.

        Raises RowError where it raises and that ends the run, ResultError where what it returns
        does not fit.
        """
        made = self._results()
        made.failures, made.left = self.rounds.failures, self.rounds.left
        return made

    def position(self) -> int:
        return self.rounds.position()

    def _results(self) -> Made:
        found: list[Any] = []
        self._run([(self._row_step(found), found)])
        return self._made(found, self.call.into, self.call.name)

    def _run(self, calls: list[tuple[Step, list[Any]]]) -> None:
        try:
            self.rounds.run(calls)
        except FailedRow as failed:
            raise self.explainer.error(failed, self.rounds.failures) from None

    def _columns(self) -> RowColumns:
        given = self.call.given
        names = tuple(self.fields[position].name for position in given)
        columns = RowColumns(names, lambda place: self._values_of(given[place]))
        if self.call.read:
            self.batch.ready(self.call.read)
        return columns

    def _row_step(self, found: list[Any]) -> Step:
        columns = self._columns()
        if self.call.expression is None:
            assert self.function is not None
            if self.call.spread and (step := self._spread_step(found, columns, self.function)):
                return step

            def rows(start: int, stop: int) -> Iterable[Row]:
                return map(Row, repeat(columns), range(start, stop))

            return step_of(found, self.function, self._finish(), rows)
        return self._expression_step(found, columns)

    def _spread_step(
        self, found: list[Any], columns: RowColumns, function: Callable[[Any], Any]
    ) -> Step | None:
        names = tuple(self.fields[position].name for position in self.call.read)
        if (of_values := spread(function, names)) is None:
            return None
        try:
            lists = [columns[name] for name in names]
        except (UnseenError, BadRowsError):  # a row may still do without that value
            return None

        def rows(start: int, stop: int) -> Iterable[Any]:
            parts = [values[start:stop] for values in lists]
            return parts[0] if len(parts) == 1 else zip(*parts, strict=True)

        return step_of(found, of_values, self._finish(), rows, len(names))

    def _expression_step(self, found: list[Any], columns: RowColumns) -> Step:
        expression, finish = self.call.expression, self._finish()
        assert expression is not None
        uses_row = expression.uses_row(columns.names)
        names = expression.named(columns.names)
        loop = expression.loop(("row", *names) if uses_row else names)

        def calls(append: Callable[[Any], None], start: int, stop: int) -> None:
            lists = [columns[name][start:stop] for name in names]
            if uses_row:
                rows = map(Row, repeat(columns), range(start, stop))
                loop(append, zip(rows, *lists, strict=True))
            else:
                loop(append, zip(*lists, strict=True) if lists else range(start, stop))

        def step(start: int, stop: int) -> None:
            if finish is None:
                calls(found.append, start, stop)
                return
            raw: list[Any] = []
            try:
                calls(raw.append, start, stop)
            finally:
                for value in raw:
                    found.append(finish(value))  # noqa: PERF401 - see loop.py

        return step

    def _finish(self) -> Callable[[Any], Any] | None:
        """What is done with each result at once, as it may run the user's code and fail."""
        return bool if self.call.filter else shapes.items if self.call.explode else None

    def _values_of(self, position: int) -> list[Any]:
        """Return a column's values as the function sees them."""
        try:
            return self.looked.values(position)
        except (UnseenError, BadRowsError) as error:
            name = self.fields[position].name
            if self.call.policy.tolerant:
                return holes.seen(self.batch, position, self.where, name)
            if isinstance(error, UnseenError):
                raise error.placed(self.where(error.position), name) from error
            raise

    def _made(self, found: list[Any], into: tuple[str, ...], name: str) -> Made:
        """Make columns of one result a row; those of rows that failed are None, and left out."""
        if self.call.filter:
            kept = [row for row, value in enumerate(found) if value]
            return Made("filter", {}, self._taken(kept))
        take, values = self._kept(found)
        where = self.where if take is None else _picked(self.where, take)
        if not into and is_json(self.types.get(name)):  # a dict is a value there, too
            into = (name,)
        try:
            shape, lists = shapes.shape_columns(values, into, name, where)
            given = self._given(lists or {name: values}, take)
            if shape == "fields":
                given = {key: places for key, places in given.items() if shapes.have(values, key)}
            lists = lists or dict.fromkeys(given, values)
            make = build.list_columns if self.batch.listed else build.build_columns
            types = {**_json(given, self.fields), **self.types} if given else self.types
            made = make(lists, where, types, as_text=self.call.as_text)
            return Made(shape, made, take, given=given)
        except ResultError:
            if not self.call.policy.tolerant:
                raise
            before = len(self.rounds.failures)
            self._set_misfits_aside(values, take, into, name)
            if len(self.rounds.failures) == before:
                raise
        cleared = [None if row in self.rounds.failures else v for row, v in enumerate(found)]
        return self._made(cleared, into, name)

    def _given(self, lists: Mapping[str, Any], take: Any) -> dict[str, tuple[int, ...]]:
        """Return which columns are the input's: none where a row that failed is a missing value."""
        if self.rounds.failures and self.call.policy.on_error != "skip":
            return {}
        return self.looked.given(lists, take)

    def _kept(self, found: list[Any]) -> tuple[Any, list[Any]]:
        """Return the positions of the rows that stay (None: each once) and their results."""
        failures, skips = self.rounds.failures, self.call.policy.on_error == "skip"
        if self.call.explode:
            for row in failures:
                found[row] = [] if skips else [None]
            owners = [row for row, items in enumerate(found) for _ in items]
            return self._taken(owners), [x for items in found for x in items]
        if not failures or not skips:
            return None, found
        left = [row for row in range(len(found)) if row not in failures]
        return self._taken(left), [found[row] for row in left]

    def _taken(self, rows: list[int]) -> Any:
        """Return positions as `Made.take` has them."""
        return rows if self.batch.listed else np.array(rows, np.int64)

    def _set_misfits_aside(
        self, values: list[Any], take: Any, into: tuple[str, ...], name: str
    ) -> None:
        """Find the results that no column would hold, each by itself."""
        for position, value in enumerate(values):
            row = position if take is None else int(take[position])
            where = _picked(self.where, [row])
            try:
                _, lists = shapes.shape_columns([value], into, name, where)
                build.build_columns(lists, where, self.types, as_text=self.call.as_text)
            except ResultError as error:
                self._refuse(error, row)

    def _refuse(self, error: ResultError, row: int) -> None:
        try:
            self.rounds.fail(error, row)
        except FailedRow as failed:
            raise self.explainer.error(failed, self.rounds.failures) from None


def _kept(call: Call, fields: tuple[Field, ...]) -> dict[str, Any]:
    """The types of columns that a value function replaces: what was JSON is JSON again."""
    if not call.traits.by_column or call.into:
        return {}
    return _json({fields[position].name: (position,) for position in call.given}, fields)


def _json(given: Mapping[str, Sequence[int]], fields: Sequence[Field]) -> dict[str, Any]:
    kinds = {name: fields[places[0]].kind for name, places in given.items()}
    return {name: kind for name, kind in kinds.items() if is_json(kind)}


def _picked(where: Callable[[int], str], rows: Any) -> Callable[[int], str]:
    return lambda position: where(int(rows[position]))
