"""Dates, times and durations to Arrow arrays. In the worker.

The unit is the microsecond, as in Python; with pandas or numpy nanoseconds it is the nanosecond for
the whole column, which only reaches from 1677 to 2262.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from parapply.columns.values.builders import MixedTypesError, UnsupportedValueError, each, numbers
from parapply.columns.values.plain import nanoseconds
from parapply.model.deferred_imports import np, pa

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)


def dates(values: Sequence[Any]) -> pa.Array:
    """Return dates as date32."""
    days = each(values, lambda value: value.toordinal() - 719163)  # 1970-01-01
    return numbers(days, "i4", pa.date32())


def datetimes(values: Sequence[Any]) -> pa.Array:
    """Return datetimes in their one zone, else UTC; MixedTypesError where only some have one."""
    zones = _zones(values)
    if None in zones and len(zones) > 1:
        raise _with_and_without_zone(values)
    start = _EPOCH if None in zones else _EPOCH.replace(tzinfo=dt.UTC)
    zone = None if None in zones else _zone_name(values, zones)
    unit = _unit(values, dt.datetime, "nanosecond")
    ticks = _ticks(unit, lambda value: (value - start) // _MICROSECOND, "nanosecond")
    return _counted(values, ticks, pa.timestamp(unit, zone))


def times(values: Sequence[Any]) -> pa.Array:
    """Return times as time64; raises UnsupportedValueError for one with a zone."""
    for position, value in enumerate(values):
        if value is not None and value.tzinfo is not None:
            why = f"the time {value} with a zone, which no column holds; return text or a datetime"
            raise UnsupportedValueError(position, why)

    def ticks(value: dt.time) -> int:
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return seconds * 1_000_000 + value.microsecond

    return numbers(each(values, ticks), "i8", pa.time64("us"))


def durations(values: Sequence[Any]) -> pa.Array:
    """Return timedeltas as duration."""
    unit = _unit(values, dt.timedelta, "nanoseconds")
    ticks = _ticks(unit, lambda value: value // _MICROSECOND, "nanoseconds")
    return _counted(values, ticks, pa.duration(unit))


def _zone(value: Any) -> Any:
    return getattr(value, "tzinfo", None)  # numpy's have no attribute


def _zones(values: Sequence[Any]) -> list[Any]:
    """Return the distinct zones, by id: some (dateutil's) have no hash."""
    if set(map(type, values)) <= {dt.datetime, type(None)}:
        found = {id(value.tzinfo): value.tzinfo for value in values if value is not None}
    else:
        found = {id(_zone(value)): _zone(value) for value in values if value is not None}
    return list(found.values())


def _with_and_without_zone(values: Sequence[Any]) -> MixedTypesError:
    known = [position for position, value in enumerate(values) if value is not None]
    aware = {position: _zone(values[position]) is not None for position in known}
    first, second = known[0], next(place for place in known if aware[place] != aware[known[0]])
    return MixedTypesError(first, second, (values[first], values[second]))


def _unit(values: Sequence[Any], python: type, attribute: str) -> str:
    if set(map(type, values)) <= {python, type(None)}:
        return "us"
    fine = (isinstance(v, np.generic) or getattr(v, attribute, 0) for v in values)
    return "ns" if any(fine) else "us"


def _ticks(unit: str, count: Callable[[Any], int], attribute: str) -> Callable[[Any], int]:
    """Return the function from value to ticks of `unit`; `count` gives whole microseconds."""
    if unit == "us":
        return count

    def fine(value: Any) -> int:
        if not isinstance(value, np.generic):
            return count(value) * 1000 + getattr(value, attribute, 0)
        if (exact := nanoseconds(value)) is None:
            raise OverflowError
        return exact

    return fine


def _counted(values: Sequence[Any], ticks: Callable[[Any], int], type_: pa.DataType) -> pa.Array:
    with suppress(OverflowError):
        return numbers(each(values, ticks), "i8", type_)
    position = next(i for i in range(len(values)) if not _fits(values[i], ticks))
    span = " (1677 to 2262)" if type_.unit == "ns" else ""
    why = f"{values[position]!r}, which a column of {type_}{span} does not hold; return text"
    raise UnsupportedValueError(position, why)


def _fits(value: Any, ticks: Callable[[Any], int]) -> bool:
    try:
        return value is None or abs(ticks(value)) < 2**63
    except OverflowError:
        return False


def _zone_name(values: Sequence[Any], zones: list[Any]) -> str:
    """Return the common zone's name (`Europe/Berlin`, `+02:00`), UTC for several."""
    names = set(map(_key, zones))
    if None in names:  # a zone without a name: its values' offsets
        names = {_key(v.tzinfo) or _offset(v.utcoffset()) for v in values if v is not None}
    name = names.pop()
    return "UTC" if names or name is None else name


def _key(zone: dt.tzinfo) -> str | None:
    """Return a zone's name in zoneinfo or pytz, or its fixed offset; None if it has neither."""
    if isinstance(zone, dt.timezone):
        return _offset(zone.utcoffset(None))
    return getattr(zone, "key", None) or getattr(zone, "zone", None)


def _offset(offset: dt.timedelta) -> str:
    """Return `+02:00`; UTC for zero and for seconds, which Arrow does not have."""
    minutes, rest = divmod(offset, dt.timedelta(minutes=1))
    if rest or not minutes:
        return "UTC"
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
