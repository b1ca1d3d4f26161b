"""The JSON text of columns, for JSON Lines and nested values in CSV. In any process.

Missing values, NaN and infinities are null; dates and times are ISO 8601; decimals are numbers with
all their digits; bytes and durations are text as in CSV. Numbers and strings are written as by
`json.dumps(value, ensure_ascii=False)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.arrays import to_list
from parapply.columns.json_columns import is_json, lines_of
from parapply.columns.scalars import text
from parapply.columns.text.flat import decoded, flat_texts, located, storage_of
from parapply.columns.unify import is_text
from parapply.columns.values.builders import texts
from parapply.columns.values.spelling import as_json
from parapply.model.deferred_imports import at, np, pa

_dump = json.JSONEncoder(ensure_ascii=False).encode


def values(array: pa.Array) -> pa.Array:
    """Return the JSON text of each value, without nulls; raises UnseenError for one without."""
    array = decoded(array)
    convert = next(convert for check, convert in _converters() if check(array.type))
    with located(array, values):
        return pc.fill_null(convert(array), text("null"))


def member(name: str, value: str) -> str:
    """Return `"name": value`."""
    return f"{_dump(name)}: {value}"


def members(columns: Sequence[tuple[str, pa.Array]]) -> pa.Array | None:
    """Return `"a": 1, "b": 2` for each row of JSON texts; None for no columns."""
    pieces: list[Any] = []
    for name, column in columns:
        pieces += [text(member(name, "") if not pieces else f", {member(name, '')}"), column]
    return pc.binary_join_element_wise(*pieces, text("")) if pieces else None


def _same(array: pa.Array) -> pa.Array:
    return array.cast(pa.string())


def _floats(array: pa.Array) -> pa.Array:
    finite = pc.is_finite(array.cast(pa.float64()))
    return pc.if_else(finite, flat_texts(array), text("null"))


def _quoted(array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(array, r'["\\\x00-\x1f]')).as_py():
        return texts([None if value is None else _dump(value) for value in array.to_pylist()])
    return pc.binary_join_element_wise(text('"'), array, text('"'), text(""))


def _spelled(array: pa.Array) -> pa.Array:
    """Quote the text that CSV has: bytes, durations, and what JSON has no form for."""
    return _quoted(flat_texts(array))


def _datetimes(array: pa.Array) -> pa.Array:
    return _quoted(pc.replace_substring(flat_texts(array), " ", "T"))


def _lists(array: pa.Array) -> pa.Array:
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum([length or 0 for length in array.value_lengths().to_pylist()], out=offsets[1:])
    edges = pa.Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets)])
    lists = pa.ListArray.from_arrays(edges, values(array.flatten()))
    joined = pc.binary_join(lists, text(", "))
    whole = pc.binary_join_element_wise(text("["), joined, text("]"), text(""))
    return pc.if_else(array.is_valid(), whole, text("null"))


def _structs(array: pa.Array) -> pa.Array:
    columns = [values(child) for child in array.flatten()]
    inner = members(list(zip([field.name for field in array.type], columns, strict=True)))
    whole = text("{}")
    if inner is not None:
        whole = pc.binary_join_element_wise(text("{"), inner, text("}"), text(""))
    return pc.if_else(array.is_valid(), whole, text("null"))


def _maps(array: pa.Array) -> pa.Array:
    rows: list[str | None] = []
    for pairs in array:
        if not pairs.is_valid:
            rows.append(None)
            continue
        keys, items = _keys(pairs.values.field(0)), values(pairs.values.field(1))
        inner = map(member, keys.to_pylist(), items.to_pylist())
        rows.append("{" + ", ".join(inner) + "}")
    return texts(rows)


def _keys(array: pa.Array) -> pa.Array:
    array = decoded(array)
    nested = storage_of(array)
    return flat_texts(array) if nested is None else values(nested)


def _is_list(type_: Any) -> bool:
    return bool(at.is_list(type_) or at.is_large_list(type_) or at.is_fixed_size_list(type_))


@cache
def _converters() -> tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...]:
    return (
        (is_text, lambda array: _quoted(_same(array))),
        (at.is_floating, _floats),
        (lambda t: at.is_integer(t) or at.is_null(t), _same),
        (at.is_decimal, flat_texts),
        (at.is_boolean, lambda array: pc.if_else(array, text("true"), text("false"))),
        (lambda t: at.is_timestamp(t) or at.is_date64(t), _datetimes),
        (_is_list, _lists),
        (at.is_struct, _structs),
        (at.is_map, _maps),
        (lambda t: at.is_list_view(t) or at.is_large_list_view(t), _lists),  # a cast loses some
        (at.is_union, lambda array: texts([as_json(value) for value in to_list(array)])),
        (is_json, lines_of),
        (
            lambda t: isinstance(t, pa.BaseExtensionType) and t != pa.uuid(),
            lambda array: values(array.storage),
        ),
        (lambda t: True, _spelled),
    )
