"""Arrow extension types that are not registered in this process.

Arrow serializes them as storage type, name and parameters, and reads back only the storage where
the name is unknown. A substitute with name and parameters is made here, so that files are written
as if it were known, and no foreign code is run.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.types as at

_NAME, _PARAMETERS = b"ARROW:extension:name", b"ARROW:extension:metadata"


class Foreign(pa.ExtensionType):  # type: ignore[misc]  # pyarrow is untyped
    """A substitute with opaque parameters; each name has its own subclass.

    Arrow rebuilds an unreferenced type (a nested one, say) of class, storage and parameters alone.
    """

    named = ""

    def __init__(self, storage: Any, parameters: bytes) -> None:
        self._parameters = parameters
        super().__init__(storage, self.named)

    def __arrow_ext_serialize__(self) -> bytes:
        return self._parameters

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, parameters: bytes) -> Foreign:
        return cls(storage, parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Foreign) and self._known == other._known

    def __ne__(self, other: object) -> bool:
        return not self == other  # Arrow's compares only names

    def __hash__(self) -> int:
        return hash((self.named, self._parameters))

    @property
    def _known(self) -> tuple[Any, ...]:
        return self.named, self._parameters, self.storage_type


@cache
def _class(name: str) -> type[Foreign]:
    return type("Foreign", (Foreign,), {"named": name})


def whole(field: Any) -> Any:
    """Return the type of a deserialized field, with substitutes for unknown extensions."""
    type_, known = _with_children(field.type), field.metadata or {}
    if (name := known.get(_NAME)) is None:
        return type_
    return _class(name.decode())(type_, known.get(_PARAMETERS, b""))


def _with_children(type_: Any) -> Any:
    """Return a type with its nested ones made whole."""
    make = next((make for holds, make in _NESTED if holds(type_)), None)
    if make is None:
        return type_
    before = [type_.field(place) for place in range(type_.num_fields)]
    children = [_whole_field(child) for child in before]
    return type_ if children == before else make(type_, children)


def _whole_field(field: Any) -> Any:
    type_ = whole(field)
    if type_ == field.type:
        return field
    known = (field.metadata or {}).items()
    kept = {key: value for key, value in known if key not in (_NAME, _PARAMETERS)}
    return pa.field(field.name, type_, field.nullable, kept or None)


def _map(type_: Any, children: list[Any]) -> Any:
    pair = children[0].type
    return pa.map_(pair.field(0), pair.field(1), keys_sorted=type_.keys_sorted)


_NESTED: tuple[tuple[Any, Any], ...] = (
    (at.is_struct, lambda type_, children: pa.struct(children)),
    (at.is_list, lambda type_, children: pa.list_(children[0])),
    (at.is_large_list, lambda type_, children: pa.large_list(children[0])),
    (at.is_fixed_size_list, lambda type_, children: pa.list_(children[0], type_.list_size)),
    (at.is_map, _map),
)
