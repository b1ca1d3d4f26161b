"""Arrow's maps as Python dicts. In the worker.

Dicts that a function makes are structs, or columns; those that it was given for maps stay maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.model.deferred_imports import at, pa


class Map(dict[Any, Any]):
    """A map of the input, with its Arrow type."""

    __slots__ = ("type",)

    type: Any

    @classmethod
    def of(cls, keys: Sequence[Any], items: Sequence[Any], type_: Any) -> Map:
        """Return a map; raises ValueError for duplicate keys."""
        made = cls(zip(keys, items, strict=True))
        if len(made) < len(keys):
            twice = next(key for place, key in enumerate(keys) if key in keys[:place])
            raise ValueError(f"the key {twice!r} is in it twice")
        made.type = type_
        return made


def holds_maps(type_: Any) -> bool:
    """Whether a type is a map or contains one."""
    if type_ is None or isinstance(type_, str):
        return False
    inner = (type_.field(place).type for place in range(type_.num_fields))
    return bool(at.is_map(type_) or any(map(holds_maps, inner)))


def as_lists(array: pa.Array) -> pa.Array:
    """Return maps as lists of pairs, for which Arrow has kernels; nothing is copied."""
    type_ = pa.list_(pa.struct([array.type.key_field, array.type.item_field]))
    buffers = array.buffers()[:2]
    return pa.Array.from_buffers(
        type_, len(array), buffers, offset=array.offset, children=[array.values]
    )


def type_like(values: Sequence[Any], keys: pa.Array, items: pa.Array) -> Any:
    """Return the type of a column of maps: the one all had in the input, if the values fit."""
    known: list[Any] = [getattr(value, "type", None) for value in values if value is not None]
    # Where all are empty, any key type will do but null, which Arrow does not allow.
    made = pa.map_(pa.string() if at.is_null(keys.type) else keys.type, items.type)
    if not known or any(type_ is None or type_ != known[0] for type_ in known):
        return made
    try:
        keys.cast(known[0].key_type)
        items.cast(known[0].item_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return made
    return known[0]
