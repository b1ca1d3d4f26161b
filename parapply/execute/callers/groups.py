"""The function's calls for groups: once for all rows of a key. In the worker.

A batch has whole groups, one after the other. What is made of a group stands for its first row:
the columns of the key that come before it are that row's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, cast

from parapply.backends.api import ItemProgress
from parapply.columns.arrays import take as taken
from parapply.execute.call import Made
from parapply.execute.callers.api import ChunkRun
from parapply.execute.callers.group_tables import below_each_other
from parapply.execute.callers.rows import RowCaller
from parapply.execute.failures.attempts import Step
from parapply.execute.frames import conversion
from parapply.execute.loop import step_of
from parapply.formats.runs.source import RunsBatch
from parapply.functions.group import Group
from parapply.functions.rows import RowColumns
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import ResultError
from parapply.model.records import replace


class GroupCaller(RowCaller):
    """Calls a function for each group of a batch: a Caller."""

    def __init__(self, run: ChunkRun) -> None:
        self.whole, self.run = cast(RunsBatch, run.batch), run
        self.starts = self.whole.starts
        self.stops = np.append(self.starts[1:], self.whole.rows)
        names = _Names(run, self.whole, self.starts)
        assert run.call.grouping is not None
        self.keys = run.call.grouping.keys
        heads = replace(
            run, batch=self.whole.pick(self.starts), where=names.where, end=names.end,
            call=replace(run.call, read=self.keys), places=self.starts.tolist(),
            pace=_RowsDone(run, self.starts, self.stops),
        )  # fmt: skip
        super().__init__(heads)
        self._found: list[Any] = []

    def apply(self) -> Made:
        made = super().apply()
        made.take = self._take(made)
        made.failures = {int(self.starts[g]): f for g, f in made.failures.items()}
        made.groups = self.starts
        return made

    def _take(self, made: Made) -> Any:
        """Return the rows that results stand for: the first ones of their groups."""
        if made.table is not None:
            return made.take
        groups = range(len(self._found)) if made.take is None else made.take
        return self.starts[np.asarray(groups, np.int64)]

    def _given(self, lists: Any, take: Any) -> dict[str, tuple[int, ...]]:
        """Nothing is said to be the input's: a group has many values of it."""
        return {}

    def position(self) -> int:
        """The last row of the group that is being worked on."""
        return int(self.stops[min(self.rounds.position(), len(self.stops) - 1)]) - 1

    def _results(self) -> Made:
        found = self._found
        if not len(self.starts):  # nothing is known of the columns
            return Made("none", {})
        self._run([(self._group_step(found), found)])
        tables = [value for value in found if is_table(value)]
        if tables and not self.call.filter and not self.call.explode:
            return self._of_tables(found)
        return self._made(found, self.call.into, self.call.name)

    def _group_step(self, found: list[Any]) -> Step:
        expression = self.call.expression
        if self.call.frame != "lists":
            return step_of(found, self._callable("df"), self._finish(), self._frames())
        if expression is None:
            return step_of(found, self._callable(""), self._finish(), self._groups())
        return self._lists_step(found)

    def _callable(self, name: str) -> Callable[[Any], Any]:
        if self.call.expression is not None:
            return self.call.expression.function(name)
        assert self.run.function is not None
        return self.run.function

    def _frames(self) -> Callable[[int, int], Iterable[Any]]:
        """Return what gives groups as frames: slices of one, which costs a tenth of many."""
        call, batch = self.call, self.whole
        given = [self.fields[position] for position in call.given]
        arrays = batch.columns(call.given)
        whole = conversion.make_frame(
            call.frame, given, arrays, call.dtype_backend, self.run.metadata
        )
        if call.frame == "pandas":
            whole.index = batch.row_numbers()
        cut = whole.iloc.__getitem__ if call.frame == "pandas" else _sliced(whole)

        def frames(start: int, stop: int) -> Iterator[Any]:
            pairs = zip(self.starts[start:stop], self.stops[start:stop], strict=True)
            return (cut(slice(int(first), int(end))) for first, end in pairs)

        return frames

    def _lists(self) -> RowColumns:
        names = tuple(self.fields[position].name for position in self.call.given)
        return RowColumns(names, lambda place: self.whole.values(self.call.given[place]))

    def _groups(self) -> Callable[[int, int], Iterable[Group]]:
        columns = self._lists()
        lists = [self.batch.values(position) for position in self.keys]
        keys = lists[0] if len(lists) == 1 else list(zip(*lists, strict=True))
        starts, stops = self.starts.tolist(), self.stops.tolist()

        def groups(start: int, stop: int) -> Iterable[Group]:
            part = slice(start, stop)
            return map(Group, repeat(columns), starts[part], stops[part], keys[part])

        return groups

    def _lists_step(self, found: list[Any]) -> Step:
        """Return what evaluates an expression over the lists of columns."""
        expression, finish = self.call.expression, self._finish() or _same
        assert expression is not None
        columns = self._lists()
        names = expression.named(columns.names)
        lists = [columns[name] for name in names]
        loop = expression.loop(names)
        bounds = list(map(slice, self.starts.tolist(), self.stops.tolist()))

        def step(start: int, stop: int) -> None:
            raw: list[Any] = []
            part = bounds[start:stop]
            cut = [[values[bound] for bound in part] for values in lists]
            try:
                loop(raw.append, zip(*cut, strict=True) if cut else part)
            finally:
                found.extend(map(finish, raw))

        return step

    def _of_tables(self, found: list[Any]) -> Made:
        """Put the frames of all groups below each other, with the columns of the key before."""
        tables, failed = [], self.rounds.failures
        groups = [group for group in range(len(found)) if group not in failed]
        for group in groups:
            if found[group] is not None and not is_table(found[group]):
                raise ResultError(
                    f"{self.where(group)} returned {type(found[group]).__name__}, others a "
                    "DataFrame: return the same kind for every group"
                )
        tables = [(group, found[group]) for group in groups if found[group] is not None]
        table, counts = below_each_other([one for _, one in tables], self._placed(tables))
        owners = np.repeat(self.starts[[group for group, _ in tables]], counts)
        kept = [name for name in table.column_names if name not in self.call.drop]
        return self._with_keys(table.select(kept), owners)

    def _placed(self, tables: Sequence[tuple[int, Any]]) -> Callable[[int], str]:
        return lambda place: self.where(tables[place][0])

    def _with_keys(self, table: pa.Table, owners: Any) -> Made:
        assert self.call.grouping is not None
        grouping = self.call.grouping
        here = () if grouping.back else grouping.kept  # else they come with the rows
        kept = {self.fields[position].name: position for position in here}
        new = {n: p for n, p in kept.items() if n not in table.column_names}
        arrays = [taken(array, owners) for array in self.whole.columns(list(new.values()))]
        names = [*new, *table.column_names]
        whole = pa.Table.from_arrays([*arrays, *table.columns], names=names)
        given = {name: (position,) for name, position in new.items()}
        return Made(
            "table", {}, take=owners if given or grouping.back else None, table=whole, given=given
        )


class _Names:
    """What groups are called, and how many there are to be.

    Not the caller's own methods: batches would not go before garbage is collected.
    """

    def __init__(self, run: ChunkRun, whole: RunsBatch, starts: Any) -> None:
        self._where, self._until, self._whole, self._starts = run.where, run.end, whole, starts

    def where(self, group: int) -> str:
        """Name a group; beyond the last one, the input."""
        return self._whole.where(group) if group < len(self._starts) else self._where(group)

    def end(self) -> int | None:
        """Return after how many groups the run is to end, if it is."""
        rows = self._until()
        return None if rows is None else int(np.searchsorted(self._starts, rows))


class _RowsDone:
    """Progress by groups, told as rows: an ItemProgress."""

    def __init__(self, run: ChunkRun, starts: Any, stops: Any) -> None:
        policy = run.call.policy
        self._pace: ItemProgress = run.pace
        # Groups that are run one by one are told by their first rows already.
        self._alone = run.row_by_row is not None or policy.timeout_s or run.rate is not None
        self._stops, self._group, self._rows = stops, 0, 0

    @property
    def relieved(self) -> bool:
        return False

    def __call__(self, count: int) -> None:
        if self._alone:
            self._pace(count)
            return
        self._group += count
        rows = int(self._stops[self._group - 1])
        self._pace(rows - self._rows)
        self._rows = rows

    def within(self, seconds: float | None) -> None:
        self._pace.within(seconds)


def is_table(value: Any) -> bool:
    """Whether a group's result is a frame: rows of its own."""
    kind = type(value)
    if kind in (dict, float, int, str, tuple, list, bool, type(None)):
        return False
    return kind.__name__ in ("DataFrame", "Table", "RecordBatch") or any(
        base.__name__ == "DataFrame" for base in kind.__mro__
    )


def _sliced(whole: Any) -> Callable[[slice], Any]:
    return lambda part: whole.slice(part.start, part.stop - part.start)


def _same(value: Any) -> Any:
    return value
