"""Python values that a function returned to Arrow arrays. In the worker.

`pa.array(list)` imports pandas (1.1 s), guesses differently for numpy scalars, and fails for int
beside str without saying where.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from typing import Any

from parapply.columns.values import builders
from parapply.columns.values.builders import MixedTypesError, UnsupportedValueError, bitmap
from parapply.columns.values.maps import Map, type_like
from parapply.columns.values.moments import dates, datetimes, durations, times
from parapply.columns.values.plain import is_frame, keys_of, plain, unwrapper
from parapply.columns.values.spelling import ordered
from parapply.model.deferred_imports import decimal, np, pa

__all__ = ["MixedTypesError", "UnsupportedValueError", "to_array"]


def to_array(values: Sequence[Any]) -> pa.Array:
    """Return `values` as one array: None, NaT and NA are null, ints with Decimals are decimal,
    either with floats is float.

    Raises MixedTypesError for values that fit no common column, UnsupportedValueError for one that
    fits none (a user's class).
    """
    types = set(map(type, values))
    if len(types) == 1 and (build := _WHOLE.get(next(iter(types)))):
        return build(values)
    if any(unwrapper(kind) is not None for kind in types):
        values = [plain(value) for value in values]
        types = set(map(type, values))
    types.discard(type(None))
    found = {_builder(kind) for kind in types}
    if _maps in found and found <= {_maps, _structs}:
        found = {_maps}
    if len(found) > 1 and found <= set(_TOWER):
        found = {builders.floats_with_others if builders.floats in found else builders.decimals}
    if len(found) > 1:
        raise _mixed(values)
    if not found:
        return pa.nulls(len(values))
    (build,) = found
    if build is None:
        raise _unsupported(values)
    return build(values)


_Builder = Callable[[Sequence[Any]], Any]
_WHOLE: dict[type, _Builder] = {float: builders.whole_floats, str: builders.whole_texts}


def are_nested(values: Sequence[Any]) -> bool:
    """Whether values are lists, dicts or alike, and None."""
    first = next((value for value in values if value is not None), None)
    if type(first) in _PLAIN:
        return False
    types = set(map(type, values))
    if any(unwrapper(kind) is not None for kind in types):
        types = {type(plain(value)) for value in values}
    types.discard(type(None))
    return bool(types) and {_builder(kind) for kind in types} <= {_lists, _structs, _maps}


def is_known(kind: type) -> bool:
    """Whether columns can hold values of a type."""
    return _builder(kind) is not None


def unknown(value: Any) -> str:
    """Describe a value that no column holds, and what to return instead."""
    if is_frame(type(value)):
        return f"a whole {type(value).__qualname__} for one row; return {_INSTEAD}"
    return f"{type(value).__qualname__}; return text, a number, a date, a list or a dict"


_PLAIN = {type(None), bool, int, float, str}


def by_kind(values: Sequence[Any], *, numbers: bool) -> list[list[int]]:
    """Return the positions of the values of each kind; None belongs to any if there is only one.

    Datetimes with and without zone are two kinds; int, float and Decimal are one if `numbers`.
    """
    types = set(map(type, values))
    if len(types - {type(None)}) < 2 and dt.datetime not in types:
        return [list(range(len(values)))]
    found: dict[Any, list[int]] = {}
    for position, value in enumerate(map(plain, values)):
        kind: Any = None if value is None else _builder(type(value))
        if kind in _TOWER and numbers:
            kind = builders.floats
        found.setdefault((kind, getattr(value, "tzinfo", None) is None), []).append(position)
    return list(found.values())


def _lists(values: Sequence[Any]) -> pa.Array:
    items = [[] if value is None else ordered(value) for value in values]
    offsets = np.zeros(len(items) + 1, np.int32)
    np.cumsum([len(item) for item in items], out=offsets[1:])
    owners = np.repeat(np.arange(len(items)), np.diff(offsets))
    child = _nested(lambda: to_array([value for item in items for value in item]), owners)
    buffers = [bitmap(builders.valid_mask(values)), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(child.type), len(items), buffers, children=[child])


def _structs(values: Sequence[Any]) -> pa.Array:
    keys = list(dict.fromkeys(str(key) for value in values if value for key in value))
    if not all(map(builders.encodes, keys)):
        raise _unwritable(values)
    owners = np.arange(len(values))
    known = [value or {} for value in values]
    rows = [dict(zip(keys_of(value), value.values(), strict=True)) for value in known]
    children = [
        _nested(lambda key=key: to_array([row.get(key) for row in rows]), owners)  # type: ignore[misc]
        for key in keys
    ]
    type_ = pa.struct([pa.field(k, c.type) for k, c in zip(keys, children, strict=True)])
    buffers = [bitmap(builders.valid_mask(values))]
    return pa.Array.from_buffers(type_, len(rows), buffers, children=children)


def _maps(values: Sequence[Any]) -> pa.Array:
    sizes = [0 if value is None else len(value) for value in values]
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    owners = np.repeat(np.arange(len(sizes)), sizes)
    there = [value for value in values if value is not None]
    keys = _nested(lambda: to_array([key for value in there for key in value]), owners)
    if keys.null_count:
        raise UnsupportedValueError(int(owners[keys.is_null().index(True).as_py()]), _NO_KEY)
    items = _nested(lambda: to_array([v for value in there for v in value.values()]), owners)
    type_ = type_like(values, keys, items)
    entries = pa.StructArray.from_arrays(
        [keys.cast(type_.key_type), items.cast(type_.item_type)],
        fields=[type_.key_field, type_.item_field],
    )
    buffers = [bitmap(builders.valid_mask(values)), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(type_, len(values), buffers, children=[entries])


_NO_KEY = "a map with the key None, which no map has"


def _nested(build: Callable[[], pa.Array], owners: np.ndarray[Any, Any]) -> pa.Array:
    """Build a child array; errors have the position of the outer value."""
    try:
        return build()
    except MixedTypesError as error:
        first, second = int(owners[error.first]), int(owners[error.second])
        raise MixedTypesError(first, second, error.kinds) from None
    except UnsupportedValueError as error:
        raise UnsupportedValueError(int(owners[error.position]), error.why) from None


@cache
def _builders() -> tuple[tuple[type | tuple[type, ...], _Builder], ...]:
    return (  # in this order: bool is a subclass of int, datetime of date
        (bool, builders.bools),
        (int, builders.ints),
        (float, builders.floats),
        (str, builders.texts),
        ((bytes, bytearray, memoryview), builders.binaries),
        ((dt.datetime, np.datetime64), datetimes),
        (dt.date, dates),
        (dt.time, times),
        ((dt.timedelta, np.timedelta64), durations),
        (decimal.Decimal, builders.decimals),
        (uuid.UUID, builders.spelled),
        (Map, _maps),
        (Mapping, _structs),
        ((Set, list, tuple), _lists),
    )


# They fit one column.
_TOWER: tuple[_Builder | None, ...] = (builders.ints, builders.decimals, builders.floats)


def _builder(kind: type) -> _Builder | None:
    return next((build for base, build in _builders() if issubclass(kind, base)), None)


def _mixed(values: Sequence[Any]) -> Exception:
    firsts: dict[Any, int] = {}
    for position, value in enumerate(values):
        if value is None:
            continue
        build = _builder(type(value))
        if build is None:
            return _unsupported(values)
        firsts.setdefault(build, position)
    numbers = [build for build in firsts if build in _TOWER]
    for build in numbers[1:]:  # they fit one column, so are not the cause
        del firsts[build]
    first, second, *_ = firsts.values()
    return MixedTypesError(first, second, (values[first], values[second]))


def _unwritable(values: Sequence[Any]) -> UnsupportedValueError:
    wrong = (not all(builders.encodes(str(key)) for key in value or ()) for value in values)
    why = f"a dict with a key {builders.NOT_UNICODE}"
    return UnsupportedValueError(list(wrong).index(True), why)


_INSTEAD = "a dict for columns, a list of dicts with --explode, or take chunks with --by chunk"


def _unsupported(values: Sequence[Any]) -> UnsupportedValueError:
    found = ((i, v) for i, v in enumerate(values) if v is not None and not is_known(type(v)))
    position, value = next(found)
    return UnsupportedValueError(position, unknown(value))
