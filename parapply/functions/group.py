"""What a group function is given without a frame: the rows of one key as lists. In the worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parapply.functions.rows import Row, RowColumns, no_column


class Group:
    """All rows of one key: a mapping of column names to lists of values, `group["fare"]`.

    `group.fare` is the same; missing values are None. `group.key` is the key's value, of several
    columns a tuple of values; `len(group)` is the number of rows and `group.rows` has each as a
    Row. The lists are the group's own.
    """

    __slots__ = ("_columns", "_start", "_stop", "key")
    HARMLESS = ("key",)  # what tells nothing of the columns

    def __init__(self, columns: RowColumns, start: int, stop: int, key: Any) -> None:
        self._columns, self._start, self._stop, self.key = columns, start, stop, key

    def __getitem__(self, name: str | int) -> list[Any]:
        return self._columns[name][self._start : self._stop]

    def __getattr__(self, name: str) -> list[Any]:
        if name not in Group.__slots__ and name in self._columns.names:
            return self[name]
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(no_column(name, self._columns.names))

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns.labels)

    def __contains__(self, name: object) -> bool:
        return name in self._columns.names

    def __repr__(self) -> str:
        return f"Group(key={self.key!r}, rows={len(self)}, columns={list(self._columns.labels)!r})"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names, in the order of the input."""
        return self._columns.names

    @property
    def rows(self) -> list[Row]:
        """The rows, in the order of the input or of --sort-by."""
        return [Row(self._columns, position) for position in range(self._start, self._stop)]

    def keys(self) -> list[str]:
        """Return the columns' names, each once: `dict(group)` has all lists."""
        return list(self._columns.labels)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a column's values, or `default` where there is no such column."""
        return self[name] if name in self._columns.names else default


Mapping.register(Group)
