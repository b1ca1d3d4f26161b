"""Dates, times and durations to Arrow arrays. Runs in the worker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from parapply.builders import MixedTypesError, each, numbers

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)


def dates(values: Sequence[Any]) -> pa.Array:
    """Return dates as date32."""
    days = each(values, lambda value: value.toordinal() - 719163)  # 1970-01-01
    return numbers(days, "i4", pa.date32())


def datetimes(values: Sequence[Any]) -> pa.Array:
    """Return datetimes; with several zones in UTC."""
    zones = {value.tzinfo for value in values if value is not None}
    if None in zones and len(zones) > 1:
        aware = [i for i, v in enumerate(values) if v is not None and v.tzinfo is not None]
        naive = [i for i, v in enumerate(values) if v is not None and v.tzinfo is None]
        raise MixedTypesError(*sorted((aware[0], naive[0])))
    if None in zones:
        ticks = each(values, lambda value: (value - _EPOCH) // _MICROSECOND)
        return numbers(ticks, "i8", pa.timestamp("us"))
    start = _EPOCH.replace(tzinfo=dt.UTC)
    ticks = each(values, lambda value: (value - start) // _MICROSECOND)
    names = {getattr(zone, "key", None) for zone in zones}
    name = names.pop() if len(names) == 1 else None
    return numbers(ticks, "i8", pa.timestamp("us", name or "UTC"))


def times(values: Sequence[Any]) -> pa.Array:
    """Return times as time64."""

    def ticks(value: dt.time) -> int:
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return seconds * 1_000_000 + value.microsecond

    return numbers(each(values, ticks), "i8", pa.time64("us"))


def durations(values: Sequence[Any]) -> pa.Array:
    """Return timedeltas as duration."""
    ticks = each(values, lambda value: value // _MICROSECOND)
    return numbers(ticks, "i8", pa.duration("us"))
