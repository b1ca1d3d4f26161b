"""Result columns, be they Arrow arrays or lists (list_column.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parapply.columns.list_column import ListColumn
from parapply.columns.type_names import type_of
from parapply.model.deferred_imports import lazy, pa

if TYPE_CHECKING:
    from parapply.columns.values import convert
else:  # not imported where lists are written as they are
    convert = lazy("parapply.columns.values.convert")


def as_array(column: pa.Array | ListColumn) -> pa.Array:
    """Return a result column as an array."""
    if isinstance(column, ListColumn):
        from parapply.columns.fit import fit

        return fit(convert.to_array(column.values), type_of(column.type))
    return column
