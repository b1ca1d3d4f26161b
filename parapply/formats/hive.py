"""Folders of files whose names hold columns: `sales/year=2024/month=01/part-0.parquet`.

Each file is a source of its own; what its folders say is added to it as columns of one value.
https://arrow.apache.org/docs/python/dataset.html (partitioning)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from parapply.formats import Field
from parapply.lazily import pa
from parapply.records import record
from parapply.values.convert import to_array

_MISSING = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def keys_of(path: str) -> tuple[tuple[str, str | None], ...]:
    """Return what the folders of a path, relative to the dataset's, say: (name, value) pairs."""
    pairs = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return tuple((name, None if value == _MISSING else unquote(value)) for name, _, value in pairs)


def types_of(keys: Sequence[tuple[tuple[str, str | None], ...]]) -> dict[str, Any]:
    """Return each key's type over all files: integer where all values are integers, else text."""
    found: dict[str, bool] = {}
    for pairs in keys:
        for name, value in pairs:
            whole = value is None or bool(_INTEGER.fullmatch(value))
            found[name] = found.get(name, True) and whole
    return {name: pa.int64() if whole else pa.string() for name, whole in found.items()}


@record
class Constant:
    """A column that has the same value, None where it is missing, in all rows of a file."""

    name: str
    value: str | None
    type: Any

    hidden = False

    @property
    def field(self) -> Field:
        """The column."""
        return Field(self.name, self.type)

    def extended(self, schema: pa.Schema) -> pa.Schema:
        """Return the file's schema with the column."""
        return schema.append(pa.field(self.name, self.type))

    def values(self, rows: Sequence[int]) -> pa.Array:
        """Return the value for so many rows."""
        if self.value is None:
            return pa.nulls(len(rows), self.type)
        typed = int(self.value) if pa.types.is_integer(self.type) else self.value
        return to_array([typed] * len(rows)).cast(self.type)
