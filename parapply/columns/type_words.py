"""Types in messages: in the words of the README's table."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from parapply.columns.json_columns import is_json
from parapply.columns.type_names import type_of
from parapply.columns.unify import unify
from parapply.model.deferred_imports import at, pa


def named(type_: Any) -> str:
    """Return a type in words, as `list of int`; Arrow's name where there is none."""
    type_ = type_of(type_)
    if at.is_timestamp(type_) and type_.tz is not None:
        return "datetime with a zone"
    if at.is_dictionary(type_):
        return f"category of {named(type_.value_type)}"
    if at.is_list(type_) or at.is_large_list(type_) or at.is_fixed_size_list(type_):
        return f"list of {named(type_.value_type)}"
    return next((word for word, holds in _words().items() if holds(type_)), str(type_))


def clash(one: Any, other: Any) -> tuple[str, str]:
    """Return two conflicting types in words that show where they differ, nested or not."""
    one, other = type_of(one), type_of(other)
    if at.is_list(one) and at.is_list(other):
        inside = clash(one.value_type, other.value_type)
        return f"list of {inside[0]}", f"list of {inside[1]}"
    if at.is_struct(one) and at.is_struct(other):
        others = {field.name: field.type for field in other}
        for field in one:
            if unify(field.type, others.get(field.name, pa.null())) is None:
                inside = clash(field.type, others[field.name])
                key = f"dict with {field.name!r}"
                return f"{key}: {inside[0]}", f"{key}: {inside[1]}"
    return named(one), named(other)


@cache
def _words() -> dict[str, Callable[[Any], bool]]:
    return {
        "None": at.is_null,
        "bool": at.is_boolean,
        "int": at.is_integer,
        "float": at.is_floating,
        "Decimal": at.is_decimal,
        "str": lambda t: at.is_string(t) or at.is_large_string(t) or at.is_string_view(t),
        "bytes": lambda t: at.is_binary(t) or at.is_large_binary(t) or at.is_fixed_size_binary(t),
        "date": at.is_date,
        "time": at.is_time,
        "datetime": at.is_timestamp,
        "timedelta": at.is_duration,
        "dict": at.is_struct,
        "list or dict": is_json,
    }
