"""The labels of the rows that a chunk function is given as a frame of pandas. In the worker.

They are 0, 1, 2, ... as ever, in a class of their own: pandas keeps it in what it makes of them,
and numbers anew, as for `reset_index`, in its own. So labels tell which rows came back. No other
index would do: pyarrow and Feather leave out none but a RangeIndex.
"""

from __future__ import annotations

from typing import Any

import pandas as pd


class RowLabels(pd.RangeIndex):
    """The rows of a chunk."""


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose default labels, if it has such, are known again."""
    if type(frame.index) is pd.RangeIndex:
        frame.index = RowLabels(len(frame))
    return frame


def are_anew(index: Any) -> bool:
    """Whether pandas has numbered rows, so that labels do not tell which ones they were."""
    return type(index) is pd.RangeIndex
