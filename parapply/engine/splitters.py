"""Where keys are cut into ranges of about as many rows: pure functions of samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from parapply.columns.keys import Key

AFTER = (True, 0)  # at the end of a key: what is between that key and the next one
Sample = Iterable[tuple[Key, int]]  # keys of rows here and there, and for how many each stands


def splitters(sample: Sample, rows: int) -> list[Key]:
    """Return the keys at which ranges of about `rows` rows begin, but the first.

    A key of more rows than that has a range of its own, as far as the sample tells.
    """
    found: list[Key] = []
    held = 0
    for key, weight in _weights(sample):
        if held and held + weight > rows:
            found.append(key)
            held = 0
        held += weight
        if weight > rows:
            found.append((*key, AFTER))
            held = 0
    return found


def _weights(sample: Sample) -> Iterator[tuple[Key, int]]:
    """Yield each key once, in order, with the rows that it stands for."""
    for key, same in groupby(sorted(sample), itemgetter(0)):
        yield key, sum(weight for _, weight in same)
