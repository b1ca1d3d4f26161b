"""Arrow's dates and times to text: ISO 8601, with a space between date and time.

Infinities are written as DuckDB and PostgreSQL do. Other moments beyond the years 1 to 9999 are an
error: tools differ (DuckDB has `44-03-15 (BC)`, Spark `+200000-01-01`), and Arrow writes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.arrays import integers, to_list
from parapply.columns.values.builders import texts
from parapply.model.deferred_imports import at, np, pa
from parapply.model.errors import UnseenError

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # the years 1 to 9999
_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400


def dates(array: pa.Array) -> pa.Array:
    """Return the text of days."""
    most = 2**31 - 1 if at.is_date32(array.type) else 2**63 - 1
    day = 1 if at.is_date32(array.type) else _DAY * 1000
    span = _FIRST_DAY * day, (_LAST_DAY + 1) * day
    return _written(array, span, {most: "infinity", -most: "-infinity"}, _dates)


def times(array: pa.Array) -> pa.Array:
    """Return the text of times of day, up to and including 24:00:00."""
    day = _DAY * _SECOND[array.type.unit]
    return _written(array, (0, day), {day: "24:00:00"}, _clocks)


def timestamps(array: pa.Array) -> pa.Array:
    """Return the text of timestamps, with the zone's offset if any."""
    convert = _clocks if array.type.tz is None else _zoned
    if array.type.unit == "ns":
        return convert(array)  # all are within 1677 to 2262
    second, most = _SECOND[array.type.unit], 2**63 - 1
    span = _FIRST_DAY * _DAY * second, (_LAST_DAY + 1) * _DAY * second
    return _written(array, span, {most: "infinity", -most: "-infinity"}, convert)


def _written(
    array: pa.Array, span: tuple[int, int], others: Mapping[int, str], convert: Any
) -> Any:
    """Convert the values in a span; `others` has the text of others, or UnseenError is raised."""
    ticks = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    found = pc.min_max(ticks)
    least, most = found["min"].as_py(), found["max"].as_py()
    if least is None or span[0] <= least <= most < span[1]:
        return convert(array)
    counts = np.array(pc.fill_null(ticks, pa.scalar(0, ticks.type)))
    beyond = (counts < span[0]) | (counts >= span[1])
    called = np.isin(counts, list(others))
    if (beyond & ~called).any():
        position = int(np.flatnonzero(beyond & ~called)[0])
        raise UnseenError(position, _why(int(counts[position]), array.type))
    plain = integers(np.where(called, 0, counts))
    written = convert(pc.cast(plain, ticks.type).view(array.type)).to_pylist()
    for position in np.flatnonzero(called).tolist():
        written[position] = others[int(counts[position])]
    known = array.is_valid().to_pylist()
    return texts([one if is_known else None for one, is_known in zip(written, known, strict=True)])


def _why(ticks: int, type_: Any) -> str:
    what = "the day" if at.is_time(type_) else "the years 1 to 9999"
    return (
        f"{ticks} as {type_} is beyond {what}, and has no text that all read alike: --drop the "
        "column, or write --to parquet"
    )


def _dates(array: pa.Array) -> pa.Array:
    return pc.cast(array if at.is_date32(array.type) else array.cast(pa.date32()), pa.string())


def _clocks(array: pa.Array) -> pa.Array:
    """Write `2024-01-31 12:00:00`, and fractions, where there are any, with 6 or 9 digits."""
    bare = pc.replace_substring_regex(pc.cast(array, pa.string()), r"\.0+$", "")
    return pc.replace_substring_regex(bare, r"(\.[0-9]{6})000$", r"\1")


def _zoned(array: pa.Array) -> pa.Array:
    if array.type.unit != "ns":
        return texts([None if value is None else str(value) for value in to_list(array)])
    ticks = np.array(array.view(pa.int64()).fill_null(0))
    coarse = to_list(integers(ticks // 1000).view(pa.timestamp("us", array.type.tz)))
    rows = zip(array.is_valid().to_pylist(), coarse, (ticks % 1000).tolist(), strict=True)
    return texts([_nanoseconds(value, rest) if ok else None for ok, value, rest in rows])


def _nanoseconds(value: Any, rest: int) -> str:
    if not rest:
        return str(value)
    whole = value.isoformat(" ", "microseconds")
    return f"{whole[:26]}{rest:03}{whole[26:]}"
