"""Library types (numpy scalars, enums, ...) to plain Python values. In the worker."""

from __future__ import annotations

import datetime as dt
import enum
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from parapply.columns.values.maps import Map
from parapply.model.deferred_imports import np
from parapply.model.errors import ResultError

PLAIN = {type(None), bool, int, float, str, bytes, list, dict, tuple, dt.datetime, dt.date}
_EPOCH = dt.datetime(1970, 1, 1)
_S = 10**9
_NANOSECONDS = {
    "W": 604800 * _S, "D": 86400 * _S, "h": 3600 * _S, "m": 60 * _S, "s": _S,
    "ms": 10**6, "us": 1000, "ns": 1,
}  # fmt: skip
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}  # per nanosecond


def plain(value: Any) -> Any:
    """Return the plain value in a library's type (numpy scalars, NaT, NA, enums).

    Numpy times without a Python equivalent (nanoseconds) are returned as they are.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    unwrap = unwrapper(kind)  # type: ignore[arg-type]  # classes are hashable
    return value if unwrap is None else unwrap(value)


@lru_cache(maxsize=256)
def unwrapper(kind: type) -> Callable[[Any], Any] | None:
    """Return the function that makes a type's values plain; None if they are, or cannot be."""
    if kind in PLAIN or is_frame(kind) or issubclass(kind, (Map, bytearray, memoryview)):
        return None
    for unwrap, applies in _UNWRAPPERS:
        if applies(kind):
            return unwrap
    name = next((name for name in _METHODS if hasattr(kind, name)), None)
    return None if name is None else operator.methodcaller(name)


def is_record(kind: type) -> bool:
    """Whether a type has named members: namedtuples, dataclasses, pandas Series."""
    return (
        hasattr(kind, "_asdict")
        or (hasattr(kind, "__dataclass_fields__") and not issubclass(kind, type))
        or (kind.__name__ == "Series" and hasattr(kind, "to_dict"))
    )


class TwinKeysError(ResultError):
    """Two members of one name, of which a dict would keep one."""


def members(record: Any) -> dict[Any, Any]:
    """Return a record's members by name, not made plain; raises TwinKeysError."""
    if hasattr(record, "_asdict"):
        return dict(record._asdict())
    if hasattr(type(record), "__dataclass_fields__"):
        import dataclasses

        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if not record.index.is_unique:
        twice = record.index[record.index.duplicated()][0]
        raise TwinKeysError(f"a Series with two values called {twice!r}")
    return dict(record.to_dict())


def keys_of(mapping: Mapping[Any, Any]) -> list[str]:
    """Return the keys as text; raises TwinKeysError where two are equal as text."""
    keys = list(map(str, mapping))
    if len(set(keys)) < len(keys):
        raise TwinKeysError("a dict with two keys that are one as text")
    return keys


def is_frame(kind: type) -> bool:
    """Whether a type is a whole table of pandas, polars or Arrow."""
    return any(
        base.__name__ in ("DataFrame", "LazyFrame", "Table", "RecordBatch")
        and base.__module__.partition(".")[0] in ("pandas", "polars", "pyarrow")
        for base in kind.__mro__
    )


def _numpy(value: Any) -> Any:
    if value.dtype.kind in "mM":
        return list(value) if value.ndim else _time(value[()])
    if value.dtype in (np.float32, np.float16):  # by their digits: 0.1, not 0.10000000149
        value = value.astype("U").astype("f8") if type(value) is np.ndarray else float(str(value))
    if isinstance(value, np.longdouble):
        return float(value)
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


_UNWRAPPERS: tuple[tuple[Callable[[Any], Any], Callable[[type], bool]], ...] = (
    (_numpy, lambda kind: issubclass(kind, (np.generic, np.ndarray))),
    (lambda value: plain(value.value), lambda kind: issubclass(kind, enum.Enum)),
    (lambda value: None, lambda kind: kind.__name__ in ("NaTType", "NAType")),
    (members, is_record),
    (dict, lambda kind: hasattr(kind, "keys") and not hasattr(kind, "as_py")),
)
# An Arrow scalar; another library's array, index, tensor or series; a class that can be a dict.
_METHODS = ("as_py", "tolist", "to_pylist", "to_list", "to_dict")


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
    """Return a numpy duration, or time since 1970, in nanoseconds; None if it is finer.

    Python integers are used, as numpy's casts overflow silently. None also for years and months,
    whose length is not fixed.
    """
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype("i8")) * step
    if unit in _FINER:
        count, rest = divmod(count, _FINER[unit])
        return None if rest else count
    return count * _NANOSECONDS[unit] if unit in _NANOSECONDS else None
