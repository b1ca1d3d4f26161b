"""Lists of small chunks, kept beside their parts without Arrow. In the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parapply.columns.list_column import ListColumn
from parapply.columns.type_names import NAMES
from parapply.execute.call import Made
from parapply.model.deferred_imports import json
from parapply.storage.private import reopen

_LISTS = b"{"  # what they begin with; an Arrow file begins with ARROW1


def _listed(made: Made) -> bytes:
    columns = {name: (column.type, column.values) for name, column in made.columns.items()}
    return json.dumps({"take": made.take, "columns": columns}).encode()


def _lists(kept: str | bytes) -> tuple[dict[str, ListColumn], list[int] | None] | None:
    """Return what `_listed` made, None of a table."""
    if isinstance(kept, str):
        with reopen(kept) as file:
            first = file.read(1)
            kept = first + file.read() if first == _LISTS else b""
    if not kept.startswith(_LISTS):
        return None
    found = json.loads(kept)
    columns = {
        name: ListColumn(type_, values) for name, (type_, values) in found["columns"].items()
    }
    for name, column in columns.items():
        if column.type not in NAMES or not all(map(_KINDS[column.type], column.values)):
            raise ValueError(f"column {name!r} is not of its type")
    return columns, found["take"]


def _of(*types: type) -> Callable[[Any], bool]:
    return lambda value: value is None or type(value) in types


_KINDS = {
    "null": _of(), "bool": _of(bool), "int64": _of(int), "double": _of(float), "string": _of(str),
}  # fmt: skip
