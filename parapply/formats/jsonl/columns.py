"""Parsed JSON values to Arrow arrays of the type that the survey found. Runs in workers."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as at

from parapply.columns import json_columns
from parapply.columns.from_text import from_text
from parapply.columns.type_words import named
from parapply.columns.values.builders import texts
from parapply.columns.values.convert import UnsupportedValueError, to_array
from parapply.formats.jsonl.kinds import EXACT
from parapply.model.errors import ResultError

_NONE = type(None)


class JsonMisfitError(Exception):
    """A value does not have the type, or fits in no table; says why.

    `strict`: the type is to blame, as it comes from earlier rows.
    """

    def __init__(self, why: str, *, strict: bool = False) -> None:
        super().__init__(why)
        self.strict = strict


def build(values: list[Any], type_: Any) -> pa.Array:
    """Return `values` as an array of a type of JsonKind; raises JsonMisfitError."""
    types = set(map(type, values))
    types.discard(_NONE)
    if not types:
        return pa.nulls(len(values), type_)
    if at.is_struct(type_):
        return _structs(values, type_, types)
    if at.is_list(type_):
        return _lists(values, type_, types)
    if at.is_float64(type_):
        _check(types <= {int, float}, type_)
        values = values if int not in types else [_float(value, type_) for value in values]
    else:
        _check(types == {_PYTHON.get(type_)}, type_)
    try:
        array = to_array(values)
    except UnsupportedValueError as error:
        raise JsonMisfitError("is not valid Unicode: it has half of a surrogate pair") from error
    _check(array.type == type_, type_)  # uint64 is not
    return array


def cast(texts: pa.Array, type_: Any) -> pa.Array:
    """Convert text to the type of --dtype; raises JsonMisfitError."""
    try:
        return from_text(texts, type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ResultError) as error:
        raise JsonMisfitError(f"is not {type_} as --dtype says") from error


def as_json(texts_: list[str | None], type_: Any) -> pa.Array:
    """Return JSON texts as a column of JSON; `type_` is as in `build`."""
    return json_columns.of_texts(texts(texts_))


_PYTHON = {pa.bool_(): bool, pa.int64(): int, pa.string(): str}


def _check(fits: bool, type_: Any) -> None:
    if not fits:
        why = f"is not of the type {named(type_)} that the rows before it have"
        if at.is_null(type_):
            why = "comes too late to tell the column's type, as the first rows have no value there"
        raise JsonMisfitError(why, strict=True)


def _float(value: float | None, type_: Any) -> float | None:
    if type(value) is int:
        _check(-EXACT <= value <= EXACT, type_)
        return float(value)
    return value


def _structs(values: list[Any], type_: Any, types: set[type]) -> pa.Array:
    _check(types == {dict}, type_)
    keys = {field.name for field in type_}
    _check(all(value is None or value.keys() == keys for value in values), type_)
    known: list[dict[str, Any]] = [value or {} for value in values]
    children = [build([value.get(field.name) for value in known], field.type) for field in type_]
    return pa.Array.from_buffers(type_, len(values), [_bitmap(values)], children=children)


def _lists(values: list[Any], type_: Any, types: set[type]) -> pa.Array:
    _check(types == {list}, type_)
    known: list[list[Any]] = [value or [] for value in values]
    offsets = np.zeros(len(known) + 1, np.int32)
    np.cumsum([len(value) for value in known], out=offsets[1:])
    items = build(list(chain.from_iterable(known)), type_.value_type)
    buffers = [_bitmap(values), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(type_, len(known), buffers, children=[items])


def _bitmap(values: list[Any]) -> pa.Buffer | None:
    if None not in values:
        return None
    known = np.fromiter((value is not None for value in values), bool, len(values))
    return pa.py_buffer(np.packbits(known, bitorder="little"))
