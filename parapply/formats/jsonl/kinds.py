"""The kinds of a column's values, in one piece of the input and over all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

from parapply.columns.values.builders import encodes

_DEEPEST = 32  # deeper nesting is JSON: an Arrow file holds 64 levels
EXACT = 2**53  # floats hold every integer up to this


class JsonKind(NamedTuple):
    """null, bool, int, long (beyond what floats hold), float, text, list, object or JSON.

    A list or object is of one kind if one Arrow type holds every value unchanged: objects with the
    same keys, each once, and values of one kind. All other mixtures are JSON.

    Kinds form a lattice with JSON on top, so joining is associative: the result does not depend on
    how the input was cut into pieces.
    """

    name: str
    nulls: bool  # whether any value is missing
    item: JsonKind | None = None  # of a list
    members: tuple[tuple[str, JsonKind], ...] = ()  # of an object, in order of first appearance
    twice: bool = False  # some line has the column's key twice: see repeated_keys.py

    def join(self, other: JsonKind) -> JsonKind:
        """Return the kind of both pieces together, `other` being the later one."""
        joined = self._join(other)
        twice = self.twice or other.twice
        return joined if joined.twice is twice else joined._replace(twice=twice)

    def _join(self, other: JsonKind) -> JsonKind:
        nulls = self.nulls or other.nulls
        if other.name == "null":
            return self._replace(nulls=nulls)
        if self.name == "null":
            return other._replace(nulls=nulls)
        if self.name != other.name:
            return JsonKind(_NUMBERS.get(frozenset((self.name, other.name)), "json"), nulls)
        if self.item is not None and other.item is not None:
            return _list_of(self.item.join(other.item), nulls)
        if self.members:
            return _object_of(self.members, other.members, nulls)
        return self._replace(nulls=nulls)

    @property
    def type(self) -> Any:
        if self.item is not None:
            return pa.list_(self.item.type)
        if self.name == "object":
            return pa.struct([pa.field(name, kind.type) for name, kind in self.members])
        return _TYPES[self.name]


NOTHING, ANYTHING = JsonKind("null", False), JsonKind("json", False)
_NUMBERS = {frozenset(("int", "long")): "long", frozenset(("int", "float")): "float"}
_TYPES = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "json": pa.json_(),
}


def kind_of(values: list[Any], depth: int = 0) -> JsonKind:
    """Return the kind of parsed values."""
    types = set(map(type, values))
    nulls = type(None) in types
    types.discard(type(None))
    if not types <= {int, float} and len(types) > 1:
        return JsonKind("json", nulls)
    known = [value for value in values if value is not None] if nulls else values
    if len(types) > 1:
        found = ([value for value in known if type(value) is type_] for type_ in types)
    else:
        found = (known for _ in types)
    kinds = (_KINDS[type(same[0])](same, depth) for same in found)
    return reduce(JsonKind.join, kinds, JsonKind("null", nulls))


def keys_of(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return all keys, in order of first appearance."""
    return list(dict.fromkeys(chain.from_iterable(objects)))


def _list_of(item: JsonKind, nulls: bool) -> JsonKind:
    return JsonKind("json", nulls) if item.name == "json" else JsonKind("list", nulls, item)


def _object_of(
    one: tuple[tuple[str, JsonKind], ...], other: tuple[tuple[str, JsonKind], ...], nulls: bool
) -> JsonKind:
    if one == other:
        return JsonKind("object", nulls, None, one)
    others = dict(other)
    if len(one) != len(other) or not all(name in others for name, _ in one):
        return JsonKind("json", nulls)
    joined = [(name, kind.join(others[name])) for name, kind in one]
    if any(kind.name == "json" for _, kind in joined):
        return JsonKind("json", nulls)
    return JsonKind("object", nulls, None, tuple(joined))


def _int(values: list[int], depth: int) -> JsonKind:
    least, most = min(values), max(values)
    if least >= -EXACT and most <= EXACT:
        return JsonKind("int", False)
    return JsonKind("long" if least >= -(2**63) and most < 2**63 else "json", False)


def _list(values: list[list[Any]], depth: int) -> JsonKind:
    if depth >= _DEEPEST:
        return JsonKind("json", False)
    return _list_of(kind_of(list(chain.from_iterable(values)), depth + 1), False)


def _object(values: list[dict[str, Any]], depth: int) -> JsonKind:
    keys = values[0].keys()
    alike = keys and all(value.keys() == keys for value in values)
    if depth >= _DEEPEST or not alike or not all(map(encodes, keys)):
        return JsonKind("json", False)
    inner = []
    for key in keys:
        kind = kind_of([value[key] for value in values], depth + 1)
        if kind.name == "json":
            return JsonKind("json", False)
        inner.append((key, kind))
    return JsonKind("object", False, None, tuple(inner))


_KINDS: dict[type, Callable[[list[Any], int], JsonKind]] = {
    bool: lambda values, depth: JsonKind("bool", False),
    int: _int,
    float: lambda values, depth: JsonKind("float", False),
    str: lambda values, depth: JsonKind("text", False),
    list: _list,
    dict: _object,
}
