"""Groups of a DataFrame in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from parapply import Group, apply
from parapply.model.errors import UsageError

FRAME = pd.DataFrame(
    {"k": ["b", "a", "b", None, "a"], "n": [1, 2, 3, 4, 5], "c": pd.Categorical(list("xyxyx"))},
    index=[10, 20, 30, 40, 50],
)


def total(df):
    return df["n"].sum()


def first(df):
    return df.head(1)


def lag(group: Group):
    return [None, *group["n"][:-1]]


def test_one_row_for_each_group():
    found = apply(FRAME, total, by_key="k", into="sum", workers=2)
    assert found["k"].tolist()[:2] == ["a", "b"]
    assert found["sum"].tolist() == [7, 4, 4]


def test_frames_below_each_other():
    found = apply(FRAME, first, by_key=["k"], workers=2)
    assert found["n"].tolist() == [2, 1, 4]
    assert list(found.columns) == ["k", "n", "c"]


def test_each_keeps_rows_index_and_dtypes():
    found = apply(FRAME, lag, by_key=["k"], each=True, workers=2)
    pd.testing.assert_frame_equal(found[["k", "n", "c"]], FRAME)
    np.testing.assert_array_equal(found["lag"], [np.nan, np.nan, 1, np.nan, 2])


def test_filter_keeps_rows_index_and_dtypes():
    found = apply(FRAME, lambda df: len(df) > 1, by_key=["k"], filter=True, workers=2)
    pd.testing.assert_frame_equal(found, FRAME.iloc[[0, 1, 2, 4]])


def test_a_key_that_is_not_there_is_named():
    with pytest.raises(UsageError, match="no column 'q'"):
        apply(FRAME, total, by_key="q")
