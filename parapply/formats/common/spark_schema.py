"""Arrow types in the JSON of Spark schemas.

https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/data_types.html
"""

from __future__ import annotations

from typing import Any

from parapply.model.deferred_imports import at, pa


def spark_field(field: pa.Field) -> dict[str, Any] | None:
    """Return a column's entry in a Spark schema; None where Spark lacks its type."""
    type_ = _type(field.type)
    if type_ is None:
        return None
    return {"name": field.name, "type": type_, "nullable": field.nullable, "metadata": {}}


def _type(type_: Any) -> Any:
    if at.is_struct(type_):
        fields = [spark_field(field) for field in type_]
        return None if None in fields else {"type": "struct", "fields": fields}
    if at.is_map(type_):
        key, value = _type(type_.key_type), _type(type_.item_type)
        found = {"keyType": key, "valueType": value, "valueContainsNull": type_.item_field.nullable}
        return None if None in (key, value) else {"type": "map", **found}
    if at.is_list(type_) or at.is_large_list(type_):
        item = _type(type_.value_type)
        found = {"elementType": item, "containsNull": type_.value_field.nullable}
        return None if item is None else {"type": "array", **found}
    if at.is_dictionary(type_):
        return _type(type_.value_type)
    return _plain(type_)


def _plain(type_: Any) -> str | None:
    if at.is_decimal(type_) and type_.precision <= 38:
        return f"decimal({type_.precision},{type_.scale})"
    if at.is_timestamp(type_) and type_.unit in ("ms", "us"):
        return "timestamp_ntz" if type_.tz is None else "timestamp"
    return _NAMES.get(str(type_))


_NAMES = {
    "bool": "boolean", "int8": "byte", "int16": "short", "int32": "integer", "int64": "long",
    "uint8": "short", "uint16": "integer", "uint32": "long", "uint64": "decimal(20,0)",
    "float": "float", "double": "double", "string": "string", "large_string": "string",
    "string_view": "string", "binary": "binary", "large_binary": "binary", "date32[day]": "date",
}  # fmt: skip
