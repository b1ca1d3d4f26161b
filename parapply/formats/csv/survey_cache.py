"""Values that a survey of CSV caches for the chunks, by name. In workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parapply.formats.common.line_index import ByteSpan
from parapply.formats.common.number_cache import take
from parapply.formats.csv.batch import CsvBatch
from parapply.formats.nouns import Fields
from parapply.model.deferred_imports import pa

_AS_TEXT = "text "  # prefix of a verbatim column's position


def named(
    values: Mapping[int, Any], batch: CsvBatch, verbatim: Sequence[int] | None
) -> dict[str, Any]:
    """Return the columns to cache of a piece: its values, and those at `verbatim` as text."""
    columns = {str(position): column for position, column in values.items()}
    if verbatim:
        texts = batch.verbatim(verbatim)
        columns |= {f"{_AS_TEXT}{p}": text for p, text in zip(verbatim, texts, strict=True)}
    return columns


def columns(
    span: ByteSpan, fields: Fields, typed: Sequence[int], verbatim: Sequence[int]
) -> tuple[list[Any], list[Any]] | None:
    """Return what `CsvBatch.columns` and `verbatim` would; None unless all of it is cached."""
    types = {str(p): fields[p].type for p in typed}
    texts = {f"{_AS_TEXT}{p}": pa.string() for p in verbatim}
    found = take(span.asides, {**types, **texts})
    if not span.rows or len(found) < len(types) + len(texts):
        return None
    return [found[name] for name in types], [found[name] for name in texts]
