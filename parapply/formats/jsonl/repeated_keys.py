"""Keys that an object has twice, which JSON leaves undefined and a dict silently drops.

`json.loads` does not report them, and a parser that does takes half as long again. So keys are
counted, in the text (a colon after a closing quote) and in the parsed objects: if the text has no
more than the objects, none is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from parapply.formats.jsonl.kinds import JsonKind

_QUOTE, _COLON, _BACKSLASH, _SPACE = (ord(character) for character in '":\\ ')


class Twice(NamedTuple):
    """The keys that records have twice, and those whose values contain objects with such keys."""

    own: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()


def doubled(
    data: bytes, objects: Sequence[dict[str, Any]], kinds: Mapping[str, JsonKind] | None = None
) -> Twice:
    """Return the columns in which some line has a key twice.

    `objects` are the parsed lines of `data`. `kinds`, if known, are those of all their values, and
    save looking at each.
    """
    most, keys = _keys_in(data), sum(map(len, objects))
    if most == keys:
        return Twice()
    if kinds is not None:
        nested = {name: kind for name, kind in kinds.items() if kind.name in _NESTED}
        keys += sum(_of_kind([row.get(name) for row in objects], nested[name]) for name in nested)
    if most == (_within(objects) if kinds is None else keys):
        return Twice()
    return doubled_in(data.decode("utf-8", "replace").split("\n"))


def doubled_in(lines: Iterable[str]) -> Twice:
    """Return the same after parsing every line again."""
    found = [twice for line in lines if (twice := doubled_on(line)) is not None]
    own, inside = zip(*found, strict=True) if found else ((), ())
    return Twice(frozenset().union(*own), frozenset().union(*inside))


def doubled_on(line: str) -> Twice | None:
    """Return the same for one line; None without repeated keys, and where there is no JSON."""
    try:
        value = _pairs.raw_decode(line.lstrip())[0]
    except (ValueError, RecursionError):
        return None
    return value.twice if type(value) is _Object else None


def _keys_in(data: bytes) -> int:
    """Return an upper bound of the keys in a text: strings may contain what looks like one."""
    text = np.frombuffer(data, np.uint8)
    colons = np.flatnonzero(text == _COLON)
    if not len(colons) or colons[0] < 3:
        return len(colons)
    before, second, third = (text[colons - back] for back in (1, 2, 3))
    escaped = (second == _BACKSLASH) & (third != _BACKSLASH)
    ends = (before == _QUOTE) & ~escaped
    spaced = (before <= _SPACE) & ((second == _QUOTE) | (second <= _SPACE))
    return int(np.count_nonzero(ends | spaced))


def _of_kind(values: Sequence[Any], kind: JsonKind) -> int:
    """Return the number of keys in values of a kind: objects of one kind have the same keys."""
    if kind.name == "json":
        return _within(values)
    if kind.item is not None:
        if kind.item.name not in _NESTED:
            return 0
        lists = [value for value in values if type(value) is list]
        if kind.item.name == "object" and not kind.item.nulls and not _is_deep(kind.item):
            return sum(map(len, lists)) * len(kind.item.members)
        return _of_kind(list(chain.from_iterable(lists)), kind.item)
    if not (kind.nulls or _is_deep(kind)):
        return len(values) * len(kind.members)
    objects = [value for value in values if type(value) is dict]
    deep = (member for member in kind.members if member[1].name in _NESTED)
    inside = sum(_of_kind([value[name] for value in objects], inner) for name, inner in deep)
    return len(objects) * len(kind.members) + inside


def _is_deep(kind: JsonKind) -> bool:
    return any(inner.name in _NESTED for _, inner in kind.members)


def _within(values: Sequence[Any]) -> int:
    """Return the number of keys in all objects among the values, nested ones too."""
    count, level = 0, _containers(values)
    while level:
        objects = [value for value in level if type(value) is dict]
        lists = [value for value in level if type(value) is list]
        count += sum(map(len, objects))
        level = _containers(*map(dict.values, objects), *lists)
    return count


def _containers(*groups: Iterable[Any]) -> list[Any]:
    if {dict, list}.isdisjoint(map(type, chain(*groups))):
        return []
    return [value for group in groups for value in group if type(value) in (dict, list)]


_NESTED = frozenset(("list", "object", "json"))


class _Object(dict[str, Any]):
    """An object with a repeated key."""

    twice: Twice


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    names = [name for name, _ in pairs]
    own = [name for name in names if names.count(name) > 1] if len(found) < len(pairs) else ()
    inside = [name for name, value in pairs if _has_twice(value)]
    if not (own or inside):
        return found
    marked = _Object(found)
    marked.twice = Twice(frozenset(own), frozenset(inside))
    return marked


def _has_twice(value: Any) -> bool:
    return any(map(_has_twice, value)) if type(value) is list else type(value) is _Object


_pairs = json.JSONDecoder(object_pairs_hook=_object, parse_int=str)
