"""What a row function is given, and the loop over rows. Runs in the worker.

A `Row` is a position and a reference to the chunk's columns; a column becomes a Python list when
it is first asked for. That costs 0.3 us a row, where a dict of nine columns costs four times that
and the Series of `DataFrame.apply(axis=1)` thirty times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Columns(dict[str | int, list[Any]]):
    """The columns of a chunk by name: each is made into a list when it is first looked up.

    By position, too: `make` is asked for a name, or for the position of a column whose name an
    earlier one has.
    """

    __slots__ = ("_keys", "_make", "names")

    def __init__(self, names: tuple[str, ...], make: Callable[[str | int], list[Any]]) -> None:
        super().__init__()
        self.names = names
        self._make = make
        self._keys: tuple[str | int, ...] | None = None

    @property
    def keys_in_order(self) -> tuple[str | int, ...]:
        """What each column is looked up by: its name, or its position where that is taken."""
        if self._keys is None:
            first = {name: place for place, name in reversed(list(enumerate(self.names)))}
            pairs = enumerate(self.names)
            self._keys = tuple(name if first[name] == place else place for place, name in pairs)
        return self._keys

    def __missing__(self, key: str | int) -> list[Any]:
        if isinstance(key, int):
            own = self.keys_in_order[key]
            values = self._make(own) if isinstance(own, int) else self[own]
        else:
            values = self._make(key)
        self[key] = values
        return values


class Row:
    """One row: `row["x"]`, `row.x`, `row.get("x")`, `dict(row)`, `**row`, iteration over names.

    Missing values are None. A whole number as key is a position; of columns of one name, the name
    is the first one's. What else a pandas Series can do
    (`row.sum()`) is done by making one. Setting a value changes this row only, for a function
    that returns it.
    """

    __slots__ = ("_columns", "_position")

    def __init__(self, columns: Any, position: int) -> None:
        self._columns = columns
        self._position = position

    def __getitem__(self, name: str | int) -> Any:
        return self._columns[name][self._position]

    def __getattr__(self, name: str) -> Any:
        if name in Row.__slots__:  # not set yet: the row is being copied
            raise AttributeError(name)
        if name in self._columns.names:
            return self._columns[name][self._position]
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self.to_series(), name)
        except AttributeError:
            raise AttributeError(no_column(name, self._columns.names)) from None

    def __setitem__(self, name: str, value: Any) -> None:
        columns = self._columns
        if not isinstance(columns, _Own):
            columns = _Own({key: [columns[key][self._position]] for key in columns.names})
            self._columns, self._position = columns, 0
        columns[name] = [value]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns.names)

    def __len__(self) -> int:
        return len(self._columns.names)

    def __contains__(self, name: object) -> bool:
        return name in self._columns.names

    def __eq__(self, other: object) -> bool:
        return dict(self) == (dict(other) if isinstance(other, Row) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Row({dict(self)!r})"

    def keys(self) -> tuple[str, ...]:
        """Return the column names, in order."""
        return tuple(self._columns.names)

    def values(self) -> list[Any]:
        """Return the values, in the order of the columns."""
        columns, position = self._columns, self._position
        return [columns[key][position] for key in columns.keys_in_order]

    def items(self) -> list[tuple[str, Any]]:
        """Return (name, value) pairs, in the order of the columns."""
        return list(zip(self._columns.names, self.values(), strict=True))

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a column, or `default` where there is no such column."""
        return self[name] if name in self._columns.names else default

    def to_dict(self) -> dict[str, Any]:
        """Return the row as a dict of Python values."""
        return {name: self[name] for name in self._columns.names}

    def to_series(self) -> Any:
        """Return the row as a pandas Series (imports pandas)."""
        import pandas as pd

        return pd.Series(self.values(), index=list(self._columns.names))


class _Own(dict[str, list[Any]]):
    """The columns of a row that was written to: it no longer shares the chunk's."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self)

    keys_in_order = names

    def __missing__(self, name: str | int) -> list[Any]:
        if isinstance(name, int):
            return self[self.names[name]]
        raise KeyError(no_column(name, self.names))


def no_column(name: object, names: tuple[str, ...]) -> str:
    """Say that there is no such column, with the nearest name or the list of them."""
    import difflib

    near = difflib.get_close_matches(str(name), names, n=1)
    if near:
        return f"no column {name!r}; did you mean {near[0]!r}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"no column {name!r}; there are: {shown}"
