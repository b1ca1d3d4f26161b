"""The parent's own cost: what a chunk takes of it, and a megabyte of output.

From both follows how many workers one parent can feed before it is itself the bottleneck: it is
busy for `chunk_s + output_mb * mb_s` a chunk, in which time the workers must not have done more
than one. The parent's CPU time is measured over runs that differ in one thing only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.compare import Plan
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.measure import Command, Run, run
from tests.benchmarks.workloads import WORKLOADS, Case

FEW, MANY = 50, 1000  # chunks of the same rows
CHUNK_BYTES = 8 << 20  # as parapply.plan cuts large files
CHUNK_ROWS = 1 << 15


def measure(plan: Plan) -> dict[str, float]:
    """Return seconds of the parent by itself, and of a worker, for a chunk of A and of D."""
    work = WORKLOADS["A"]
    rows = max(MANY, round(200_000 * min(1, plan.size * 5)))
    small, large = (replace(plan, size=max(2, n)) for n in (rows, 8 * rows))
    few, many = (_parent(small, "--chunk-size", str(-(-rows // n))) for n in (FEW, MANY))
    chunk_s = (many - few) / (MANY - FEW)
    size = [str(-(-rows // FEW)), str(-(-8 * rows // FEW))]
    base, more = _parent(small, "--chunk-size", size[0]), _parent(large, "--chunk-size", size[1])
    grown_mb = (large.table(work).stat().st_size - small.table(work).stat().st_size) / 1e6
    mb_s = max(more - base, 0.0) / grown_mb
    row_bytes = large.table(work).stat().st_size / (8 * rows)
    return {
        "parent_ms_a_chunk": chunk_s * 1e3,
        "parent_ms_a_megabyte": mb_s * 1e3,
        **_model("A", chunk_s, mb_s, row_bytes, _row_s(large, "A")),
        **_model("D", chunk_s, mb_s, row_bytes, 0.001),
    }


def _model(
    key: str, chunk_s: float, mb_s: float, row_bytes: float, row_s: float
) -> dict[str, float]:
    rows = min(CHUNK_ROWS, CHUNK_BYTES / row_bytes)
    parent_s = chunk_s + rows * row_bytes / 1e6 * mb_s
    return {
        f"{key}_worker_ms_a_chunk": rows * row_s * 1e3,
        f"{key}_parent_ms_a_chunk": parent_s * 1e3,
        f"{key}_workers_fed": rows * row_s / parent_s,
    }


def _parent(plan: Plan, *more: str) -> float:
    return median(one.parent_cpu_s for one in _runs(plan, more))


def _row_s(plan: Plan, key: str) -> float:
    """CPU seconds of the workers for one row."""
    rows = plan.rows(WORKLOADS[key])
    return median(one.cpu_s - one.parent_cpu_s for one in _runs(plan, ())) / rows


def _runs(plan: Plan, more: Sequence[str]) -> list[Run]:
    work = WORKLOADS["A"]
    output = Path(plan.folder, "out.csv")
    case = Case(work, plan.rows(work), plan.table(work), output, plan.workers)
    whole = CONTENDERS[0].command(case)
    command: Any = Command([*whole.argv, *more])
    return [run(command, plan.timeout_s) for _ in range(plan.runs)]


def table(found: dict[str, float]) -> str:
    """Return what was measured as lines."""
    return "\n".join(f"{name.replace('_', ' '):28}{value:10.2f}" for name, value in found.items())
