"""A made column as the list that it was made as: of one type that needs no Arrow to be told.

What else there is among results (dates, dicts, numpy's numbers, ...) is for
columns/values/convert.py, and so is what is wrong with them: see `listed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.model.records import record

_EXACT = 2**62  # see builders.floats_with_others: larger ones beside floats are looked at there


@record
class ListColumn:
    """Values of one type, by its name (columns/type_names.py), and None where there is none."""

    type: str
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def first(self) -> int:
        """The position of the first value that is not None, or 0 where all are."""
        return next((place for place, value in enumerate(self.values) if value is not None), 0)

    def retyped(self, type_: str) -> ListColumn:
        """Return the column as a type that `names.joined` gave for it and others."""
        if type_ == self.type or self.type == "null":
            return ListColumn(type_, self.values)
        return ListColumn(type_, [None if value is None else float(value) for value in self.values])


def listed(values: Sequence[Any]) -> ListColumn | None:
    """Return results as a column, as `convert.to_array` would; None where it takes Arrow."""
    types = set(map(type, values)) - {type(None)}
    if types == {int, float} and all(value is None or abs(value) < _EXACT for value in values):
        return ListColumn("int64", values).retyped("double")
    if len(types) > 1 or not types <= _TYPES.keys():
        return None
    if int in types and not _fits(values):
        return None
    if str in types and not _encodes(values):
        return None
    return ListColumn(_TYPES[types.pop()] if types else "null", values)


_TYPES: dict[type, str] = {bool: "bool", int: "int64", float: "double", str: "string"}


def _fits(values: Sequence[Any]) -> bool:
    return all(value is None or -(2**63) <= value < 2**63 for value in values)


def _encodes(values: Sequence[Any]) -> bool:
    try:
        "".join([value for value in values if value is not None]).encode()
    except UnicodeEncodeError:
        return False
    return True
