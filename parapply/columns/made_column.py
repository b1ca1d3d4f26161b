"""Columns that a function made, be they Arrow arrays or lists: see list_column.py."""

from __future__ import annotations

from parapply.columns.fit import fit
from parapply.columns.list_column import ListColumn
from parapply.columns.type_names import type_of
from parapply.columns.values.convert import to_array
from parapply.model.deferred_imports import pa


def as_array(column: pa.Array | ListColumn) -> pa.Array:
    """Return a made column as an array."""
    if isinstance(column, ListColumn):
        return fit(to_array(column.values), type_of(column.type))
    return column
