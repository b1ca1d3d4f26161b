"""A column of which some values cannot be given to a function: only rows that look there fail.

A list that raises at those positions, so that where all values can be seen nothing is slower. In
the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, SupportsIndex, overload

from parapply.formats.api import Batch
from parapply.model.errors import BadRowsError, LookedAtError, UnseenError


class Holed(list[Any]):
    """Values; `holes` says for some positions why there is none."""

    __slots__ = ("holes",)

    def __init__(self, values: list[Any], holes: Mapping[int, str]) -> None:
        super().__init__(values)
        self.holes = holes

    @overload
    def __getitem__(self, key: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> list[Any]: ...
    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        if not isinstance(key, slice):
            place = range(len(self))[key]
            if place in self.holes:
                raise LookedAtError(self.holes[place])
            return super().__getitem__(place)
        places = range(len(self))[key]
        holes = {at: self.holes[place] for at, place in enumerate(places) if place in self.holes}
        return Holed(super().__getitem__(key), holes)

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self)))


def seen(batch: Batch, position: int, where: Callable[[int], str], name: str) -> list[Any]:
    """Return the values of a column, with holes for those that no function can be given."""
    try:
        return batch.values(position)
    except UnseenError as error:
        if batch.rows == 1:
            return Holed([None], {0: str(error.placed(where(0), name))})
    except BadRowsError as error:
        if batch.rows == 1:
            return Holed([None], error.rows)
    half = batch.rows // 2
    one = seen(batch.pick(range(half)), position, where, name)
    other = seen(batch.pick(range(half, batch.rows)), position, lambda row: where(half + row), name)
    return _joined(one, other)


def _joined(one: list[Any], other: list[Any]) -> Holed:
    values, holes = list[Any](), dict[int, str]()
    for part in (one, other):
        if isinstance(part, Holed):
            holes |= {len(values) + place: why for place, why in part.holes.items()}
        values += list.__iter__(part)
    return Holed(values, holes)
