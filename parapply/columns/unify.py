"""The one Arrow type of a column over all its parts.

Null and X make X; of integers, decimals and floats the last wins; structs, lists and maps are
joined inside, and are JSON beside JSON; the finer unit and the wider decimal win; several zones
are UTC. Everything else is a conflict, for the caller to report.
"""

from __future__ import annotations

from typing import Any

from parapply.columns import json_columns
from parapply.columns.type_names import JSON, NAMES, joined, name_of, type_of
from parapply.model.deferred_imports import at, pa

UNITS = ("s", "ms", "us", "ns")


def unify(one: Any, other: Any) -> Any | None:
    """Return the type that holds the values of both, or None."""
    if one == other or at.is_null(other):
        return one
    if at.is_null(one):
        return other
    for join in (_numbers, _decimals, _times, _texts, _lists, _structs, _maps, _jsons):
        if (type_ := join(one, other)) is not None:
            return type_
    return None


def unify_names(one: str, other: str) -> str | None:
    """Do as `unify` with types as text (type_names.py)."""
    if (name := joined(one, other)) is not None:
        return name
    type_ = unify(type_of(one), type_of(other))
    return None if type_ is None else name_of(type_)


def is_settled(type_: Any) -> bool:
    """Whether unify(type_, X) is type_ or a conflict for every X; `type_` may be text."""
    if type_ in (*NAMES, JSON):
        return type_ in ("bool", "double", "string", JSON)
    type_ = type_of(type_)
    return bool(
        at.is_boolean(type_) or at.is_float64(type_) or at.is_string(type_) or at.is_date32(type_)
        or json_columns.is_json(type_)
    )  # fmt: skip


def _maps(one: Any, other: Any) -> Any | None:
    if not (at.is_map(one) and at.is_map(other)):
        return None
    key, item = unify(one.key_type, other.key_type), unify(one.item_type, other.item_type)
    return None if key is None or item is None else pa.map_(key, item)


def _numbers(one: Any, other: Any) -> Any | None:
    if not all(at.is_integer(type_) or at.is_floating(type_) for type_ in (one, other)):
        return None
    if at.is_floating(one) or at.is_floating(other):
        return pa.float64()
    if at.is_unsigned_integer(one) and at.is_unsigned_integer(other):
        return max(one, other, key=lambda type_: type_.bit_width)
    if pa.uint64() in (one, other):
        return pa.decimal128(20, 0)  # no integer type holds both
    return pa.int64()


def _decimals(one: Any, other: Any) -> Any | None:
    if not (at.is_decimal(one) or at.is_decimal(other)):
        return None
    if at.is_floating(one) or at.is_floating(other):
        return pa.float64()
    if not all(at.is_decimal(type_) or at.is_integer(type_) for type_ in (one, other)):
        return None
    scale = max(_scale(one), _scale(other))
    precision = max(_digits(one), _digits(other)) + scale
    if precision > 76:
        return None
    wide = at.is_decimal256(one) or at.is_decimal256(other) or precision > 38
    return (pa.decimal256 if wide else pa.decimal128)(precision, scale)


def _scale(type_: Any) -> int:
    return type_.scale if at.is_decimal(type_) else 0


def _digits(type_: Any) -> int:
    """Return how many digits fit before the point."""
    if at.is_decimal(type_):
        return int(type_.precision - type_.scale)
    return 20 if at.is_uint64(type_) else 19


def _times(one: Any, other: Any) -> Any | None:
    if at.is_timestamp(one) and at.is_timestamp(other):
        if (one.tz is None) != (other.tz is None):
            return None
        return pa.timestamp(_finer(one, other), one.tz if one.tz == other.tz else "UTC")
    if at.is_duration(one) and at.is_duration(other):
        return pa.duration(_finer(one, other))
    if at.is_time(one) and at.is_time(other):
        unit = _finer(one, other)
        return (pa.time32 if unit in ("s", "ms") else pa.time64)(unit)
    return None


def _finer(one: Any, other: Any) -> str:
    return UNITS[max(map(UNITS.index, (one.unit, other.unit)))]


def _texts(one: Any, other: Any) -> Any | None:
    if at.is_dictionary(one) or at.is_dictionary(other):
        plain = [type_.value_type if at.is_dictionary(type_) else type_ for type_ in (one, other)]
        return unify(*plain)
    if is_text(one) and is_text(other):
        return pa.string()
    if _is_bytes(one) and _is_bytes(other):
        return pa.large_binary()
    return None


def is_text(type_: Any) -> bool:
    """Whether values are strings, of any width or view."""
    return bool(at.is_string(type_) or at.is_large_string(type_) or at.is_string_view(type_))


def _is_bytes(type_: Any) -> bool:
    return bool(at.is_binary(type_) or at.is_large_binary(type_) or at.is_binary_view(type_))


def _lists(one: Any, other: Any) -> Any | None:
    if not (at.is_list(one) and at.is_list(other)):
        return None
    inner = unify(one.value_type, other.value_type)
    return None if inner is None else pa.list_(inner)


def _jsons(one: Any, other: Any) -> Any | None:
    types = (one, other)
    alike = all(map(json_columns.is_varied, types))
    return pa.json_() if alike and any(map(json_columns.is_json, types)) else None


def _structs(one: Any, other: Any) -> Any | None:
    if not (at.is_struct(one) and at.is_struct(other)):
        return None
    joined = {field.name: field.type for field in one}
    for field in other:
        type_ = unify(joined.get(field.name, pa.null()), field.type)
        if type_ is None:
            return None
        joined[field.name] = type_
    return pa.struct([pa.field(name, type_) for name, type_ in joined.items()])
