"""Positions of a byte in text, from which records are found."""

from __future__ import annotations

import sys

from parapply.model.deferred_imports import Array, np

_EXPONENT_BITS, _BIAS = 52, 1023  # of a double: the exponent of a power of two is its position


def positions(data: Array, byte: int) -> Array:
    """Return where `byte` stands in an array of bytes, in order.

    Tests eight bytes at once: half the time of numpy's own search, if the byte is rare.
    """
    found = data == byte
    whole = len(found) & ~7
    words = found[:whole].view(np.uint64)
    places = (words != 0).nonzero()[0]
    values = words[places]
    if sys.byteorder != "little" or (values & (values - np.uint64(1))).any():  # two in one word
        return np.flatnonzero(found)
    bits = (values.astype(np.float64).view(np.int64) >> _EXPONENT_BITS) - _BIAS
    rest = np.flatnonzero(found[whole:])
    every: Array = np.append((places << 3) + (bits >> 3), rest + whole)
    return every


def outside(ends: Array, quotes: Array) -> Array:
    """Return those of `ends` that have an even number of `quotes` before them; both in order."""
    even: Array
    if len(quotes) > len(ends):
        even = np.searchsorted(quotes, ends) % 2 == 0
        return ends[even]
    before = np.searchsorted(ends, quotes, side="right")  # how many ends precede each quote
    if len(quotes) % 2 == 0 and (before[0::2] == before[1::2]).all():  # none is within a pair
        return ends
    counts = np.bincount(before, minlength=len(ends) + 1)[: len(ends)]
    even = np.cumsum(counts) % 2 == 0
    return ends[even]
