"""The text of one value. The oracle is what is written of a column that has no other."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parapply.columns.text.json import values as json_values
from parapply.columns.text.strings import strings
from parapply.columns.values.convert import to_array
from parapply.columns.values.spelling import as_json, text

Size = enum.Enum("Size", {"L": "large"})
ZONES = st.sampled_from([dt.UTC, zoneinfo.ZoneInfo("Asia/Tokyo"), dt.timezone(dt.timedelta(0, 60))])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.decimals(-(10**9), 10**9, places=3)
    | st.dates()
    | st.datetimes()
    | st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=ZONES)
    | st.times()
    | st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6))
    | st.uuids()
    | st.sampled_from(
        [
            pd.Timestamp(1), pd.Timestamp(1, tz="Asia/Tokyo"), pd.Timedelta(-1), pd.NA, pd.NaT,
            np.datetime64(1, "ns"), np.datetime64("2024-01-31T12"), np.timedelta64(-1, "ns"),
            np.float32(0.1), np.bool_(True), np.array([0.5]), Size.L, bytearray(b"\xff"),
            decimal.Decimal("1E+3"), uuid.UUID(int=1),
        ]
    )
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=1)
        | st.dictionaries(st.sampled_from("aé"), inner, max_size=2)
        | st.tuples(inner)
    ),
    max_leaves=3,
)


@given(VALUES)
def test_a_value_has_the_text_of_a_column(value):
    array = to_array([value])
    assert (text(value) or "") == strings(array)[0].as_py()
    assert as_json(value) == json_values(array)[0].as_py()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ([1, "a", None, float("nan")], '[1, "a", null, null]'),
        ({"a": {2, 1}, 3: b"\xff"}, r'{"a": [1, 2], "3": "\\xff"}'),
        ((decimal.Decimal("Infinity"), decimal.Decimal("1.10")), "[null, 1.10]"),
        (
            [dt.datetime(2024, 1, 31, 12), dt.timedelta(1)],
            '["2024-01-31T12:00:00", "1 days 00:00:00"]',
        ),
        (dt.time(9, tzinfo=dt.UTC), "09:00:00+00:00"),
        (float("nan"), None),
        (1j, "1j"),
    ],
    ids=str,
)
def test_what_no_column_holds_has_a_text(value, written):
    assert text(value) == written
