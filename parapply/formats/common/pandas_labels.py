"""The labels of rows that pandas keeps as a range, beside the rows. In the parent, and in workers.

Where rows are left out or files are put together such a range is of other rows, so that labels
become a column, as pandas writes those of `df[mask]`. A mere numbering 0, 1, 2 ... says nothing of
the rows and stays what it is: pandas numbers anew. https://pandas.pydata.org/docs/development/developer.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from parapply.columns.arrays import integers
from parapply.formats.api import CountedSource, Source
from parapply.formats.common.pandas_schema import INDEX, told
from parapply.formats.nouns import Field
from parapply.model.deferred_imports import json, np, pa
from parapply.model.records import record, replace


@record
class Labels:
    """The column of a file's labels; `label` is what pandas calls the index, if anything."""

    name: str
    label: Any
    range: range

    hidden = True

    @property
    def field(self) -> Field:
        """The column."""
        return Field(self.name, pa.int64(), nullable=False)

    def extended(self, schema: pa.Schema) -> pa.Schema:
        """Return the file's schema with the column, which pandas takes for the index."""
        pandas = {"column_indexes": [], "columns": [], **(told(schema.metadata) or {})}
        entry = {"name": self.label, "field_name": self.name, "metadata": None}
        entry |= {"pandas_type": "int64", "numpy_type": "int64"}
        pandas |= {"index_columns": [self.name], "columns": [*pandas["columns"], entry]}
        return _with(schema, pandas).append(pa.field(self.name, pa.int64()))

    def values(self, rows: Sequence[int]) -> pa.Array:
        """Return the labels of rows."""
        return integers(np.asarray(rows, np.int64) * self.range.step + self.range.start)

    def verbatim(self, rows: Sequence[int]) -> pa.Array:
        """The same: text has it but as a value."""
        return self.values(rows)

    def check_same(self, values: pa.Array, where: Callable[[int], str]) -> None:
        """Nothing: its name is one that no column has."""


def labels(sources: Sequence[Source]) -> list[Labels | None]:
    """Return the labels of each source; none where they are all numbered, or have them already."""
    found = [_range(source) for source in sources]
    if _is_plain(found) or any(_has_column(source) for source in sources):
        return [None] * len(sources)
    names = {known["name"] for known in found if known is not None}
    label = names.pop() if len(names) == 1 else None
    taken = label is None or any(label in source.columns for source in sources)
    name = INDEX if taken else str(label)
    return [
        Labels(name, label, range(_rows(source)) if known is None else _numbers(known))
        for source, known in zip(sources, found, strict=True)
    ]


def without_stale(source: Source) -> Source:
    """Return a source without a range of other rows than it has: it would label those left."""
    known = _range(source)
    if _is_plain([known]) or len(_numbers(known)) == _rows(source):
        return source
    pandas = {**(told(source.schema.metadata) or {}), "index_columns": []}
    fresh: Source = replace(source, schema=_with(source.schema, pandas))
    return fresh


def _is_plain(found: Sequence[Any]) -> bool:
    """Whether rows are numbered 0, 1, 2 ..., in each of the sources or in all together."""
    if any(known and (known["step"] != 1 or known["name"] is not None) for known in found):
        return False
    starts, total = [known and known["start"] for known in found], 0
    if not any(starts):
        return True
    for known in found:
        if known is None or known["start"] != total:
            return False
        total = known["stop"]
    return True


def _range(source: Source) -> Any:
    index = _index(source)
    return next((known for known in index if _is_range(known)), None)


def _is_range(known: Any) -> bool:
    if not isinstance(known, dict):
        return False
    numbers = [known.get(key) for key in ("start", "stop", "step")]
    return "name" in known and all(type(n) is int for n in numbers) and known["step"] != 0


def _has_column(source: Source) -> bool:
    return any(isinstance(known, str) for known in _index(source))


def _index(source: Source) -> list[Any]:
    known = None if source.schema is None else told(source.schema.metadata)
    return [] if known is None else list(known.get("index_columns", []))


def _numbers(known: Any) -> range:
    return range(known["start"], known["stop"], known["step"])


def _rows(source: Source) -> int:
    assert isinstance(source, CountedSource), "what has a schema knows its rows"
    return source.rows()


def _with(schema: pa.Schema, pandas: dict[str, Any]) -> pa.Schema:
    return schema.with_metadata({**(schema.metadata or {}), b"pandas": json.dumps(pandas).encode()})
