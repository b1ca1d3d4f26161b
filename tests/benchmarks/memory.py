"""Whether memory depends on the input: peaks on a file and on one 20 times larger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.compare import Plan
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.measure import Run, run
from tests.benchmarks.workloads import WORKLOADS, Case

TIMES = 20
SMALL_ROWS = 500_000  # at size 1: enough for chunks of full size
WITHIN = 1.1
_PARQUET = replace(WORKLOADS["A"], suffix=".parquet")


def measure(plan: Plan) -> dict[str, Any]:
    """Return peak bytes by format, process and file: {"CSV": {"parent": [small, large]}}."""
    found: dict[str, Any] = {}
    for name, work in (("CSV", WORKLOADS["A"]), ("Parquet", _PARQUET)):
        peaks: dict[str, list[int]] = {}
        for times in (1, TIMES):
            sized = replace(plan, size=max(2, SMALL_ROWS * min(plan.size, 1) * times))
            one = _peaks(sized, work)
            workers = sorted(size for name, size in one.process_bytes.items() if name != "parent")
            sizes = {"parent": one.process_bytes["parent"], "whole tree": one.tree_bytes}
            # By size, as which worker took the largest chunk is chance.
            sizes |= {f"worker {place}": size for place, size in enumerate(workers, 1)}
            for process, size in sorted(sizes.items()):
                peaks.setdefault(process, []).append(size)
        found[name] = peaks
    return found


def _peaks(plan: Plan, work: Any) -> Run:
    output = Path(plan.folder, f"out{work.suffix}")
    case = Case(work, plan.rows(work), plan.table(work), output, plan.workers)
    try:
        return run(CONTENDERS[0].command(case), plan.timeout_s)
    finally:
        output.unlink(missing_ok=True)


def table(found: dict[str, Any]) -> str:
    """Return what was measured as lines."""
    lines = [f"{'peak of each process, MB':28}{'file':>9}{f'{TIMES} times':>10}{'ratio':>8}"]
    for name, peaks in found.items():
        for process, sizes in peaks.items():
            if len(sizes) == 2:
                small, large = sizes
                verdict = "" if large <= WITHIN * small else f"  more than {WITHIN:g}"
                ratio = f"{large / small:8.2f}{verdict}"
                lines.append(f"{name:9}{process:19}{small / 1e6:9.1f}{large / 1e6:10.1f}{ratio}")
    return "\n".join(lines)
