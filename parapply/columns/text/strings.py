"""The text of any column, for CSV and `--dtype NAME=str`: lists and structs are JSON."""

from __future__ import annotations

from parapply.columns import kernels as pc
from parapply.columns.scalars import text
from parapply.columns.text.flat import decoded, flat_texts, located, storage_of
from parapply.columns.text.json import values
from parapply.model.deferred_imports import pa


def strings(array: pa.Array) -> pa.Array:
    """Return the text of each value, "" for missing ones; raises UnseenError for one without."""
    return pc.fill_null(texts(array), text(""))


def texts(array: pa.Array) -> pa.Array:
    """Return the text of each value, null for missing ones; raises UnseenError as `strings`."""
    array = decoded(array)
    nested = storage_of(array)
    with located(array, strings):
        if nested is None:
            return flat_texts(array)
        return pc.if_else(nested.is_valid(), values(nested), pa.scalar(None, pa.string()))
