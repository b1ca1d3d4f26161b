"""Row labels that pandas stores as a range in the schema instead of a column (parent, workers).

Where rows are dropped or files concatenated the range no longer matches, so labels become a column,
as pandas writes those of `df[mask]`. A default range 0, 1, 2 ... carries no information and stays:
pandas numbers anew. https://pandas.pydata.org/docs/development/developer.html
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
    """The column of a file's labels; `label` is the name of the index in pandas, if any."""

    name: str
    label: Any
    range: range

    hidden = True

    @property
    def field(self) -> Field:
        return Field(self.name, pa.int64(), nullable=False)

    def extended(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema with the column, which pandas reads as the index."""
        pandas = {"column_indexes": [], "columns": [], **(told(schema.metadata) or {})}
        entry = {"name": self.label, "field_name": self.name, "metadata": None}
        entry |= {"pandas_type": "int64", "numpy_type": "int64"}
        pandas |= {"index_columns": [self.name], "columns": [*pandas["columns"], entry]}
        return _with(schema, pandas).append(pa.field(self.name, pa.int64()))

    def values(self, rows: Sequence[int]) -> pa.Array:
        return integers(np.asarray(rows, np.int64) * self.range.step + self.range.start)

    verbatim = values

    def check_same(self, values: pa.Array, where: Callable[[int], str]) -> None:
        """Nothing to check: no file has a column of this name."""


def labels(sources: Sequence[Source]) -> list[Labels | None]:
    """Return each source's labels; all None if ranges are default ones, or labels columns."""
    found = [_range(source) for source in sources]
    if _is_plain(found) or any(isinstance(one, str) for each in sources for one in _index(each)):
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
    """Drop a range from a source's schema if its length is not the row count."""
    known = _range(source)
    if _is_plain([known]) or len(_numbers(known)) == _rows(source):
        return source
    pandas = {**(told(source.schema.metadata) or {}), "index_columns": []}
    fresh: Source = replace(source, schema=_with(source.schema, pandas))
    return fresh


def _is_plain(found: Sequence[Any]) -> bool:
    """Whether rows are numbered 0, 1, 2 ..., in each source or across all of them."""
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
    return next((known for known in _index(source) if _is_range(known)), None)


def _is_range(known: Any) -> bool:
    if not isinstance(known, dict):
        return False
    numbers = [known.get(key) for key in ("start", "stop", "step")]
    return "name" in known and all(type(n) is int for n in numbers) and known["step"] != 0


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
