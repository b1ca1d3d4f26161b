"""Functions of a chunk, in pandas, Arrow and polars."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

try:
    import polars as pl
except ImportError:  # then its function is missing, to both
    pl = None


def ratio(df: pd.DataFrame):
    df["ratio"] = df["share"] / (df["number"] + 1)
    return df


def column(df: pd.DataFrame):
    return df["number"] * 3


def array(df: pd.DataFrame):
    return np.asarray(df["number"]) / 2


def some(df: pd.DataFrame):
    return df[df["number"] % 3 == 0]


def backwards(df: pd.DataFrame):
    return df.assign(text=df["text"].str.upper())


def untouched(df: pd.DataFrame):
    return df


def frame_fails(df: pd.DataFrame):
    if (df["number"] == 33).any():
        raise ValueError("thirty-three is among them")
    return df["number"]


def wrong_length(df: pd.DataFrame):
    return [1, 2, 3]


def of_nothing(df: pd.DataFrame):
    return None


def arrow(table: pa.Table):
    return table.append_column("triple", pc.multiply(table["number"], 3))


def arrow_column(table: pa.Table):
    return pc.add(table["number"], 1)


if pl is not None:

    def in_polars(df: pl.DataFrame):
        return df.select("text", half=pl.col("number") / 2)
