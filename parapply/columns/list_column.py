"""A result column kept as a list, for types that need no Arrow.

Other results (dates, dicts, numpy scalars, ...) and errors are for values/convert.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.model.records import record

_EXACT = 2**62  # builders.floats_with_others checks larger integers beside floats


@record
class ListColumn:
    """Values of one type, named as in type_names.py, and None."""

    type: str
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def first(self) -> int:
        """The position of the first value that is not None, else 0."""
        return next((place for place, value in enumerate(self.values) if value is not None), 0)

    def retyped(self, type_: str) -> ListColumn:
        """Return the column as a type that `type_names.joined` gave for it and another."""
        if type_ == self.type or self.type == "null":
            return ListColumn(type_, self.values)
        return ListColumn(type_, [None if value is None else float(value) for value in self.values])


def listed(values: Sequence[Any]) -> ListColumn | None:
    """Return results as the column that `convert.to_array` makes; None where it takes Arrow."""
    types = set(map(type, values)) - {type(None)}
    if types == {int, float} and all(value is None or abs(value) < _EXACT for value in values):
        return ListColumn("int64", values).retyped("double")
    if len(types) > 1 or not types <= _TYPES.keys():
        return None
    if (int in types and not _fits(values)) or (str in types and not _encodes(values)):
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
