"""What the values of a column are, in one piece of the input and over all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

from parapply.values.builders import encodes

_NUMBERS = ("int", "digits", "float")  # each holds those before it
_DEEPEST = 32  # what is nested deeper than that is text: an Arrow file holds 64 levels


class Kind(NamedTuple):
    """null, bool, int, digits (integers that 64 bits do not hold), float, text, list or object.

    Joining is associative, so that how the input was cut into pieces does not matter: the kinds
    are a lattice, with text above all others.
    """

    name: str
    nulls: bool  # whether any value is missing
    item: Kind | None = None  # of a list
    members: tuple[tuple[str, Kind], ...] = ()  # of an object, in order of first appearance

    def join(self, other: Kind) -> Kind:
        """Return the kind of both pieces together, `other` being the later one."""
        nulls = self.nulls or other.nulls
        if other.name == "null":
            return self._replace(nulls=nulls)
        if self.name == "null":
            return other._replace(nulls=nulls)
        if self.name in _NUMBERS and other.name in _NUMBERS:
            return Kind(max(self.name, other.name, key=_NUMBERS.index), nulls)
        if self.name != other.name:
            return Kind("text", nulls)
        if self.item is not None and other.item is not None:
            return Kind("list", nulls, self.item.join(other.item))
        return Kind(self.name, nulls, None, _join_members(self.members, other.members))

    @property
    def type(self) -> Any:
        """The Arrow type that holds the values."""
        if self.item is not None:
            return pa.list_(self.item.type)
        if self.name == "object":
            return pa.struct([pa.field(name, kind.type) for name, kind in self.members])
        return _TYPES[self.name]


NOTHING = Kind("null", False)
_TYPES = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "digits": pa.string(),
    "float": pa.float64(),
    "text": pa.string(),
}


def kind_of(values: list[Any], depth: int = 0) -> Kind:
    """Return the kind of parsed values."""
    types = set(map(type, values))
    nulls = type(None) in types
    types.discard(type(None))
    known = [value for value in values if value is not None] if nulls else values
    if len(types) > 1:
        found = ([value for value in known if type(value) is type_] for type_ in types)
    else:
        found = (known for _ in types)
    kinds = (_KINDS[type(same[0])](same, depth) for same in found)
    return reduce(Kind.join, kinds, Kind("null", nulls))


def keys_of(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return all keys, in order of first appearance."""
    return list(dict.fromkeys(chain.from_iterable(objects)))


def _join_members(
    one: tuple[tuple[str, Kind], ...], other: tuple[tuple[str, Kind], ...]
) -> tuple[tuple[str, Kind], ...]:
    if one == other:
        return one
    joined = dict(one)
    for name, kind in other:
        joined[name] = joined[name].join(kind) if name in joined else kind
    return tuple(joined.items())


def _int(values: list[int], depth: int) -> Kind:
    fits = min(values) >= -(2**63) and max(values) < 2**63
    return Kind("int" if fits else "digits", False)


def _list(values: list[list[Any]], depth: int) -> Kind:
    if depth >= _DEEPEST:
        return Kind("text", False)
    return Kind("list", False, kind_of(list(chain.from_iterable(values)), depth + 1))


def _object(values: list[dict[str, Any]], depth: int) -> Kind:
    keys = keys_of(values)
    if depth >= _DEEPEST or not all(map(encodes, keys)):
        return Kind("text", False)
    inner = [(key, kind_of([value.get(key) for value in values], depth + 1)) for key in keys]
    return Kind("object", False, None, tuple(inner))


_KINDS: dict[type, Callable[[list[Any], int], Kind]] = {
    bool: lambda values, depth: Kind("bool", False),
    int: _int,
    float: lambda values, depth: Kind("float", False),
    str: lambda values, depth: Kind("text", False),
    list: _list,
    dict: _object,
}
