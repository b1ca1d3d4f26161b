"""The text of single values of any type, as CSV and JSON write columns, for `--dtype NAME=str`."""

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
    """Return a value's text in CSV (nested ones are JSON); None for missing values and NaN."""
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
    """Return a value's text in JSON Lines; types inside a list or dict may be mixed."""
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
    """Return the items as a list, those of sets in an order that is the same in every process."""
    if not isinstance(items, Set):
        return list(items)
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def duration(ticks: int, unit: str = "ns") -> str:
    """Return a duration as pandas writes it: `1 days 00:00:05`, `-1 days +23:59:55`."""
    seconds, rest = divmod(ticks * _UNITS[unit], _UNITS["s"])
    days, seconds = divmod(seconds, 86400)
    sign = "+" if days < 0 else ""
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{rest:09}" if rest % 1000 else f".{rest // 1000:06}" if rest else ""
    return f"{days} days {sign}{clock}{fraction}"


def escaped(value: bytes) -> str:
    r"""Return bytes as unambiguous text: a backslash is `\\`, a byte that is not UTF-8 `\xff`."""
    return value.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
