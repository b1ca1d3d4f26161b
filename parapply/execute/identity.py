"""Which columns a row or value function gives back as they came. In the worker.

Those of which each result is the very object that the function was given: to see that takes next
to nothing, and ends at the first that is another. Which columns are looked at is the same in all
chunks, so that the output does not depend on where these are cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import is_
from typing import Any

from parapply.execute.call import Call
from parapply.formats.api import Batch
from parapply.formats.nouns import Field
from parapply.model.errors import BadRowsError, UnseenError

_FIXED = {type(None), bool, int, float, str, bytes}  # of these, no function can change a value


class Looked:
    """A batch's columns as a function was given them, and what of its results they are."""

    def __init__(self, call: Call, batch: Batch, fields: Sequence[Field]) -> None:
        self._batch, self._places = batch, counterparts(call, fields)
        self._seen: dict[int, list[Any]] = {}

    def values(self, position: int) -> list[Any]:
        """Return a column's values; raises UnseenError."""
        if position not in self._seen:
            self._seen[position] = self._batch.values(position)
        return self._seen[position]

    def given(self, lists: Mapping[str, Sequence[Any]], take: Any) -> dict[str, tuple[int, ...]]:
        """Return which columns of results are the input's, with the positions of those.

        `take`: the positions of the rows that the results are of; None for each row once.
        """
        known = {name: self._places[name] for name in lists if name in self._places}
        return {
            name: places
            for name, places in known.items()
            if all(self._is(lists[name], place, take) for place in places)
        }

    def _is(self, results: Sequence[Any], position: int, take: Any) -> bool:
        try:
            values = self.values(position)
        except (UnseenError, BadRowsError):  # which the function never looked at
            return False
        if not all(map(is_, results, _picked(values, take))):
            return False
        return set(map(type, results)) <= _FIXED or self._is_unchanged(values, position)

    def _is_unchanged(self, values: Sequence[Any], position: int) -> bool:
        """Whether lists and dicts hold what they held: by their text, in which 1 is not True."""
        fresh = self._batch.pick(range(self._batch.rows)).values(position)
        try:
            return all(repr(one) == repr(other) for one, other in zip(values, fresh, strict=True))
        except RecursionError:
            return False


def counterparts(call: Call, fields: Sequence[Field]) -> dict[str, tuple[int, ...]]:
    """Return by the names of result columns which of the input's they may be: one each.

    It is that of their name, and of values that which they are made of, whatever they are called.
    There is none where a type was asked for.
    """
    names = Counter(field.name for field in fields)
    known = {fields[place].name: place for place in call.read if names[fields[place].name] == 1}
    if call.traits.by_column and call.into:
        known = dict(zip(call.into, call.given, strict=False))
    return {name: (place,) for name, place in known.items() if name not in call.types}


def _picked(values: Sequence[Any], take: Any) -> Iterable[Any]:
    return values if take is None else map(values.__getitem__, take)
