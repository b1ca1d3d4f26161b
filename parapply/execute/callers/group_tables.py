"""Frames that a function returned for one group each, as one table. In the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from parapply.columns.arrays import columns_of
from parapply.columns.type_words import clash
from parapply.columns.unify import unify
from parapply.execute.callers.pieces import _stack
from parapply.execute.frames.to_arrow import as_table, is_pandas
from parapply.model.deferred_imports import pa
from parapply.model.errors import ResultError


def below_each_other(
    frames: Sequence[Any], where: Callable[[int], str]
) -> tuple[pa.Table, list[int]]:
    """Return all rows of frames of any kind, and how many each has.

    Columns are those of all, in order of appearance, missing where a frame has none. Raises
    ResultError where values of one column are of types that do not go together.
    """
    counts = [frame.shape[0] for frame in frames]
    tables: list[tuple[int, pa.Table]] = []
    for _, same in groupby(enumerate(frames), lambda item: _likeness(item[1])):
        alike = list(same)
        tables.append((alike[0][0], _one(alike, where)))
    if len(tables) == 1:
        return tables[0][1], counts
    return _stacked(tables, where), counts


def _likeness(frame: Any) -> Any:
    """What frames have to have in common to be joined by their own library."""
    if not is_pandas(frame, "DataFrame") or any(name is not None for name in frame.index.names):
        return id(frame)
    return tuple(frame.columns), tuple(frame.dtypes)


def _one(alike: list[tuple[int, Any]], where: Callable[[int], str]) -> pa.Table:
    frame = alike[0][1]
    if len(alike) > 1:
        import pandas as pd

        frame = pd.concat([one for _, one in alike], ignore_index=True)
    try:
        table = as_table(frame)
    except ResultError as error:
        raise ResultError(f"{where(alike[0][0])}: {error}") from error
    assert table is not None
    return table


def _stacked(tables: list[tuple[int, pa.Table]], where: Callable[[int], str]) -> pa.Table:
    types: dict[str, Any] = {}
    firsts: dict[str, int] = {}
    for place, table in tables:
        for name, type_ in zip(table.column_names, table.schema.types, strict=True):
            known = types.get(name, type_)
            types[name] = unify(known, type_)
            if types[name] is None:
                one, other = clash(known, type_)
                raise ResultError(
                    f"column {name!r}: {where(firsts[name])} gave {one}, {where(place)} gave "
                    f"{other}; one column holds one type: return str for both, say"
                )
            firsts.setdefault(name, place)
    columns = [columns_of(table) for _, table in tables]
    rows = [table.num_rows for _, table in tables]
    arrays = [
        _stack([had.get(name, count) for had, count in zip(columns, rows, strict=True)], type_)
        for name, type_ in types.items()
    ]
    return pa.Table.from_arrays(arrays, names=list(types))
