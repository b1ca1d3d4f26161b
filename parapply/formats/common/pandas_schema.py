"""The pandas metadata of a schema: dtypes, and which columns are the index.

Chunk functions return it per part, as marks on the fields of parts; an output has it once, in the
form that pandas reads. https://pandas.pydata.org/docs/development/developer.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parapply.model.deferred_imports import json, pa

INDEX = "__index_level_0__"  # the column of an unnamed index
_MARK = b"parapply:pandas"


def told(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any] | None:
    """Return the pandas metadata of a schema; None where pandas could not read it."""
    try:
        known = json.loads((metadata or {})[b"pandas"])
        columns, index = known.get("columns", []), known.get("index_columns", [])
        names = [column.get("field_name", column.get("name")) for column in columns]
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    sound = isinstance(index, list) and all(name is None or type(name) is str for name in names)
    return known if sound else None


def mark(table: pa.Table, index: Mapping[str, Any], dtypes: Mapping[str, Any]) -> pa.Table:
    """Return a table with marks on its fields, in place of its metadata.

    `index`: index columns and their names in pandas. `dtypes`: what pandas says of columns whose
    dtype does not follow from the Arrow type.
    """
    fields = []
    for field in table.schema:
        known: dict[str, Any] = {}
        if field.name in dtypes or field.name in index:
            known["column"] = dtypes.get(field.name)
        if field.name in index:
            known["index"] = index[field.name]
        fields.append(field.with_metadata({_MARK: json.dumps(known).encode()} if known else None))
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def marked_as(table: pa.Table, known: pa.Schema) -> pa.Table:
    """Return a table with the marks that columns of the same names have in another schema."""
    if not table.num_columns:  # a new table would have no rows
        return table
    fields = [field.with_metadata(known.field(field.name).metadata) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def retyped(field: pa.Field, type_: Any) -> pa.Field:
    """Return a part's field with another type, and without a dtype in its mark."""
    if field.type == type_ or _MARK not in (field.metadata or {}):
        return field.with_type(type_)
    known = {**json.loads(field.metadata[_MARK]), "column": None}
    return field.with_type(type_).with_metadata({_MARK: json.dumps(known).encode()})


def marks(schema: pa.Schema) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return {name: (type, mark)} of a part's columns that have a mark."""
    return {
        field.name: (field.type, json.loads(field.metadata[_MARK]))
        for field in schema
        if field.metadata and _MARK in field.metadata
    }


def described(schema: pa.Schema, found: Mapping[str, tuple[Any, dict[str, Any]]]) -> pa.Schema:
    """Return an output's schema with pandas metadata from its parts' marks, if there are any.

    A column of another type than in its part gets no dtype: the type determines it.
    """
    columns, index = [], []
    for field in schema:
        type_, known = found.get(field.name, (None, {}))
        if "index" in known:
            index.append(field.name)
        dtype = known.get("column") if type_ == field.type else None
        entry = {**_plain(field), **(dtype or {})}
        if "index" in known:
            entry["name"] = known["index"]
        if known:
            columns.append(entry)
    if not columns:
        return schema
    pandas = {"index_columns": index, "column_indexes": [], "columns": columns}
    return schema.with_metadata({**(schema.metadata or {}), b"pandas": json.dumps(pandas).encode()})


def _plain(field: pa.Field) -> dict[str, Any]:
    numpy = {"numpy_type": "object", "pandas_type": "object", "metadata": None}
    return {"name": field.name, "field_name": field.name, **numpy}
