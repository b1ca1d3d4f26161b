"""Reads and writes the tables of the benchmark, for contenders that have no reader of their own."""

from __future__ import annotations

from typing import Any


def read(path: str, rows: int | None = None) -> Any:
    """Return an Arrow table, or the first rows of it."""
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    if path.endswith(".parquet"):
        table = pq.ParquetFile(path).read_row_group(0) if rows else pq.read_table(path)
    else:
        convert = pacsv.ConvertOptions(timestamp_parsers=["none"])
        with pacsv.open_csv(path, convert_options=convert) as reader:
            table = reader.read_next_batch() if rows else reader.read_all()
    return table.slice(0, rows) if rows else table


def read_pandas(path: str) -> Any:
    """Return a DataFrame."""
    import pandas as pd

    return pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)


def write_pandas(frame: Any, path: str) -> None:
    """Write a DataFrame."""
    if path.endswith(".parquet"):
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
