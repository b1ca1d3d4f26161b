"""The parent's own cost: what a chunk takes of it, and a megabyte of the input and its output.

From both follows how many workers one parent can feed: as long as all that it has to do in a run
takes it less time than the workers need for theirs. The parent's CPU time is measured over runs
that differ in one thing only.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

from parapply.engine.plan import CHUNK_BYTES, CHUNK_ROWS, bounds
from tests.benchmarks.compare import Plan
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.measure import Command, Run, run
from tests.benchmarks.workloads import WORKLOADS, Case

FEW, MANY = 50, 1000  # chunks of the same rows
ROWS = 200_000
TIMES = 8
MOST_WORKERS = 4096
SLOW_S = 0.001  # a row of workload D


def measure(plan: Plan) -> dict[str, float]:
    """Return milliseconds of the parent, and how many workers it can feed at A and at D."""
    rows = max(MANY, round(ROWS * min(1, plan.size)))
    small, large = (replace(plan, size=max(2, n)) for n in (rows, TIMES * rows))
    few, many = (_runs(small, chunks) for chunks in (FEW, MANY))
    chunk_s = (_parent_s(many) - _parent_s(few)) / (MANY - FEW)
    sizes = [one.table(WORKLOADS["A"]).stat().st_size / 1e6 for one in (small, large)]
    more = _runs(large, FEW)
    mb_s = max(_parent_s(more) - _parent_s(few), 0.0) / (sizes[1] - sizes[0])
    row_mb = sizes[1] / (TIMES * rows)
    row_s = (_workers_s(more) - _workers_s(few)) / ((TIMES - 1) * rows)
    return {
        "parent_ms_a_chunk": chunk_s * 1e3,
        "parent_ms_a_megabyte": mb_s * 1e3,
        "A_worker_us_a_row": row_s * 1e6,
        "A_workers_fed": _fed(WORKLOADS["A"].rows, row_s, row_mb, chunk_s, mb_s),
        "H_workers_fed": _fed(WORKLOADS["H"].rows, row_s, row_mb, chunk_s, mb_s),
        "D_workers_fed": _fed(WORKLOADS["D"].rows, SLOW_S, row_mb, chunk_s, mb_s),
    }


def _fed(rows: int, row_s: float, row_mb: float, chunk_s: float, mb_s: float) -> int:
    """Return the largest number of workers that the parent keeps up with."""
    most = min(CHUNK_ROWS, round(CHUNK_BYTES / 1e6 / row_mb))
    for workers in range(1, MOST_WORKERS):
        chunks = sum(1 for _ in bounds(rows, workers, most))
        if chunks * chunk_s + rows * row_mb * mb_s > rows * row_s / workers:
            return workers - 1
    return MOST_WORKERS


def _parent_s(runs: list[Run]) -> float:
    return median(one.parent_cpu_s for one in runs)


def _workers_s(runs: list[Run]) -> float:
    return median(one.cpu_s - one.parent_cpu_s for one in runs)


def _runs(plan: Plan, chunks: int) -> list[Run]:
    work, output = WORKLOADS["A"], Path(plan.folder, "out.csv")
    rows = plan.rows(work)
    case = Case(work, rows, plan.table(work), output, plan.workers)
    argv = [*CONTENDERS[0].command(case).argv, "--chunk-size", str(-(-rows // chunks))]
    return [run(Command(argv), plan.timeout_s, timed=True) for _ in range(plan.runs)]


def table(found: dict[str, float]) -> str:
    """Return what was measured as lines."""
    return "\n".join(f"{name.replace('_', ' '):28}{value:10.2f}" for name, value in found.items())
