"""Schema metadata of Parquet and Arrow files that describes their columns, adapted to the output.

What stays true is kept, other values of the table's keys are rewritten or dropped, since readers
would take them as true. Keys not in the table are not known to describe columns, and stay. In the
parent, and in workers that write part files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from parapply.formats.common.pandas_schema import told
from parapply.formats.common.spark_schema import spark_field
from parapply.model.deferred_imports import pa


class Change(NamedTuple):
    """How the output's schema and rows differ from the input's."""

    schema: pa.Schema  # of the output
    before: tuple[str, ...]  # the input's columns
    kept: frozenset[str]  # output columns that are the input's
    same_rows: bool  # exactly those of the first input

    @property
    def names(self) -> list[str]:
        names: list[str] = self.schema.names
        return names

    @property
    def same_columns(self) -> bool:
        return tuple(self.names) == self.before and self.kept == set(self.before)


def keys_of(metadata: Mapping[bytes, bytes] | None, change: Change) -> dict[bytes, bytes] | None:
    """Return the output's metadata, from the input's; unaffected values stay byte for byte."""
    if metadata is None:
        return None
    found = {}
    for key, value in metadata.items():
        rule = _RULES.get(key)
        kept = value if rule is None else _by_rule(rule, value, change)
        if kept is not None:
            found[key] = kept
    return found


_Rule = Callable[[bytes, Change], bytes | None]


def _by_rule(rule: _Rule, value: bytes, change: Change) -> bytes | None:
    """Apply a rule; a value of an unexpected form is dropped."""
    try:
        return rule(value, change)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _pandas(value: bytes, change: Change) -> bytes | None:
    """Remove columns that are not the input's; drop all if a column of the index is missing."""
    known = told({b"pandas": value})
    if known is None:
        return value  # pandas does not read it either
    index = [name for name in known.get("index_columns", []) if isinstance(name, str)]
    if not set(change.names).issuperset(index):
        return None
    columns = known.get("columns", [])
    theirs = change.kept.union(index)
    stay = [column for column in columns if column.get("field_name", column.get("name")) in theirs]
    told_names = known.get("column_indexes", [])
    names = told_names if theirs.issuperset(change.names) or _are_texts(told_names) else []
    if len(stay) == len(columns) and names == told_names:
        return value
    return _dumped({**known, "column_indexes": names, "columns": stay})


def _are_texts(column_indexes: Sequence[Any]) -> bool:
    """Whether column names are plain strings, as those of made columns are."""
    types = [known.get("pandas_type") for known in column_indexes]
    return types in ([], ["unicode"], ["string"])


def _spark(value: bytes, change: Change) -> bytes | None:
    """List the output's columns; None if Spark has no name for one's type."""
    known = json.loads(value)
    theirs = {field["name"]: field for field in known["fields"] if field["name"] in change.kept}
    fields = [theirs.get(field.name) or spark_field(field) for field in change.schema]
    if fields == known["fields"]:
        return value
    return None if None in fields else _dumped({**known, "fields": fields})


def _geo(value: bytes, change: Change) -> bytes | None:
    """Remove geometries that are not the input's, and extents that dropped rows invalidate."""
    known = json.loads(value)
    columns = {name: one for name, one in known["columns"].items() if name in change.kept}
    if not columns:
        return None
    columns = {name: _geometry(one, change) for name, one in columns.items()}
    primary = known["primary_column"]
    primary = primary if primary in columns else next(iter(columns))
    made = {**known, "primary_column": primary, "columns": columns}
    return value if made == known else _dumped(made)


def _geometry(known: dict[str, Any], change: Change) -> dict[str, Any]:
    found = dict(known)
    covering = [path[0] for paths in known.get("covering", {}).values() for path in paths.values()]
    if not change.kept.issuperset(covering):
        del found["covering"]
    if not change.same_rows:  # unknown types are not listed
        found.pop("bbox", None)
        found["geometry_types"] = []
    return found


def _huggingface(value: bytes, change: Change) -> bytes | None:
    """Remove features that are not the input's columns; readers infer those themselves."""
    known = json.loads(value)
    features = known["info"]["features"]
    stay = {name: one for name, one in features.items() if name in change.kept}
    if len(stay) == len(features):
        return value
    return _dumped({**known, "info": {**known["info"], "features": stay}})


def _gdal(value: bytes, change: Change) -> bytes | None:
    known = json.loads(value)
    stay = {name: one for name, one in known.get("columns", {}).items() if name in change.kept}
    if known.get("fid") not in (None, *change.kept):
        del known["fid"]
    return _dumped({**known, "columns": stay})


def _of_same_columns(value: bytes, change: Change) -> bytes | None:
    """Keep a complete list of columns, which readers would take as authoritative."""
    return value if change.same_columns else None


def _of_columns_by_name(value: bytes, change: Change) -> bytes | None:
    """Keep what is looked up by name, unless an input's name now means another column."""
    return value if change.kept.issuperset(set(change.names) & set(change.before)) else None


def _never(value: bytes, change: Change) -> None:
    """Drop what describes parts of a file that are not copied."""


_RULES: dict[bytes, _Rule] = {
    b"pandas": _pandas,
    b"org.apache.spark.sql.parquet.row.metadata": _spark,
    b"geo": _geo,
    b"huggingface": _huggingface,
    b"gdal:schema": _gdal,
    b"r": _of_columns_by_name,
    b"parquet.avro.schema": _of_same_columns,
    b"avro.schema": _of_same_columns,
    b"parquet.proto.descriptor": _of_same_columns,
    b"parquet.proto.class": _of_same_columns,
    b"thrift.descriptor": _of_same_columns,
    b"thrift.class": _of_same_columns,
    b"iceberg.schema": _of_same_columns,
    b"ARROW:schema": _never,  # Arrow's writer makes its own
    b"duckdb.interval_bloom_filter": _never,
}


def _dumped(known: Any) -> bytes:
    return json.dumps(known, ensure_ascii=False).encode()
