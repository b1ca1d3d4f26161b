"""Chunks as whole frames: what a chunk function is given, and what it may return. In the worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parapply.columns.values.builders import NOT_UNICODE
from parapply.columns.values.convert import MixedTypesError, UnsupportedValueError, to_array
from parapply.execute.frames.objects import Objects, column_of, put, taken
from parapply.formats.common.pandas_schema import INDEX, mark, told
from parapply.formats.nouns import Field
from parapply.model.deferred_imports import at, importing, pa
from parapply.model.errors import FunctionError, InputError, ResultError


def make_frame(
    kind: str,
    fields: Sequence[Field],
    arrays: Sequence[pa.Array],
    backend: str | None = None,
    metadata: Mapping[bytes, bytes] | None = None,
    held: Mapping[str, Sequence[Any]] | None = None,
) -> Any:
    """Return a chunk as a "pandas", "arrow" or "polars" frame.

    pandas dtypes are those that the whole input has, also in a chunk without a missing value:
    float64 for integers and object for booleans of a column that has missing ones. With a
    `backend`, "pyarrow" or "numpy_nullable", they are those of that backend. `metadata` is that
    of the input's schema, in which pandas keeps its dtypes and which columns are the index. `held`
    has the values of columns that pandas is given as objects: see objects.py.

    Raises InputError for a column that the frame cannot hold.
    """
    table = pa.Table.from_arrays(list(arrays), names=[field.name for field in fields])
    try:
        frame = _MAKERS[kind](table, fields, backend, metadata)
    except _unheld() as error:
        raise InputError(
            f"a {kind} frame cannot hold {_misfit(kind, table)}: {str(error).splitlines()[0]}; "
            "annotate the function's parameter as pyarrow.Table, or name the columns that it needs "
            "with --by chunk -c"
        ) from error
    return put(frame, held or {}) if kind == "pandas" else frame


def _misfits() -> tuple[type[Exception], ...]:
    return pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError


def _unheld() -> tuple[type[Exception], ...]:
    return *_misfits(), ValueError, OverflowError  # these of dates beyond the year 9999


def _misfit(kind: str, table: pa.Table) -> str:
    """Name the first column that a frame cannot hold."""
    for place, field in enumerate(table.schema):
        try:
            _MAKERS[kind](table.select([place]), [Field(field.name, field.type)], None, None)
        except _unheld():
            return f"column {field.name!r}"
    return "this table"


def preload(kind: str) -> None:
    """Import what frames of a kind need, before workers are forked, which then share it.

    Not polars: it has threads of its own, which do not survive a fork.
    """
    if kind == "pandas":
        with importing():
            import pandas  # noqa: F401


def _pandas(
    table: pa.Table,
    fields: Sequence[Field],
    backend: str | None,
    metadata: Mapping[bytes, bytes] | None,
) -> Any:
    from parapply.execute.frames.labels import numbered

    if backend is not None:
        return numbered(table.to_pandas(types_mapper=_dtypes(backend)))
    names = [field.name for field in fields]
    frame = numbered(table.replace_schema_metadata(_of_pandas(metadata, names)).to_pandas())
    for place, field in enumerate(fields):
        if not field.nullable or table.column(place).null_count or names.count(field.name) > 1:
            continue
        if field.name in frame.columns:
            dtype = frame[field.name].dtype
            if at.is_integer(field.type) and dtype.kind in "iu" and _is_numpy(dtype):
                frame[field.name] = frame[field.name].astype("f8")
            elif at.is_boolean(field.type) and _is_numpy(dtype):
                frame[field.name] = frame[field.name].astype("O")
    return frame


def _is_numpy(dtype: Any) -> bool:
    return type(dtype).__module__.startswith("numpy")


def _of_pandas(metadata: Mapping[bytes, bytes] | None, names: Sequence[str]) -> Any:
    """What pandas wrote of these columns; of an index that is a range, nothing: it is a file's."""
    known = told(metadata)
    if known is None:
        return None
    known["index_columns"] = [name for name in known.get("index_columns", []) if name in names]
    return {b"pandas": json.dumps(known).encode()}


def _dtypes(backend: str) -> Callable[[Any], Any]:
    import pandas as pd

    if backend == "pyarrow":
        return pd.ArrowDtype
    nullable: dict[Any, Any] = {
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
    }
    for bits in (8, 16, 32, 64):
        for sign in ("Int", "UInt"):
            nullable[getattr(pa, f"{sign.lower()}{bits}")()] = getattr(pd, f"{sign}{bits}Dtype")()
    return nullable.get


def _arrow(table: pa.Table, *_: Any) -> pa.Table:
    return table


def _polars(table: pa.Table, *_: Any) -> Any:
    try:
        import polars as pl
    except ImportError as error:
        from parapply.model.distribution import to_install

        raise FunctionError(f"polars is not installed: {to_install('polars')}") from error
    return pl.from_arrow(table)


_MAKERS = {"pandas": _pandas, "arrow": _arrow, "polars": _polars}


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
    except _misfits() as error:
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
    except _misfits() as error:
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
    return not _is_numpy(dtype) and dtype.name not in plain and dtype.kind != "M"


def _plain_strings(table: pa.Table) -> pa.Table:
    """Polars writes large and view strings; the rest of the program knows them as strings."""
    fields = [
        field.with_type(pa.string())
        if at.is_large_string(field.type) or at.is_string_view(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
