"""What a row function is given, and the loop over rows. Runs in the worker.

A `Row` is a position and a reference to the chunk's columns; a column becomes a Python list when
it is first asked for. That costs 0.3 us a row, where a dict of nine columns costs four times that
and the Series of `DataFrame.apply(axis=1)` thirty times.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from parapply.columns.duplicates import RENAME, check_single, check_unique

BY_POSITION = "row[0] is the first column's value, whatever its name"


class RowColumns(dict[str | int, list[Any]]):
    """The columns of a chunk, by name and by position: each is made when it is first looked up.

    `make` is asked for the list of the column at a position.
    """

    __slots__ = ("_make", "labels", "names")

    def __init__(self, names: tuple[str, ...], make: Callable[[int], list[Any]]) -> None:
        super().__init__()
        self.names = names
        self.labels = dict.fromkeys(names).keys()  # each once
        self._make = make

    def __missing__(self, key: str | int) -> list[Any]:
        if not isinstance(key, int):
            values = self[self._place(key)]
        elif key < 0 and -key <= len(self.names):
            values = self[key + len(self.names)]
        elif 0 <= key < len(self.names):
            values = self._make(key)
        else:
            raise IndexError(f"no column {key}; there are {len(self.names)}, counted from 0")
        self[key] = values
        return values

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(no_column(name, self.names))
        check_single([name], self.names, way=f"{BY_POSITION}, or {RENAME}")
        return self.names.index(name)


class Row:
    """One row: a mapping of names to values, of which each is also an attribute, `row.x`.

    Missing values are None. A whole number as key is a position; a name that several columns have
    is an error, and so is to make a dict of them. What else a pandas Series can do (`row.sum()`)
    is done by making one. Setting a value changes this row only, for a function that returns it.
    A copy, and what a row is pickled as, keeps its own values.
    """

    __slots__ = ("_columns", "_position")

    def __init__(self, columns: Any, position: int) -> None:
        self._columns = columns
        self._position = position

    def __getitem__(self, name: str | int) -> Any:
        return self._columns[name][self._position]

    def __getattr__(self, name: str) -> Any:
        if name in Row.__slots__:  # not set yet
            raise AttributeError(name)
        if name in self._columns.names:
            return self._columns[name][self._position]
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self.to_series(), name)
        except AttributeError:
            raise AttributeError(no_column(name, self._columns.names)) from None

    def __setitem__(self, name: str | int, value: Any) -> None:
        if not isinstance(self._columns, _Own):
            self._columns, self._position = _Own(self._columns.names, self._list()), 0
        self._columns.put(name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns.names)

    def __len__(self) -> int:
        return len(self._columns.names)

    def __contains__(self, name: object) -> bool:
        return name in self._columns.names

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Row) and other._columns.names == self._columns.names:
            return self._list() == other._list()
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: object) -> dict[Any, Any]:
        return {**self, **other} if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: object) -> dict[Any, Any]:
        return {**other, **self} if isinstance(other, Mapping) else NotImplemented

    def __copy__(self) -> Row:
        if isinstance(self._columns, _Own):
            return _detached(self._columns.names, self._list())
        return Row(self._columns, self._position)

    def __reduce__(self) -> tuple[Any, ...]:
        return _detached, (self._columns.names, self._list())

    def __repr__(self) -> str:
        pairs = zip(self._columns.names, self._list(), strict=True)
        return f"Row({{{', '.join(f'{name!r}: {value!r}' for name, value in pairs)}}})"

    def keys(self) -> KeysView[str]:
        """Return the column names, in order, each once."""
        return self._columns.labels  # type: ignore[no-any-return]

    def values(self) -> ValuesView[Any]:
        """Return the values, in the order of the columns."""
        return _Values(self)

    def items(self) -> ItemsView[str, Any]:
        """Return (name, value) pairs, in the order of the columns."""
        return _Items(self)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a column, or `default` where there is no such column."""
        return self[name] if name in self._columns.names else default

    def to_dict(self) -> dict[str, Any]:
        """Return the row as a dict of Python values."""
        columns, position = self._columns, self._position
        return {name: columns[name][position] for name in columns.names}

    def to_series(self) -> Any:
        """Return the row as a pandas Series (imports pandas)."""
        import pandas as pd

        return pd.Series(self._list(), index=list(self._columns.names))

    def _list(self) -> list[Any]:
        columns, position = self._columns, self._position
        return [columns[place][position] for place in range(len(columns.names))]


Mapping.register(Row)  # which is also what makes `match row: case {"x": x}` look into it


class _Values(ValuesView[Any]):
    """Without names, so that columns of one name do no harm."""

    __slots__ = ()
    _mapping: Row

    def __iter__(self) -> Iterator[Any]:
        return iter(self._mapping._list())

    def __contains__(self, value: object) -> bool:
        return value in self._mapping._list()


class _Items(ItemsView[str, Any]):
    """Pairs made in one go."""

    __slots__ = ()
    _mapping: Row

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        columns = self._mapping._columns
        if len(columns.labels) < len(columns.names):
            check_unique(columns.names, way=f"{BY_POSITION}, or {RENAME}")
        return zip(columns.names, self._mapping._list(), strict=True)


class _Own(RowColumns):
    """The columns of a row that was written to, or taken away: it does not share the chunk's."""

    __slots__ = ("_values",)

    def __init__(self, names: tuple[str, ...], values: list[Any]) -> None:
        super().__init__(names, lambda place: [values[place]])
        self._values = values

    def put(self, key: str | int, value: Any) -> None:
        """Set the value of a column, which is added if there is none of that name."""
        if isinstance(key, int):
            place = range(len(self.names))[key]
        elif key in self.names:
            place = self._place(key)
        else:
            place, self.names = len(self.names), (*self.names, key)
            self.labels = dict.fromkeys(self.names).keys()
        self._values[place : place + 1] = [value]
        self.clear()


def _detached(names: tuple[str, ...], values: list[Any]) -> Row:
    """Return a row that is no chunk's: what a pickled one becomes."""
    return Row(_Own(names, values), 0)


def no_column(name: object, names: tuple[str, ...]) -> str:
    """Say that there is no such column, with the nearest name or the list of them."""
    import difflib

    near = difflib.get_close_matches(str(name), names, n=1)
    if near:
        return f"no column {name!r}; did you mean {near[0]!r}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"no column {name!r}; there are: {shown}"
