"""Schema elements of a Parquet file: how columns are stored, and what their values mean.

Output columns that are the input's keep its elements, and so types that Arrow has no name for
(intervals, times with a zone, variants, decimals in integers, INT96). In the parent and in workers.
Field numbers are those of parquet.thrift, see footer.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow.types as at

from parapply.formats.parquet.thrift import I32, Struct
from parapply.model.records import record

INT32, INT64, INT96, BYTE_ARRAY, FIXED = 1, 2, 3, 6, 7  # physical types
_TYPE, WIDTH, _REPETITION, _NAME, CHILDREN, _CONVERTED, _SCALE, _LOGICAL = 1, 2, 3, 4, 5, 6, 7, 10
_REQUIRED, _OPTIONAL, _REPEATED = range(3)
_DECIMAL, _INTERVAL, _FIRST_UNSIGNED, _LAST_UNSIGNED = 5, 21, 11, 14  # converted types
_L_DECIMAL, _L_TIME, _L_TIMESTAMP, _L_INTEGER, _L_FLOAT16 = 5, 7, 8, 10, 15  # logical ones
_L_UNORDERED = {16, 17, 18}  # variants, geometries, geographies
_UNITS = {1: "ms", 2: "us", 3: "ns"}
_CONVERTED_UNITS = {7: "ms", 8: "us", 9: "ms", 10: "us"}


@record
class Layout:
    """The columns of an input that are stored otherwise than Arrow would store their types."""

    columns: Mapping[str, tuple[Any, list[Struct]]]  # name -> Arrow type, elements
    refused: frozenset[str]  # columns that cannot be stored so

    def of(self, field: Any) -> list[Struct] | None:
        """Return the elements for a field of the output; None where Arrow's own will do."""
        type_, elements = self.columns.get(field.name, (None, []))
        if type_ is None or not are_alike(type_, field.type):
            return None
        _, repetition = elements[0].get(_REPETITION, (I32, _REQUIRED))
        if repetition == _REPEATED:
            return None if field.nullable else elements
        told = I32, _OPTIONAL if field.nullable else _REQUIRED
        return [{**elements[0], _REPETITION: told}, *elements[1:]]


class Leaf(NamedTuple):
    """A leaf of a column."""

    path: tuple[str, ...]
    element: Struct
    levels: tuple[int, int]  # the greatest definition and repetition level

    @property
    def physical(self) -> int:
        return physical(self.element)


def are_alike(one: Any, other: Any) -> bool:
    """Whether pages of one type can be read as the other, as Arrow's types of text can."""
    return bool(one == other or (_is_text(one) and _is_text(other)))


def _is_text(type_: Any) -> bool:
    return bool(at.is_string(type_) or at.is_large_string(type_) or at.is_string_view(type_))


def physical(element: Struct) -> int:
    """Return the number of a leaf's physical type."""
    return int(element[_TYPE][1])


def width(element: Struct) -> int:
    """Return the bytes of a fixed-length value."""
    return int(element[WIDTH][1])


def unit(element: Struct) -> str | None:
    """Return the unit of a time or timestamp: "ms", "us" or "ns"; None for other types."""
    _, logical = element.get(_LOGICAL, (0, {}))
    for number in (_L_TIME, _L_TIMESTAMP):
        if number in logical:
            _, units = logical[number][1][2]
            return _UNITS[next(iter(units))]
    return _CONVERTED_UNITS.get(_converted(element))


def leaves_of(column: Sequence[Struct]) -> list[Leaf]:
    """Return the leaves of a top-level column, in order."""
    return list(_walk(iter(column), (), 0, 0))


def _walk(
    elements: Iterator[Struct], path: tuple[str, ...], defined: int, repeated: int
) -> Iterator[Leaf]:
    element = next(elements)
    path = (*path, str(element[_NAME][1], "utf-8", "surrogateescape"))
    repetition = element.get(_REPETITION, (0, _REQUIRED))[1]
    defined += repetition != _REQUIRED
    repeated += repetition == _REPEATED
    count = element.get(CHILDREN, (0, 0))[1]
    if not count:
        yield Leaf(path, element, (defined, repeated))
    for _ in range(count):
        yield from _walk(elements, path, defined, repeated)


def order(column: Sequence[Struct]) -> list[str]:
    """Return, for each leaf, the sort order that readers assume for its values."""
    unordered = any(set(element.get(_LOGICAL, (0, {}))[1]) & _L_UNORDERED for element in column)
    return ["none" if unordered else _order(leaf.element) for leaf in leaves_of(column)]


def _order(element: Struct) -> str:
    _, logical = element.get(_LOGICAL, (0, {}))
    converted, stored = _converted(element), physical(element)
    if stored == INT96 or converted == _INTERVAL:
        return "none"
    if stored in (INT32, INT64):
        signed = logical[_L_INTEGER][1][2][1] if _L_INTEGER in logical else True
        unsigned = _FIRST_UNSIGNED <= converted <= _LAST_UNSIGNED or not signed
        return "unsigned" if unsigned else "signed"
    if converted == _DECIMAL or _L_DECIMAL in logical:
        return "decimal"
    return "float16" if _L_FLOAT16 in logical else f"bytes {stored}"


def is_nameless(column: Sequence[Struct], plain: Sequence[Struct]) -> bool:
    """Whether a column has a meaning that its Arrow type, written as `plain`, loses."""
    return meanings(column) != meanings(plain) and any(map(_has_no_name, column))


def _has_no_name(element: Struct) -> bool:
    _, logical = element.get(_LOGICAL, (0, {}))
    of_zone = _L_TIME in logical and logical[_L_TIME][1][1][1]
    return bool(set(logical) & _L_UNORDERED or of_zone or _converted(element) == _INTERVAL)


def meanings(column: Sequence[Struct]) -> list[Any]:
    """Return the converted and logical type of each element."""
    return [(element.get(_CONVERTED), element.get(_LOGICAL)) for element in column]


def _converted(element: Struct) -> int:
    return int(element.get(_CONVERTED, (0, -1))[1])
