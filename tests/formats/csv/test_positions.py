"""Where bytes stand, and which line ends are outside of quotes: as plain Python finds them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parapply.formats.csv.positions import outside, positions

TEXTS = st.lists(st.sampled_from([b"\n", b'"', b"", b"abc", b"0123456789abcdef", b"\xff\0"])).map(
    b"".join
)


@given(TEXTS)
def test_a_byte_is_found_wherever_it_stands(text):
    found = positions(np.frombuffer(text, np.uint8), ord("\n"))
    assert found.tolist() == [place for place, byte in enumerate(text) if byte == ord("\n")]
    assert found.dtype == np.int64


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_ends_with_an_even_number_of_quotes_before_them(ends, quotes):
    found = outside(np.array(sorted(ends), np.int64), np.array(sorted(quotes), np.int64))
    assert found.tolist() == [
        end for end in sorted(ends) if sum(quote < end for quote in quotes) % 2 == 0
    ]
