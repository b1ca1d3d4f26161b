"""The function's calls for groups whose rows each have a result: --each, --filter. In the worker.

A list, Series or array of the group's length has one for each row, in the order in which the rows
were given; anything else is every row's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from parapply.columns.arrays import columns_of
from parapply.columns.type_words import clash
from parapply.columns.unify import unify
from parapply.execute.call import Made
from parapply.execute.callers.groups import GroupCaller, is_table
from parapply.execute.callers.pieces import _stack
from parapply.execute.frames import to_arrow
from parapply.execute.results import build
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import ResultError

_KEPT = "kept"  # the column of a filter


class EachCaller(GroupCaller):
    """Calls a function for each group, and makes a column beside its rows: a Caller."""

    def _finish(self) -> None:
        return None

    def _take(self, made: Made) -> Any:
        return made.take

    def _results(self) -> Made:
        found = self._found
        self._run([(self._group_step(found), found)])
        failed = self.rounds.failures
        skipped = failed if self.call.policy.on_error == "skip" else {}
        groups = [group for group in range(len(found)) if group not in skipped]
        sizes = (self.stops - self.starts)[groups]
        name = (
            _KEPT if self.call.filter else self.call.into[0] if self.call.into else self.call.name
        )
        results = [found[group] for group in groups]
        columns = self._columns_of(results, groups, sizes, name)
        take = None
        if len(groups) < len(self.starts):
            spans = [np.arange(self.starts[g], self.stops[g]) for g in groups]
            take = np.concatenate(spans) if spans else np.array([], np.int64)
        if self.call.filter:
            columns = {_KEPT: self._truth(columns[_KEPT], take)}
        return Made("scalar" if set(columns) == {name} else "fields", columns, take)

    def _columns_of(
        self, results: list[Any], groups: Sequence[int], sizes: Any, name: str
    ) -> dict[str, pa.Array]:
        several = [_members(result) for result in results]
        if not any(several):
            return {name: self._column(name, results, groups, sizes)}
        names = dict.fromkeys(key for one in several if one for key in one)
        for group, result, one in zip(groups, results, several, strict=True):
            if one is None and result is not None:
                raise ResultError(
                    f"{self.where(group)} returned {type(result).__name__}, others a dict or a "
                    "frame: return the same kind for every group"
                )
        return {
            str(key): self._column(str(key), [one.get(key) if one else None for one in several],
                                   groups, sizes)
            for key in names
        }  # fmt: skip

    def _column(self, name: str, results: list[Any], groups: Sequence[int], sizes: Any) -> pa.Array:
        counts = sizes.tolist()
        for group, result, count in zip(groups, results, counts, strict=True):
            if _is_sequence(result) and len(result) != count:
                raise ResultError(
                    f"{self.where(group)}: the function returned {len(result)} values for "
                    f"{count} rows; return one for each, or a single one"
                )
        if all(type(result) is list or not _is_sequence(result) for result in results):
            values: list[Any] = []
            for result, count in zip(results, counts, strict=True):
                values.extend(result if type(result) is list else [result] * count)
            made = build.build_columns(
                {name: values}, self._where_of(groups, counts), self.call.types,
                as_text=self.call.as_text,
            )  # fmt: skip
            return made[name]
        return self._joined(name, results, groups, counts)

    def _joined(
        self, name: str, results: list[Any], groups: Sequence[int], counts: list[int]
    ) -> pa.Array:
        """Put arrays of any kind below each other."""
        arrays, type_ = [], pa.null()
        for group, result, count in zip(groups, results, counts, strict=True):
            where = self.where(group)
            try:
                values = self._aligned(result, group) if _is_sequence(result) else [result] * count
                array = to_arrow.as_column(values, name)
            except ResultError as error:
                raise ResultError(f"{where}: {error}") from error
            assert array is not None
            known, type_ = type_, unify(type_, array.type)
            if type_ is None:
                one, other = clash(known, array.type)
                raise ResultError(
                    f"column {name!r}: groups before gave {one}, {where} gave {other}; one column "
                    "holds one type: return str for both, say"
                )
            arrays.append(array)
        where_of = self._where_of(groups, counts)
        return build.force(name, _stack(arrays, type_), self.call.types, where_of)

    def _aligned(self, result: Any, group: int) -> Any:
        """Return a Series in the order of the group's rows, where its index says which they are."""
        if not to_arrow.is_pandas(result, "Series") or type(result.index).__name__ == "RangeIndex":
            return result
        own = self.whole.row_numbers()[self.starts[group] : self.stops[group]]
        index = result.index.to_numpy()
        if index.dtype != own.dtype or bool((index == own).all()):
            return result
        if bool((np.sort(index) == np.sort(own)).all()):
            return result.loc[own]
        return result

    def _truth(self, column: pa.Array, take: Any) -> pa.Array:
        """Return a filter's column as truth values: a missing one is not true."""
        del take
        return pa.array([bool(value) for value in column.to_pylist()], pa.bool_())

    def _where_of(self, groups: Sequence[int], counts: list[int]) -> Callable[[int], str]:
        ends = np.cumsum(counts)

        def where(position: int) -> str:
            return self.where(groups[min(int(np.searchsorted(ends, position, "right")),
                                          len(groups) - 1)])  # fmt: skip

        return where


def _is_sequence(result: Any) -> bool:
    """Whether a result has a value for each row: text, bytes and dicts are one value."""
    if type(result) in (list, tuple, range):
        return True
    if type(result) in (float, int, str, bool, bytes, dict, type(None)):
        return False
    array = isinstance(result, (pa.Array, pa.ChunkedArray)) or to_arrow.is_pandas(result, "Series")
    return array or getattr(result, "ndim", 0) == 1 or type(result).__name__ == "Series"


def _members(result: Any) -> dict[Any, Any] | None:
    """Return the columns of a dict or frame, None of anything else."""
    if isinstance(result, dict):
        return result
    if not is_table(result):
        return None
    if to_arrow.is_pandas(result, "DataFrame"):
        return {name: result[name] for name in result.columns}
    table = to_arrow.as_table(result)
    return None if table is None else dict(columns_of(table))
