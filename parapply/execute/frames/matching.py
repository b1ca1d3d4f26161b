"""Which rows of a table are those of another, by what stands in them. In the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from parapply.columns.arrays import take
from parapply.columns.fit import fit
from parapply.columns.unify import unify
from parapply.columns.values.maps import as_lists
from parapply.model.deferred_imports import at, np, pa
from parapply.model.errors import ResultError

_Codes = Any  # numpy arrays of integers: the same value has the same number


class Match(NamedTuple):
    """For each row of a table, the row of the other that it is."""

    rows: _Codes
    doubtful: _Codes  # rows of the other that are not told apart, and do not all come out,
    alike: _Codes  # and for each of them the first that is like it

    def tells(self, array: pa.Array) -> bool:
        """Whether it makes no difference to a column which of several rows is meant."""
        return is_same(take(array, self.doubtful), take(array, self.alike))


def may_be_moved(own: Mapping[str, pa.Array], made: Mapping[str, pa.Array]) -> bool:
    """Whether a column has but values that it had, so that these may be those of other rows."""
    return any(_found(own[name], made[name]) is not None for name in made)


def match(own: Mapping[str, pa.Array], made: Mapping[str, pa.Array]) -> Match | None:
    """Return which of the rows of `own` those of `made` are; None where they are others.

    By all columns with which all rows are found, and those with most values first: of the others
    the values were changed. Rows that are alike come in their order.
    """
    pairs = [_found(own[name], made[name]) for name in made]
    known = [pair for pair in pairs if pair is not None]
    known.sort(key=lambda pair: -int(pair[0].max(initial=0)))
    keys: tuple[_Codes, _Codes] | None = None
    for pair in known:
        joined = pair if keys is None else _joined(keys, pair)
        if np.isin(joined[1], joined[0]).all():
            keys = joined
    return None if keys is None else _match(*keys)


def _found(own: pa.Array, made: pa.Array) -> tuple[_Codes, _Codes] | None:
    """Return the values of two columns as numbers; None where the second has others."""
    pair = _codes(own, made)
    return pair if pair is not None and np.isin(pair[1], pair[0]).all() else None


def _codes(own: pa.Array, made: pa.Array) -> tuple[_Codes, _Codes] | None:
    """Return the values of two columns as numbers; None where they have no order of their own."""
    try:
        if made.type != own.type:
            made = fit(made, own.type)
        both = pa.concat_arrays([_plain(own), _plain(made)])
        found = both.dictionary_encode(null_encoding="encode").indices.to_numpy()
    except (pa.ArrowException, ResultError):  # nested, or types that do not go together
        return None
    return found[: len(own)], found[len(own) :]


def _joined(one: tuple[_Codes, _Codes], other: tuple[_Codes, _Codes]) -> tuple[_Codes, _Codes]:
    wide = 1 + max(int(codes.max(initial=0)) for codes in other)
    pairs = [a.astype(np.int64) * wide + b for a, b in zip(one, other, strict=True)]
    found = np.unique(np.concatenate(pairs), return_inverse=True)[1]
    return found[: len(one[0])], found[len(one[0]) :]


def _match(own: _Codes, made: _Codes) -> Match:
    order = np.argsort(own, kind="stable")
    ranked = own[order]
    first, after = (np.searchsorted(ranked, made, side) for side in ("left", "right"))
    places = np.argsort(made, kind="stable")
    again = np.empty(len(made), np.int64)  # how often the row has come before
    again[places] = np.arange(len(made)) - np.searchsorted(made[places], made[places])
    counts = after - first
    rows = order[first + np.minimum(again, counts - 1)]
    out = np.bincount(made, minlength=int(own.max(initial=0)) + 1)[made]
    doubtful = np.flatnonzero(np.isin(own, made[(counts > 1) & (counts != out)]))
    alike = order[np.searchsorted(ranked, own[doubtful])]
    return Match(rows, doubtful, alike)


def is_same(made: pa.Array, own: pa.Array) -> bool:
    """Whether two columns have the same values, to the bit; NaN is the same as NaN.

    Of objects the type is but what the values of a chunk tell, so that it may differ.
    """
    if made.type != own.type:
        if not (_is_told_by_values(own.type) or at.is_null(made.type)):
            return False
        type_ = unify(own.type, made.type)
        if type_ is None:
            return False
        try:
            made, own = fit(made, type_), fit(own, type_)
        except (pa.ArrowException, ResultError):
            return False
    return len(made) == len(own) and _is_equal(made, own)


def _is_told_by_values(type_: Any) -> bool:
    return bool(at.is_nested(type_) or at.is_decimal(type_) or at.is_null(type_))


def _is_equal(one: pa.Array, other: pa.Array) -> bool:
    if at.is_struct(one.type):
        inner = zip(one.flatten(), other.flatten(), strict=True)
        return _are_missing_alike(one, other) and all(_is_equal(*pair) for pair in inner)
    if at.is_map(one.type):
        return _is_equal(as_lists(one), as_lists(other))
    if _has_lengths(one.type):
        lengths = one.value_lengths().equals(other.value_lengths())
        return bool(lengths) and _is_equal(one.flatten(), other.flatten())
    if at.is_fixed_size_list(one.type):
        return _are_missing_alike(one, other) and _is_equal(one.flatten(), other.flatten())
    if one.equals(other) and not at.is_floating(one.type):
        return True
    return bool(_plain(one).equals(_plain(other)))


def _has_lengths(type_: Any) -> bool:
    return bool(
        at.is_list(type_) or at.is_large_list(type_) or at.is_list_view(type_)
        or at.is_large_list_view(type_)
    )  # fmt: skip


def _are_missing_alike(one: pa.Array, other: pa.Array) -> bool:
    return bool(one.is_null().equals(other.is_null()))


def _plain(array: pa.Array) -> pa.Array:
    """Return an array in which the same values are the same bits."""
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    if at.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if at.is_floating(array.type):  # -0.0 is not 0.0, and NaN is NaN
        bits = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[array.type.bit_width]
        return array.view(bits)
    return array
