"""Lists and dicts to JSON, each by itself, without a common type. In the worker.

They are written as by `json.dumps(value, ensure_ascii=False)`; what JSON lacks is written as in
spelling.py: NaN is null, dates are text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from parapply.columns.values.builders import UnsupportedValueError
from parapply.columns.values.convert import is_known, unknown
from parapply.columns.values.plain import keys_of, plain
from parapply.columns.values.spelling import NESTED, as_json, ordered


def _encoder() -> Callable[[Any], str]:
    """Return `json.dumps` without its set-up per call, which takes most of its time."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)  # not in every Python
    if make is None:
        return json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
    quote: Any = json.encoder.encode_basestring
    walk = make(None, _refuse, quote, None, ": ", ", ", False, False, False)
    return lambda value: "".join(walk(value, 0))


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)


_native = _encoder()
_SCALARS = {type(None), bool, int, float, str}
_TEXT = {str}


def dumps(values: Sequence[Any]) -> list[str | None]:
    """Return each value's JSON text, None for None.

    Raises UnsupportedValueError for what no column can hold, nested or not.
    """
    found: list[str | None] = []
    for position, value in enumerate(values):
        try:
            found.append(None if value is None else _dump(value))
        except RecursionError:
            found.append(_deep(value, position))
        except UnsupportedValueError as error:
            raise UnsupportedValueError(position, error.why) from None
    return found


def _deep(value: Any, position: int) -> str:
    """Write a value too deep for `_dump`, which the standard library may still manage."""
    try:
        return _native(value)
    except (RecursionError, ValueError, TypeError) as error:
        raise UnsupportedValueError(position, "what is nested too deeply") from error


def _dump(value: Any) -> str:
    kind = type(value)
    if kind is dict:
        if set(map(type, value)) <= _TEXT and set(map(type, value.values())) <= _SCALARS:
            return _flat(value)
        pairs = zip(keys_of(value), value.values(), strict=True)
        return "{" + ", ".join([f"{_native(key)}: {_dump(item)}" for key, item in pairs]) + "}"
    if kind is list:
        if set(map(type, value)) <= _SCALARS:
            return _flat(value)
        return "[" + ", ".join([_dump(item) for item in value]) + "]"
    if kind in _SCALARS:
        return "null" if kind is float and not math.isfinite(value) else _native(value)
    return _other(value)


def _flat(value: Any) -> str:
    try:
        return _native(value)
    except ValueError:  # NaN or infinity
        return as_json(value)


def _other(value: Any) -> str:
    """Write values of other types: wrapped ones, and those without a form in JSON."""
    bare = plain(value)
    if bare is None or type(bare) in _SCALARS:
        return _dump(bare)
    if not is_known(type(bare)):
        raise UnsupportedValueError(0, unknown(bare))
    if not isinstance(bare, NESTED):
        return as_json(bare)
    return _dump(dict(bare) if hasattr(bare, "keys") else ordered(bare))
