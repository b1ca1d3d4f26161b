"""Types that somebody has added to Arrow's, where nobody has told this process of them.

Arrow sends such a type as the one that its values are stored as, with its name and parameters
beside, and gives back the former alone where the name is not registered. It is made whole here, so
that a file is written as if it were known: by name and parameters, and no code of anybody's is run.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.types as at

_NAME, _PARAMETERS = b"ARROW:extension:name", b"ARROW:extension:metadata"


class Foreign(pa.ExtensionType):  # type: ignore[misc]  # pyarrow says nothing of its types
    """A type with these parameters, whatever they mean; each name has a class of its own.

    For Arrow makes a type anew of its class, storage and parameters where no one refers to it any
    more (one that is nested in another, say), and has no name then to tell.
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
        return not self == other  # Arrow's own looks at the name alone

    def __hash__(self) -> int:
        return hash((self.named, self._parameters))

    @property
    def _known(self) -> tuple[Any, ...]:
        return self.named, self._parameters, self.storage_type


@cache
def _class(name: str) -> type[Foreign]:
    return type("Foreign", (Foreign,), {"named": name})


def whole(field: Any) -> Any:
    """Return the type of a field that was read, whatever its name stands for."""
    type_, known = _with_children(field.type), field.metadata or {}
    if (name := known.get(_NAME)) is None:
        return type_
    return _class(name.decode())(type_, known.get(_PARAMETERS, b""))


def _with_children(type_: Any) -> Any:
    """Return a nested type with those of its values made whole; what holds no field is itself."""
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
    kept = {key: value for key, value in (field.metadata or {}).items() if not _is_ours(key)}
    return pa.field(field.name, type_, field.nullable, kept or None)


def _is_ours(key: bytes) -> bool:
    return key in (_NAME, _PARAMETERS)


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
