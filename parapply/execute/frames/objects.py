"""Columns of Python objects in pandas frames: lists, dicts and what else JSON has. In the worker.

Arrow would make arrays of lists, and all dicts of a column alike, as they go into a frame and as
they come back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from parapply.columns import json_columns
from parapply.columns.values.convert import (
    MixedTypesError,
    UnsupportedValueError,
    are_nested,
    to_array,
)
from parapply.model.deferred_imports import np, pa
from parapply.model.errors import ResultError
from parapply.model.records import record


@record
class Objects:
    """Which columns of objects that a function returns are JSON.

    Those are of the input's columns of JSON, and of those that were asked for; `as_text`: and all
    that hold lists and dicts, for each of them is written by itself.
    """

    names: Collection[str] = ()
    as_text: bool = False
    maps: Collection[str] = ()  # columns of maps, which Arrow would make structs of

    def has(self, name: str, column: Any) -> bool:
        """Whether a column of a frame is JSON, or one that was, by the name that it still has."""
        if column.dtype != "O":
            return False
        known = name in self.names or column.name in self.names
        return known or (self.as_text and are_nested(column.tolist()))


def put(frame: Any, held: Mapping[str, Sequence[Any]]) -> Any:
    """Return a frame with columns of these values, as they are."""
    for name, values in held.items():
        if name in frame.columns:
            objects = np.fromiter(values, "O", len(values))
            frame[name] = type(frame[name])(objects, index=frame.index, dtype="O")
    return frame


def taken(frame: Any, objects: Objects, table_of: Callable[[Any], pa.Table]) -> pa.Table:
    """Return the table of a frame, whose columns have unique names, with those of JSON as such.

    Raises ResultError for what no column can hold.
    """
    found = {}
    for name in frame.columns:
        if objects.has(name, frame[name]):
            found[name] = column_of(name, frame[name])
        elif name in objects.maps and frame[name].dtype == "O":
            found[name] = maps_of(name, frame[name])
    if not found:
        return table_of(frame)
    table = table_of(frame.assign(**dict.fromkeys(found)))
    for name, column in found.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, pa.field(name, column.type), column)
    return table


def column_of(name: str, column: Any) -> pa.Array:
    """Return a column of objects as one of JSON."""
    values = [None if _is_missing(value) else value for value in column.tolist()]
    try:
        return json_columns.of_values(values)
    except UnsupportedValueError as error:
        raise ResultError(f"column {name!r}: the function returned {error.why}") from error


def maps_of(name: str, column: Any) -> pa.Array:
    """Return a column of objects, among them maps."""
    try:
        return to_array([None if _is_missing(value) else value for value in column.tolist()])
    except UnsupportedValueError as error:
        raise ResultError(f"column {name!r}: the function returned {error.why}") from error
    except MixedTypesError as error:
        one, other = error.kinds
        why = f"{one!r} and {other!r} in one column"
        raise ResultError(f"column {name!r}: the function returned {why}") from error


def _is_missing(value: Any) -> bool:
    return value is None or (type(value) is float and value != value)
