"""Types as text, to send and compare them without Arrow.

Common types go by name. Others are packed as a serialized Arrow schema, which runs no code when
read: extension types are there by name and parameters. A process that does not know such a type
makes a substitute (extension_types.py); one that packed it itself gets the same type back.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from parapply.model.deferred_imports import at, pa

NAMES = ("null", "bool", "int64", "double", "string")
JSON = "json"  # see json_columns.py
_PACKED = "arrow:"
_packed: dict[str, Any] = {}  # extension types packed in this process, by their text


def name_of(type_: Any) -> str:
    """Return a pyarrow.DataType as text; text is returned as it is."""
    if isinstance(type_, str):
        return type_
    name = str(type_)
    if name in NAMES:
        return name
    if isinstance(type_, pa.JsonType):
        return JSON
    name = _PACKED + pack(type_)
    if _is_extended(type_):
        _packed[name] = type_
    return name


def type_of(name: Any) -> Any:
    """Return the pyarrow.DataType of such text; types are returned as they are."""
    if not isinstance(name, str):
        return name
    return _packed[name] if name in _packed else _type(name)


def _is_extended(type_: Any) -> bool:
    if isinstance(type_, pa.JsonType):
        return False
    if isinstance(type_, pa.BaseExtensionType):
        return True
    if at.is_dictionary(type_):
        return _is_extended(type_.value_type)
    return any(_is_extended(type_.field(place).type) for place in range(type_.num_fields))


def pack(type_: Any) -> str:
    """Return a type as a base64 Arrow schema."""
    import base64

    return base64.b64encode(pa.schema([pa.field("", type_)]).serialize()).decode()


def unpack(text: str) -> Any:
    """Return the type that `pack` was given."""
    import base64

    from parapply.columns.extension_types import whole

    packed = base64.b64decode(text, validate=True)
    return whole(pa.ipc.read_schema(pa.py_buffer(packed)).field(0))


@cache
def _type(name: str) -> Any:
    if name.startswith(_PACKED):
        return unpack(name.removeprefix(_PACKED))
    if name == JSON:
        return pa.json_()
    made = pa.null(), pa.bool_(), pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.binary()
    return next(type_ for type_ in made if str(type_) == name)


def joined(one: str, other: str) -> str | None:
    """Return what `unify` would for the types of NAMES that go together, else None."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    return "double" if {one, other} == {"int64", "double"} else None
