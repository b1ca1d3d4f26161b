"""Where keys are cut: a pure function of samples."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from parapply.engine.splitters import splitters


def key(value):
    return ((value is None, 0 if value is None else value),)


SAMPLES = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 30)), st.integers(1, 50)))


@given(SAMPLES, st.integers(1, 100))
def test_ranges_are_no_larger_than_asked_for_unless_a_key_is(sample, rows):
    weights: dict = {}
    for value, weight in sample:
        weights[key(value)] = weights.get(key(value), 0) + weight
    cuts = splitters([(key(value), weight) for value, weight in sample], rows)
    assert cuts == sorted(set(cuts))
    edges = [None, *cuts, None]
    for low, high in itertools.pairwise(edges):
        inside = [
            weight for one, weight in weights.items()
            if (low is None or one >= low) and (high is None or one < high)
        ]  # fmt: skip
        assert sum(inside) <= rows or len(inside) == 1


def test_a_key_of_many_rows_stands_alone():
    cuts = splitters([(key(1), 5), (key(2), 1000), (key(3), 5)], 100)
    assert key(2) in cuts
    assert any(key(2) < cut < key(3) for cut in cuts)
