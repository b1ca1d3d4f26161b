"""The text of single values, for `--dtype NAME=str`: what CSV and JSON write of a whole column.

Values are plain Python (see plain.py), of any kind and mixed as they may be.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Set
from typing import Any

from parapply.columns.values.plain import keys_of, nanoseconds, plain
from parapply.model.deferred_imports import decimal, np

_quote = json.JSONEncoder(ensure_ascii=False).encode
NESTED = (Mapping, Set, list, tuple)
_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # in nanoseconds


def text(value: Any) -> str | None:
    """Return a value as CSV writes it, None for what is missing (NaN too); lists as JSON."""
    value = plain(value)
    if value is None or (isinstance(value, (float, decimal.Decimal)) and math.isnan(value)):
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return escaped(bytes(value))
    if isinstance(value, NESTED):
        return as_json(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.timedelta):
        ticks = value // dt.timedelta(microseconds=1) * 1000 + getattr(value, "nanoseconds", 0)
        return duration(ticks)
    if isinstance(value, np.timedelta64) and (exact := nanoseconds(value)) is not None:
        return duration(exact)
    return str(value).replace("T", " ") if isinstance(value, np.datetime64) else str(value)


def as_json(value: Any) -> str:
    """Return a value as JSON Lines has it, whatever kinds are inside a list or dict together."""
    value = plain(value)
    if isinstance(value, Mapping):
        pairs = zip(keys_of(value), value.values(), strict=True)
        members = (f"{_quote(key)}: {as_json(item)}" for key, item in pairs)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, NESTED):
        return "[" + ", ".join(map(as_json, ordered(value))) + "]"
    if value is None or (isinstance(value, (float, decimal.Decimal)) and not math.isfinite(value)):
        return "null"
    written = text(value) or ""
    if isinstance(value, bool):
        return written.lower()
    if isinstance(value, (int, float, decimal.Decimal)):
        return written
    is_moment = isinstance(value, (dt.datetime, np.datetime64))
    return _quote(written.replace(" ", "T", 1) if is_moment else written)


def ordered(items: Any) -> list[Any]:
    """Return the items in an order that does not change from process to process, as a set's."""
    if not isinstance(items, Set):
        return list(items)
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def duration(ticks: int, unit: str = "ns") -> str:
    """Return `1 days 00:00:05`, `-1 days +23:59:55`: what pandas writes, and reads."""
    seconds, rest = divmod(ticks * _UNITS[unit], _UNITS["s"])
    days, seconds = divmod(seconds, 86400)
    sign = "+" if days < 0 else ""
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{rest:09}" if rest % 1000 else f".{rest // 1000:06}" if rest else ""
    return f"{days} days {sign}{clock}{fraction}"


def escaped(value: bytes) -> str:
    r"""Return bytes as text: a backslash is `\\`, and a byte that is not UTF-8 is `\xff`.

    Readable where it is text, and no two values look the same.
    """
    return value.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
