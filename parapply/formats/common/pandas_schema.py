"""What pandas keeps in a schema: its dtypes, and which columns are the index.

Chunk functions give it for each part, at the parts' fields; an output has it once, in the form in
which pandas reads it. https://pandas.pydata.org/docs/development/developer.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parapply.model.deferred_imports import json, pa

INDEX = "__index_level_0__"  # the column that pandas writes an index without a name to
_MARK = b"parapply:pandas"


def told(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any] | None:
    """Return what pandas wrote into a schema's metadata; None where that is nothing it can read."""
    try:
        known = json.loads((metadata or {})[b"pandas"])
        columns, index = known.get("columns", []), known.get("index_columns", [])
        names = [column.get("field_name", column.get("name")) for column in columns]
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    sound = isinstance(index, list) and all(name is None or type(name) is str for name in names)
    return known if sound else None


def mark(table: pa.Table, index: Mapping[str, Any], dtypes: Mapping[str, Any]) -> pa.Table:
    """Return a table with marks at its fields, in place of its metadata.

    `index` has the names, as pandas has them, of the columns that are the index; `dtypes` what
    pandas says of columns whose dtype the Arrow type alone does not tell.
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
    """Return a table with the marks that columns of these names have in another schema."""
    if not table.num_columns:  # it would forget its rows
        return table
    fields = [field.with_metadata(known.field(field.name).metadata) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def retyped(field: pa.Field, type_: Any) -> pa.Field:
    """Return a part's field as one of another type, of which its mark tells no dtype."""
    if field.type == type_ or _MARK not in (field.metadata or {}):
        return field.with_type(type_)
    known = {**json.loads(field.metadata[_MARK]), "column": None}
    return field.with_type(type_).with_metadata({_MARK: json.dumps(known).encode()})


def marks(schema: pa.Schema) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return the marks of a part's columns by name, each with the column's type."""
    return {
        field.name: (field.type, json.loads(field.metadata[_MARK]))
        for field in schema
        if field.metadata and _MARK in field.metadata
    }


def described(schema: pa.Schema, found: Mapping[str, tuple[Any, dict[str, Any]]]) -> pa.Schema:
    """Return an output's schema with what the marks of its parts say; as it is without any.

    A column that has got another type than its part had is left to what the type tells.
    """
    columns, index = [], []
    for field in schema:
        type_, known = found.get(field.name, (None, {}))
        if "index" in known:
            index.append(field.name)
        entry = {**_plain(field), **(known.get("column") or {})}
        if type_ != field.type:
            entry = _plain(field)
        if "index" in known:
            entry["name"] = known["index"]
        if known:
            columns.append(entry)
    if not columns:
        return schema
    pandas = {"index_columns": index, "column_indexes": [], "columns": columns}
    metadata = {**(schema.metadata or {}), b"pandas": json.dumps(pandas).encode()}
    return schema.with_metadata(metadata)


def _plain(field: pa.Field) -> dict[str, Any]:
    numpy = {"numpy_type": "object", "pandas_type": "object", "metadata": None}
    return {"name": field.name, "field_name": field.name, **numpy}
