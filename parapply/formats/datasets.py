"""Several files as one table, with partition keys and pandas labels as added columns (parent)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from parapply.formats.api import Source
from parapply.formats.common.added_columns import Column
from parapply.formats.common.added_source import AddedSource
from parapply.formats.common.pandas_labels import labels, without_stale
from parapply.formats.nouns import Reading
from parapply.model.deferred_imports import lazy
from parapply.model.records import replace

if TYPE_CHECKING:
    from parapply.formats import hive
else:
    hive = lazy("parapply.formats.hive")


class Folders:
    """The partition keys of files, from their paths relative to the folder that was named."""

    def __init__(self, inside: Sequence[str], reading: Reading) -> None:
        self._keys = [hive.keys_of(path) if "=" in path else () for path in inside]
        self._types = hive.types_of(self._keys, reading) if any(self._keys) else {}

    def columns(self, place: int, path: str) -> list[Column]:
        """Return a file's partition columns; raises InputError for a value of another type."""
        return [
            hive.Constant(name, value, self._types[name]).checked(path)
            for name, value in self._keys[place]
        ]


def completed(
    sources: Sequence[Source], added: Sequence[Sequence[Column]], *, lenient: bool
) -> list[Source]:
    """Return sources with the columns added to each, and with their pandas labels."""
    fresh = [without_stale(source) for source in sources]
    return [
        _with(source, [*columns, *filter(None, [index])], lenient=lenient)
        for source, columns, index in zip(fresh, added, labels(fresh), strict=True)
    ]


def _with(source: Source, columns: Sequence[Column], *, lenient: bool) -> Source:
    return AddedSource(source, tuple(columns), lenient=lenient) if columns else source


def comparing(source: Source, names: Collection[str]) -> Source:
    """Return a source that compares only these columns with the file's own."""
    added = isinstance(source, AddedSource)
    return replace(source, compared=frozenset(names)) if added else source
