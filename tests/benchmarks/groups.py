"""Groups: functions of lists and of frames on a key of many values and one of few, and --each.

Peers take turns with parapply, on the same table; their outputs are compared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tests.benchmarks import tables
from tests.benchmarks.compare import Plan
from tests.benchmarks.contenders import SCRIPTS
from tests.benchmarks.measure import Command, run
from tests.benchmarks.workloads import PROGRAMS

ROWS = 1_000_000
MANY, FEW = "user", "vendor"  # keys: of 20 rows each, and of five values
_GROUPS = PROGRAMS / "groups.py"


def measure(plan: Plan) -> list[dict[str, Any]]:
    """Return a row of figures for each case: seconds of both, and the median of their ratios."""
    rows = max(100, round(ROWS * plan.size))
    files = _files(plan.folder, rows)
    return [_compared(plan, *case) for case in _cases(plan, files)]


def _files(folder: Path, rows: int) -> dict[str, Path]:
    files = {suffix: folder / f"groups.{suffix}" for suffix in ("csv", "parquet")}
    tables.parquet(files["parquet"], rows)
    table = pq.read_table(files["parquet"])
    users = pa.array(np.asarray(table["id"]) % max(1, rows // 20))
    table = table.append_column(MANY, users)
    pq.write_table(table, files["parquet"], row_group_size=1 << 17)
    pacsv.write_csv(table, files["csv"])
    return files


def _cases(plan: Plan, files: dict[str, Path]) -> Iterator[tuple[str, Command, Command, bool]]:
    one, other = plan.folder / "one.csv", plan.folder / "other.csv"
    for key in (MANY, FEW):
        for suffix, file in files.items():
            ours = _ours(plan, "lists", file, one, "--group-by", key)
            yield f"lists, {key}, {suffix} / polars", ours, _peer("polars", key, file, other), True
    for key in (MANY, FEW):
        ours = _ours(plan, "frame", files["csv"], one, "--group-by", key)
        peer = _peer("pandas", key, files["csv"], other)
        yield f"frames, {key}, csv / pandas", ours, peer, True
    ours = _ours(plan, "lag", files["csv"], one, "--group-by", MANY, "--each")
    rows = _ours(plan, "distance", files["csv"], other, "--into", "made", file="functions.py")
    yield f"--each, {MANY}, csv / a row job", ours, rows, False


def _ours(
    plan: Plan, function: str, source: Path, output: Path, *options: str, file: str = "groups.py"
) -> Command:
    reference = f"{PROGRAMS / file}:{function}"
    argv = [str(SCRIPTS / "parapply"), reference, str(source), "-o", str(output), *options]
    return Command([*argv, "-j", str(plan.workers)])


def _peer(name: str, key: str, source: Path, output: Path) -> Command:
    return Command([sys.executable, str(_GROUPS), name, key, str(source), str(output)])


def _compared(
    plan: Plan, title: str, ours: Command, peer: Command, alike: bool
) -> dict[str, Any]:  # fmt: skip
    pairs = [
        (run(ours, plan.timeout_s, timed=True), run(peer, plan.timeout_s, timed=True))
        for _ in range(plan.runs)
    ]
    if alike:
        frames = [pd.read_csv(plan.folder / name) for name in ("one.csv", "other.csv")]
        pd.testing.assert_frame_equal(*frames)
    return {
        "case": title,
        "wall_s": median(one.wall_s for one, _ in pairs),
        "cpu_s": median(one.cpu_s for one, _ in pairs),
        "wall_ratio": median(one.wall_s / other.wall_s for one, other in pairs),
        "cpu_ratio": median(one.cpu_s / other.cpu_s for one, other in pairs),
        "tree_mb": run(ours, plan.timeout_s).tree_bytes / 1e6,
    }


def table(found: list[dict[str, Any]]) -> str:
    """Return what was measured as lines."""
    head = f"{'':34}{'wall s':>9}{'cpu s':>9}{'wall':>8}{'cpu':>8}{'MB':>8}"
    lines = [
        f"{one['case']:34}{one['wall_s']:9.2f}{one['cpu_s']:9.2f}{one['wall_ratio']:8.2f}"
        f"{one['cpu_ratio']:8.2f}{one['tree_mb']:8.0f}"
        for one in found
    ]
    return "\n".join([head, *lines])
