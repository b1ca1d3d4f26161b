"""What libraries wrap, as plain Python values. Runs in the worker."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

import numpy as np

PLAIN = {type(None), bool, int, float, str, bytes, list, dict, tuple, dt.datetime, dt.date}
_EPOCH = dt.datetime(1970, 1, 1)
_S = 10**9
_NANOSECONDS = {
    "W": 604800 * _S, "D": 86400 * _S, "h": 3600 * _S, "m": 60 * _S, "s": _S,
    "ms": 10**6, "us": 1000, "ns": 1,
}  # fmt: skip
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}  # how many of them are a nanosecond


def plain(value: Any) -> Any:
    """Turn what libraries wrap (numpy scalars, NaT, NA, enums) into the plain value inside.

    A numpy time that no Python one equals, as one with nanoseconds, is returned as it is.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return _time(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value


def _time(value: Any) -> Any:
    if np.isnat(value):
        return None
    kind, (unit, _) = value.dtype.kind, np.datetime_data(value.dtype)
    if unit == "generic":
        return value.item()  # a number without a unit
    if kind == "M" and unit in "YMWD":
        day = value.astype("M8[D]").item()
        return day if isinstance(day, dt.date) else value
    ticks = nanoseconds(value)
    if ticks is None or ticks % 1000:
        return value
    try:
        span = dt.timedelta(microseconds=ticks // 1000)
        return span if kind == "m" else _EPOCH + span
    except OverflowError:
        return value


def nanoseconds(value: Any) -> int | None:
    """Return a numpy time, or its distance from 1970, in nanoseconds; None if it has finer ones.

    In Python's integers: numpy's own casts and comparisons overflow without a word. None too for
    years and months, whose length is not fixed.
    """
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype("i8")) * step
    if unit in _FINER:
        count, rest = divmod(count, _FINER[unit])
        return None if rest else count
    return count * _NANOSECONDS[unit] if unit in _NANOSECONDS else None
