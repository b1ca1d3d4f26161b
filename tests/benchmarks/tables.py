"""Seeded tables that look like taxi rides: nine columns, about 110 bytes a row."""

from __future__ import annotations

import csv as csv_module
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PIECE_ROWS = 250_000  # made at once; a larger table begins with the rows of a smaller one
COLUMNS = (
    "id", "start_lat", "start_lon", "stop_lat", "stop_lon", "fare", "vendor", "note", "time",
)  # fmt: skip
_VENDORS = ("Yellow Cab", "Green Line", "Metro", "Night & Day", "Airport Express")
_WORDS = ("late", "Airport", "cash", "no tip", "card", "Group", "VIP", "rain", "pet", "meter off")
_QUOTED = (", paid", ' ("extra")')  # as one note in twenty ends, which a CSV file has to quote


def csv(path: Path, rows: int) -> None:
    """Write a CSV file of so many rows, quoted where that is needed."""
    with open(path, "w", newline="") as file:
        out = csv_module.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for piece in _pieces(rows):
            columns = [column.to_pylist() for column in piece.columns]
            out.writerows(zip(*columns, strict=True))


def parquet(path: Path, rows: int) -> None:
    """Write a Parquet file of so many rows, in groups of 131,072 as writers usually make."""
    with pq.ParquetWriter(path, _piece(0, 1).schema) as out:
        for piece in _pieces(rows):
            out.write_table(piece, row_group_size=1 << 17)


def _pieces(rows: int) -> Iterator[pa.Table]:
    for start in range(0, rows, PIECE_ROWS):
        yield _piece(start, PIECE_ROWS).slice(0, rows - start)


def _piece(start: int, rows: int) -> pa.Table:
    random = np.random.default_rng([2024, start])
    notes = [" ".join(random.choice(_WORDS, size)) for size in random.integers(1, 5, 1000)]
    notes[:50] = [note + random.choice(_QUOTED) for note in notes[:50]]
    times = np.datetime64("2024-01-01T00:00:00") + random.integers(0, 31_536_000, rows)
    lat, lon = 40.75 + random.normal(0, 0.05, (2, rows)), -73.98 + random.normal(0, 0.05, (2, rows))
    columns = (
        np.arange(start, start + rows),
        *(np.round(part, 6) for pair in zip(lat, lon, strict=True) for part in pair),
        np.round(random.gamma(3, 6, rows), 2),
        np.array(_VENDORS)[random.integers(0, len(_VENDORS), rows)],
        np.array(notes)[random.integers(0, len(notes), rows)],
        np.char.replace(times.astype(str), "T", " "),
    )
    return pa.table(dict(zip(COLUMNS, map(pa.array, columns), strict=True)))
