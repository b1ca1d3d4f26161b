"""Which columns a chunk function gives back as they came, and of which rows. In the worker.

A frame does not hold everything that a table does: in pandas, integers with missing values are
floats, lists and maps are objects, 1.10 is 1.1. So what comes back is compared to what would come
back of the frame as it was given; where it is that, of whatever rows, the input's own values are
written. Rows are known by their labels in pandas, elsewhere by what stands in them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from parapply.columns import json_columns
from parapply.columns.arrays import take, whole
from parapply.execute.frames import to_arrow
from parapply.execute.frames.matching import Match, is_same, match, may_be_moved
from parapply.execute.frames.objects import Objects
from parapply.execute.frames.original import Original
from parapply.formats.common.pandas_schema import INDEX, marks
from parapply.formats.nouns import Field
from parapply.model.deferred_imports import at, np, pa
from parapply.model.errors import ResultError

_Columns = dict[str, Any]  # arrays by name


class Found(NamedTuple):
    """Columns of a table that are the input's, with the names that they may have there."""

    names: Mapping[str, tuple[str, ...]]
    rows: np.ndarray[Any, Any] | None  # which of the frame's rows they have; None: all, in order


NOTHING = Found({}, None)


class Given:
    """A frame that a function is given; `make(anew=True)` makes others like it."""

    def __init__(
        self, make: Callable[..., Any], fields: Sequence[Field], rows: int, objects: Objects
    ) -> None:
        names = [field.name for field in fields]
        self._make, self._rows, self._objects = make, rows, objects
        self._types = {field.name: field.type for field in fields if names.count(field.name) == 1}
        self._indexed = INDEX in names
        self.frame = make()
        self._pandas = to_arrow.is_pandas(self.frame, "DataFrame")
        self._original = Original(self.frame) if self._pandas else None
        self._own = self._original.frame if self._original else self.frame

    def found(self, returned: Any, table: pa.Table, exact: Callable[[str], Sequence[Any]]) -> Found:
        """Return which columns of `table`, made of what was returned, are the frame's.

        `exact` gives a column of the input by its name: as it stands there, and typed. Raises
        ResultError where values beyond what a frame holds were mixed up.
        """
        found = self._found(returned, table, exact)
        others = [name for name in table.column_names if name not in self._types]
        if not others or not self._is_like(returned):
            return found
        rows, sure = self._labelled(returned, untouched=False)
        if not sure:
            return found
        there = {str(label): label for label in returned.columns}
        renamed = {
            name: self._owns(returned[there[name]], name, whole(table.column(name)), rows)
            for name in others
            if name in there
        }
        renamed = {name: owns for name, owns in renamed.items() if owns}
        return self._of({**found.names, **renamed}, rows) if renamed else found

    def column(self, returned: Any, name: str, made: pa.Array) -> tuple[str, ...]:
        """Return which columns a Series is that was returned, and made a column of that name."""
        if not self._pandas or not to_arrow.is_pandas(returned, "Series"):
            return ()
        from parapply.execute.frames.labels import are_anew

        if are_anew(returned.index) or not returned.index.equals(self._own.index):
            return ()
        return self._owns(returned, name, made, np.arange(self._rows))

    def _owns(self, column: Any, name: str, made: pa.Array, rows: Any) -> tuple[str, ...]:
        """Return which of the frame's columns a column of pandas is, the one of its name first."""
        near = [own for own in self._types if self._is_near(column, own, rows)]
        near.sort(key=name.__ne__)
        there = {own: self._as(own, column.name, name) for own in near}
        return tuple(own for own, array in there.items() if _is_of(made, array, rows))

    def _is_near(self, column: Any, name: str, rows: Any) -> bool:
        """Whether the first and last values are those of a column of the frame."""
        if name not in self._own.columns or column.dtype != self._own[name].dtype:
            return False
        own = self._own[name]
        places = (0, len(column) - 1) if len(column) else ()
        return all(_is_alike(column.iloc[place], own.iloc[rows[place]]) for place in places)

    def _as(self, own: str, label: Any, name: str) -> pa.Array | None:
        """Return what comes of a column of the frame under other names."""
        anew = json_columns.is_varied(self._types[own])  # the function may have changed its lists
        column = (self._make(anew=True) if anew else self._own)[own].rename(label)
        with contextlib.suppress(ResultError):
            return to_arrow.as_column(column, name, self._objects)
        return None

    def _found(
        self, returned: Any, table: pa.Table, exact: Callable[[str], Sequence[Any]]
    ) -> Found:
        """Do as `found` for columns that have the names that they had."""
        names = [name for name in table.column_names if name in self._types]
        if len(set(table.column_names)) < table.num_columns or not names:
            return NOTHING
        made = {name: whole(table.column(name)) for name in names}
        untouched = self._untouched(returned, names)
        own = self._back([name for name in names if name not in untouched], table.schema)
        own.update({name: made[name] for name in untouched})
        made = {name: made[name] for name in own}
        if not made:
            return NOTHING
        rows, sure = self._labelled(returned, bool(untouched))
        if rows is None and table.num_rows == self._rows:
            rows = np.arange(self._rows)
        same = _same(made, own, rows)
        others = [name for name in made if name not in same]
        if sure or not may_be_moved(own, {name: made[name] for name in others}):
            return self._of(_own_names(same), rows)
        found = match(own, made)
        if found is None or len(moved := _same(made, own, found.rows)) <= len(same):
            return self._of(_own_names(same), rows)
        return self._of(_own_names(_certain(moved, found, exact)), found.rows)

    def _is_like(self, returned: Any) -> bool:
        """Whether both are frames of pandas, which have labels: a function may return a Table."""
        return self._pandas and to_arrow.is_pandas(returned, "DataFrame")

    def back(self) -> _Columns:
        """Return what comes of the frame's columns where it is given back as it is."""
        table = to_arrow.as_table(self._make(anew=True), self._indexed, self._objects)
        assert table is not None
        return {name: whole(table.column(name)) for name in table.column_names}

    def _untouched(self, returned: Any, names: Sequence[str]) -> set[str]:
        """Return columns that are still in the memory that they were in: nothing is compared."""
        original = self._original if self._is_like(returned) else None
        if original is None or len(returned) != self._rows or not self._rows:
            return set()
        there = {str(label): label for label in returned.columns}
        return {
            name
            for name in names
            if name in self._own.columns
            and name in there
            and original.is_untouched(returned[there[name]], name)
        }

    def _back(self, names: Sequence[str], schema: pa.Schema) -> _Columns:
        """Return what comes of columns as given, where pandas says of them what it says there."""
        if not names:
            return {}
        # Lists and dicts are the very ones that the function was given, and may have changed.
        fresh = any(json_columns.is_varied(self._types[name]) for name in names)
        frame = self._make(anew=True) if fresh else self._own
        if self._pandas:
            frame = frame[[name for name in names if name in frame.columns]]
        table = None
        with contextlib.suppress(ResultError):  # what of it comes back is an error by itself
            table = to_arrow.as_table(frame, self._indexed, self._objects)
        if table is None:
            return {}
        own, other = marks(table.schema), marks(schema)
        alike = [n for n in names if n in table.column_names and _mark(own, n) == _mark(other, n)]
        return {name: whole(table.column(name)) for name in alike}

    def _labelled(self, returned: Any, untouched: bool) -> tuple[Any, bool]:
        """Return the rows that are known by their labels, and whether that is certain."""
        if untouched:
            return np.arange(self._rows), True
        if not self._is_like(returned) or not self._own.index.is_unique:
            return None, False
        from parapply.execute.frames.labels import are_anew

        if are_anew(returned.index):
            return None, False
        rows = self._own.index.get_indexer(returned.index)
        return (None, False) if (rows < 0).any() else (rows, True)

    def _of(self, names: Mapping[str, tuple[str, ...]], rows: Any) -> Found:
        if rows is None or not names:
            return NOTHING
        every = len(rows) == self._rows and bool((rows == np.arange(self._rows)).all())
        return Found(names, None if every else rows)


def _own_names(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


def _is_alike(one: Any, other: Any) -> bool:
    if one is other or type(one) is not type(other):
        return one is other
    nested = hasattr(one, "__len__") and not isinstance(one, (str, bytes))
    return not nested and bool(one == other or (one != one and other != other))


def _is_of(made: pa.Array, own: pa.Array | None, rows: Any) -> bool:
    """Whether a column has these values of another."""
    return own is not None and is_same(made, take(own, rows))


def _mark(known: Mapping[str, tuple[Any, dict[str, Any]]], name: str) -> Any:
    return known[name][1] if name in known else None


def _same(made: _Columns, own: _Columns, rows: Any) -> list[str]:
    """Return the columns that have the frame's values, of these rows."""
    if rows is None:
        return []
    first = len(rows) and bool((rows == np.arange(len(rows))).all())
    picked = {
        name: array if first and len(array) == len(rows) else take(array, rows)
        for name, array in own.items()
    }
    return [n for n in made if made[n] is own[n] or is_same(made[n], picked[n])]


def _certain(
    names: Sequence[str], found: Match, exact: Callable[[str], Sequence[Any]]
) -> list[str]:
    """Return columns without those of which several values may be meant."""
    left = []
    for name in names:
        stands, typed = exact(name)
        if found.tells(stands):
            left.append(name)
        elif at.is_integer(typed.type) and not found.tells(typed):
            raise ResultError(
                f"column {name!r} has whole numbers that are the same as floats, which pandas has "
                "for them beside missing ones, and which of them the function gives back cannot be "
                "told: keep the index (no reset_index), or say --dtype-backend pyarrow"
            )
    return left
