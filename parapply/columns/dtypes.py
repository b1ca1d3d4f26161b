"""The type names of `--dtype COLUMN=TYPE`."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from parapply.model.deferred_imports import pa
from parapply.model.errors import UsageError


@cache
def _names() -> dict[str, Any]:
    return {
        "str": pa.string(), "string": pa.string(), "text": pa.string(), "object": pa.string(),
        "int": pa.int64(), "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(),
        "int8": pa.int8(), "uint8": pa.uint8(), "uint16": pa.uint16(), "uint32": pa.uint32(),
        "uint64": pa.uint64(), "float": pa.float64(), "float64": pa.float64(),
        "double": pa.float64(), "float32": pa.float32(), "bool": pa.bool_(),
        "boolean": pa.bool_(), "date": pa.date32(),
        "time": pa.time64("us"), "timestamp": pa.timestamp("us"), "datetime": pa.timestamp("us"),
        "duration": pa.duration("us"), "binary": pa.binary(), "bytes": pa.binary(),
        "category": pa.dictionary(pa.int32(), pa.string()), "json": pa.json_(),
    }  # fmt: skip


_TIMESTAMP = re.compile(r"(?:timestamp|datetime(?:64)?)\[(s|ms|us|ns)(?:,\s*([\w/+:-]+))?\]")
_DECIMAL = re.compile(r"decimal(?:128)?\((\d+),\s*(\d+)\)")


def parse_type(column: str, name: str) -> Any:
    """Return the Arrow type that `name` means; raises UsageError for an unknown one."""
    if (type_ := _names().get(name.lower())) is not None:
        return type_
    if found := _TIMESTAMP.fullmatch(name):
        return pa.timestamp(found[1], found[2])
    if (found := _DECIMAL.fullmatch(name)) and int(found[2]) <= int(found[1]) <= 38:
        return pa.decimal128(int(found[1]), int(found[2]))
    raise UsageError(
        f"--dtype {column}={name}: there are: str, int, float, bool, date, time, timestamp, "
        "timestamp[ns, UTC], duration, decimal(20, 2), category, json, int8 ... uint64, float32"
    )
