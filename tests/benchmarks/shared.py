"""Whether what is shared is in memory once: all processes of a run with 1, 2, 4 and 8 workers.

The same table of 500 MB (at size 1) is shared as a file of each format and from functions; a table
of one row shows what workers take without it. When every worker has read all of it, the memory of
all processes is added up, in which pages that several of them have count once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.compare import Plan
from tests.benchmarks.contenders import SCRIPTS
from tests.benchmarks.measure import Command, run

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, ROW_BYTES = 10_000_000, 50
WORKERS = (1, 2, 4, 8)
WITHIN, LEAST_MB = 0.05, 5  # of the table's size: what a worker may take of it for itself
_ROOT = Path(__file__).parent.parent.parent
_PROGRAM = Path(__file__).parent / "programs" / "shared.py"
_FUNCTIONS = ("array", "frame", "mapping")
_ONE_ROW = "one row"


def table(rows: int) -> pa.Table:
    """Return a table of 50 bytes a row: numbers, and text of 22 bytes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = np.arange(rows)
    text = pa.array(numbers).cast(pa.string())
    names = pc.utf8_lpad(text, 22, ".")
    return pa.table({"id": numbers, "lat": numbers / 7, "lon": numbers / 9, "name": names})


def measure(plan: Plan, most: int = WORKERS[-1]) -> dict[str, Any]:
    """Return bytes by what is shared: at work by the number of workers, and the peak with one."""
    rows = max(1000, round(plan.size if plan.size > 1 else plan.size * ROWS))
    Path(plan.folder, "rows.csv").write_text("id\n" + "1\n" * 64)
    found: dict[str, Any] = {"MB": rows * ROW_BYTES / 1e6}
    for name, source in _sources(plan.folder, rows).items():
        runs = {
            workers: _run(plan, source, rows, workers) for workers in WORKERS if workers <= most
        }
        found[name] = {"at work": {n: one for n, (one, _) in runs.items()}, "peak": runs[1][1]}
    return found


def _sources(folder: Path, rows: int) -> dict[str, str]:
    import pyarrow.csv as pc
    import pyarrow.feather as pf
    import pyarrow.parquet as pq

    whole = table(rows)
    writers = {"csv": pc.write_csv, "parquet": pq.write_table, "arrow": pf.write_feather}
    pc.write_csv(whole[:1], one := folder / "one.csv")
    for suffix, write in writers.items():
        write(whole, folder / f"table.{suffix}")
    files = {suffix: str(folder / f"table.{suffix}") for suffix in writers}
    return {_ONE_ROW: str(one), **files, **{name: f"{_PROGRAM}:{name}" for name in _FUNCTIONS}}


def _run(plan: Plan, source: str, rows: int, workers: int) -> tuple[int, int]:
    output = plan.folder / "out.csv"
    functions = ("--init", f"{_PROGRAM}:read", f"{_PROGRAM}:tree", "--only")
    place = (str(plan.folder / "rows.csv"), "-o", str(output))
    argv = [str(SCRIPTS / "parapply"), "-j", str(workers), "--share", f"it={source}", *functions]
    environment = {"PYTHONPATH": str(_ROOT), "PARAPPLY_BENCH_ROWS": str(rows)}
    peak = run(Command([*argv, *place], environment=environment), plan.timeout_s).tree_bytes
    return max(map(int, output.read_text().split()[1:])), peak


def show(found: dict[str, Any]) -> str:
    """Return what was measured as lines."""
    size, plain = found["MB"], found[_ONE_ROW]["at work"]
    most = max(plain)
    heads = "".join(f"{f'-j {workers}':>9}" for workers in plain)
    lines = [f"{f'all processes, MB ({size:.0f} shared)':28}{heads}{'a worker':>10}{'peak':>9}"]
    for name in (name for name in found if name != "MB"):
        sizes = found[name]["at work"]
        beyond = [sizes[workers] - plain[workers] for workers in (1, most)]
        more = (beyond[1] - beyond[0]) / max(1, most - 1) / 1e6
        verdict = "" if more <= max(LEAST_MB, WITHIN * size) else f"  more than {WITHIN:.0%} of it"
        columns = "".join(f"{one / 1e6:9.0f}" for one in sizes.values())
        lines.append(f"{name:28}{columns}{more:10.1f}{found[name]['peak'] / 1e6:9.0f}{verdict}")
    return "\n".join(lines)
