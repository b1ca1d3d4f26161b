"""Functions of groups, and what runs them without parapply: `groups.py NAME KEY INPUT OUTPUT`."""

from __future__ import annotations

import csv
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from parapply import Group

NAMES = ("n", "mean_fare", "max_step")


def of_lists(when: list[str], fare: list[float]) -> tuple[Any, ...]:
    """How many rides, their mean fare, and the largest step from one to the next in time."""
    fares = [fare[place] for place in sorted(range(len(when)), key=when.__getitem__)]
    steps = [abs(b - a) for a, b in pairwise(fares)]
    return len(fares), sum(fares) / len(fares), max(steps) if steps else None


def lists(group: Group) -> dict[str, Any]:
    """The same, of a parapply.Group."""
    return dict(zip(NAMES, of_lists(group["time"], group["fare"]), strict=True))


def frame(df: pd.DataFrame) -> dict[str, Any]:
    """The same, by pandas."""
    fares = df.sort_values("time")["fare"]
    return {"n": len(df), "mean_fare": fares.mean(), "max_step": fares.diff().abs().max()}


def lag(group: Group) -> list[Any]:
    """The fare of the ride before, for each row."""
    return [None, *group["fare"][:-1]]


def _polars(key: str, source: str) -> list[tuple[Any, ...]]:
    import polars as pl

    read = pl.read_csv if source.endswith("csv") else pl.read_parquet
    table = read(source, columns=[key, "time", "fare"])
    groups = table.group_by(key).agg(pl.col("time"), pl.col("fare")).sort(key)
    lists = (groups[name].to_list() for name in (key, "time", "fare"))
    return [(one, *of_lists(when, fare)) for one, when, fare in zip(*lists, strict=True)]


def _pandas(key: str, source: str) -> list[tuple[Any, ...]]:
    import pandas as pd

    table = pd.read_csv(source) if source.endswith("csv") else pd.read_parquet(source)
    found = table.groupby(key).apply(frame)
    return [(one, *row.values()) for one, row in found.items()]


def main() -> None:
    """Run a peer and write what it found."""
    name, key, source, output = sys.argv[1:]
    rows = {"polars": _polars, "pandas": _pandas}[name](key, source)
    with open(output, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow((key, *NAMES))
        out.writerows(rows)


if __name__ == "__main__":
    main()
