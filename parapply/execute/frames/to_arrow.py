"""Frames that a chunk function returned, as Arrow tables and columns. In the worker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from parapply.columns.values.builders import NOT_UNICODE
from parapply.columns.values.convert import MixedTypesError, UnsupportedValueError, to_array
from parapply.execute.frames.objects import Objects, column_of, taken
from parapply.formats.common.pandas_schema import INDEX, mark
from parapply.model.deferred_imports import at, pa
from parapply.model.errors import ResultError


def as_table(result: Any, indexed: bool = False, objects: Objects | None = None) -> pa.Table | None:
    """Do as `_as_table`; raises ResultError for a frame with two columns of one name."""
    table = _as_table(result, indexed, objects)
    if table is not None:
        _check_unique(table.column_names)
    return table


def _check_unique(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ResultError(f"the function returned two columns called {twice!r}: rename one")


def _as_table(result: Any, indexed: bool, objects: Objects | None) -> pa.Table | None:
    """Return a frame of any kind as a table, or None where `result` is not a frame.

    A named pandas index becomes columns; an unnamed one is dropped, as by `to_csv(index=False)`,
    unless the input was `indexed` by such a one. `objects` says which columns are JSON.
    """
    if isinstance(result, pa.Table):
        return result
    if isinstance(result, pa.RecordBatch):
        return pa.Table.from_batches([result])
    package = type(result).__module__.partition(".")[0]
    if type(result).__name__ != "DataFrame" and not is_pandas(result, "DataFrame"):
        return None
    if package == "polars":
        return _plain_strings(result.to_arrow())
    return _from_pandas(result, indexed, objects or Objects())


def as_column(result: Any, name: str = "", objects: Objects | None = None) -> pa.Array | None:
    """Return a Series, array or list as one column, or None where `result` is none of those.

    `name` is what the column will be called, and `objects` says whether it is JSON then. Raises
    ResultError where its values do not go into one column.
    """
    if is_pandas(result, "Series") and (objects or Objects()).has(name, result):
        return column_of(name, result)
    try:
        return _as_column(result)
    except MixedTypesError as error:
        one, other = error.kinds
        why = f"{one!r} and {other!r} in one column"
    except UnsupportedValueError as error:
        why = error.why
    except misfits() as error:
        why = f"what no column holds: {error}"
    except UnicodeEncodeError:
        why = f"text {NOT_UNICODE}"
    raise ResultError(f"the function returned {why}")


def _as_column(result: Any) -> pa.Array | None:
    if isinstance(result, pa.ChunkedArray):
        return result.combine_chunks()
    if isinstance(result, pa.Array):
        return result
    if isinstance(result, (list, tuple)):
        return to_array(result)
    package = type(result).__module__.partition(".")[0]
    if package == "polars" and hasattr(result, "to_arrow"):
        return _plain_strings(pa.table({"": result.to_arrow()})).column(0).combine_chunks()
    if is_pandas(result, "Series") or is_pandas(result, "Index"):
        column = pa.Array.from_pandas(result)
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if hasattr(result, "__array__") and getattr(result, "ndim", 0) == 1:
        return pa.Array.from_pandas(result)
    return None


def is_pandas(result: Any, name: str) -> bool:
    """Whether it is a DataFrame, say, of pandas, or of a class made from it."""
    return any(
        base.__name__ == name and base.__module__.partition(".")[0] == "pandas"
        for base in type(result).__mro__
    )


def _from_pandas(frame: Any, indexed: bool, objects: Objects) -> pa.Table:
    index: dict[str, Any] = {}
    if any(name is not None for name in frame.index.names):
        names = list(frame.index.names)
        frame = frame.reset_index(names=_free_names(frame))
        index = dict(zip(map(str, frame.columns), names, strict=False))  # they come first
    elif indexed:
        frame, index = frame.assign(**{INDEX: frame.index}), {INDEX: None}
    frame = frame.rename(columns=str)
    _check_unique(list(frame.columns))
    try:
        table = taken(frame, objects, _table_of)
    except misfits() as error:
        raise ResultError(f"the function returned what no table holds: {error}") from error
    except UnicodeEncodeError as error:
        raise ResultError(f"the function returned text {NOT_UNICODE}") from error
    known = json.loads(table.schema.metadata[b"pandas"])["columns"]
    dtypes = {entry["field_name"]: entry for entry in known if _is_own(frame[entry["field_name"]])}
    return mark(table, index, dtypes)


def _table_of(frame: Any) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)


def _free_names(frame: Any) -> list[Any]:
    """Return names for the index' levels as columns: pandas' own where there is none, or twice."""
    several, taken = len(frame.index.names) > 1, set(frame.columns)
    names: list[Any] = []
    for level, name in enumerate(frame.index.names):
        free = name is not None and name not in taken and name not in names
        names.append(name if free else f"level_{level}" if several else INDEX)
    return names


def _is_own(column: Any) -> bool:
    """Whether a column's dtype is one of pandas that the Arrow type does not tell: Int64, say.

    Text, categories and times with a zone are told by it.
    """
    dtype = column.dtype
    plain = ("str", "category")
    return not is_numpy(dtype) and dtype.name not in plain and dtype.kind != "M"


def _plain_strings(table: pa.Table) -> pa.Table:
    """Polars writes large and view strings; the rest of the program knows them as strings."""
    fields = [
        field.with_type(pa.string())
        if at.is_large_string(field.type) or at.is_string_view(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def misfits() -> tuple[type[Exception], ...]:
    """Return what Arrow raises of values that no column holds."""
    return pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError


def is_numpy(dtype: Any) -> bool:
    """Whether a dtype of pandas is one of numpy's."""
    return type(dtype).__module__.startswith("numpy")
