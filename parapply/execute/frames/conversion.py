"""Chunks as whole frames: what a chunk function is given, and what it may return. In the worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parapply.execute.frames.objects import put
from parapply.execute.frames.to_arrow import is_numpy, misfits
from parapply.formats.common.pandas_schema import told
from parapply.formats.nouns import Field
from parapply.model.deferred_imports import at, importing, pa
from parapply.model.errors import FunctionError, InputError


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


def _unheld() -> tuple[type[Exception], ...]:
    return *misfits(), ValueError, OverflowError  # these of dates beyond the year 9999


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
            if at.is_integer(field.type) and dtype.kind in "iu" and is_numpy(dtype):
                frame[field.name] = frame[field.name].astype("f8")
            elif at.is_boolean(field.type) and is_numpy(dtype):
                frame[field.name] = frame[field.name].astype("O")
    return frame


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
