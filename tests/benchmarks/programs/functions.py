"""The functions that every contender is given. Rows are anything that answers `row["name"]`."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def haversine(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in kilometres."""
    lat1, lon1, lat2, lon2 = map(math.radians, (lat1, lon1, lat2, lon2))
    a = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 12742.0 * math.asin(math.sqrt(a))


def distance(row: Any) -> float:
    """A tiny row function: half a microsecond of arithmetic."""
    lat1, lon1, lat2, lon2 = map(
        math.radians,
        (row["start_lat"], row["start_lon"], row["stop_lat"], row["stop_lon"]),
    )
    a = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 12742.0 * math.asin(math.sqrt(a))


def distance_of_text(row: Any) -> float:
    """The same for what reads every field as text."""
    return haversine(
        float(row["start_lat"]),
        float(row["start_lon"]),
        float(row["stop_lat"]),
        float(row["stop_lon"]),
    )


_WORD = re.compile(r"[a-z]+")


def slug(text: str) -> str:
    """A text function: two microseconds of regular expression and joining."""
    return "-".join(_WORD.findall(text.lower()))


def rates(df: pd.DataFrame) -> pd.DataFrame:
    """A vectorised chunk function."""
    import numpy as np

    lat1, lat2 = np.radians(df["start_lat"]), np.radians(df["stop_lat"])
    half = np.radians(df["stop_lon"] - df["start_lon"]) / 2
    a = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin(half) ** 2
    km = 12742.0 * np.arcsin(np.sqrt(a))
    return df.assign(km=km, rate=df["fare"] / (km + 1))


def slow(row: Any) -> float:
    """A millisecond of work for the processor."""
    x = 0.5 + row["fare"] / 1000
    for _ in range(14_000):
        x = 3.7 * x * (1.0 - x) if 0.0 < x < 1.0 else 0.5
    return x


def wait(row: Any) -> float:
    """Five milliseconds of waiting, as for a server."""
    time.sleep(0.005)
    return row["fare"] * 2.0


def tip(row: Any) -> float:
    """What the expression of workload G says, as a row function."""
    return row["fare"] * 0.15 + row["start_lat"]


TIP = "fare * 0.15 + start_lat"
