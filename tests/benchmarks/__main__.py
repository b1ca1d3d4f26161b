"""`python -m tests.benchmarks`: the comparison; `... memory`, and what else `_WHAT` names."""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from parapply.backends.cores import available_cores
from tests.benchmarks import feeding, groups, memory, shared
from tests.benchmarks.compare import Plan, measure
from tests.benchmarks.report import Figures, table, targets
from tests.benchmarks.workloads import WORKLOADS


def main() -> None:
    """Read the options and run what is asked for."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="parapply-bench-") as folder:
        plan = Plan(
            Path(options.keep or folder),
            options.size,
            options.runs,
            options.workers or available_cores(),
            options.timeout,
            options.contenders.split(",") if options.contenders else (),
        )
        plan.folder.mkdir(parents=True, exist_ok=True)
        _WHAT[options.what](plan, options)


def _compare(plan: Plan, options: argparse.Namespace) -> None:
    results: dict[str, dict[str, Figures]] = {}
    rows = {}
    for key in options.workloads.upper().replace(",", ""):
        rows[key] = plan.rows(WORKLOADS[key])
        found = measure(plan, key)
        results[key] = found.figures()
        print(table(key, rows[key], results[key], found.notes), end="\n\n", flush=True)
    print(targets(results, rows))
    figures = {
        key: {name: dataclasses.asdict(one) for name, one in found.items()}
        for key, found in results.items()
    }
    _save(options, {"rows": rows, "workers": plan.workers, "figures": figures})


def _memory(plan: Plan, options: argparse.Namespace) -> None:
    found = memory.measure(plan)
    print(memory.table(found))
    _save(options, found)


def _shared(plan: Plan, options: argparse.Namespace) -> None:
    found = shared.measure(plan, options.workers or max(shared.WORKERS))
    print(shared.show(found))
    _save(options, found)


def _feeding(plan: Plan, options: argparse.Namespace) -> None:
    found = feeding.measure(plan)
    print(feeding.table(found))
    _save(options, found)


def _groups(plan: Plan, options: argparse.Namespace) -> None:
    found = groups.measure(plan)
    print(groups.table(found))
    _save(options, found)


_WHAT: dict[str, Callable[[Plan, argparse.Namespace], None]] = {
    "compare": _compare,
    "memory": _memory,
    "shared": _shared,
    "feeding": _feeding,
    "groups": _groups,
}


def _save(options: argparse.Namespace, figures: object) -> None:
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    add = parser.add_argument
    add("what", nargs="?", default="compare", choices=_WHAT)
    add("--size", type=float, default=0.1, help="of the full rows (1), or a number of rows")
    add("--workloads", default="ABCDEFGI", help=f"of {''.join(WORKLOADS)}, as in A,F")
    add("--contenders", default="", help="names, as in polars,serial pandas (all)")
    add(
        "--runs",
        type=int,
        default=3,
        help="of each contender, in turn; medians are shown (and one for memory)",
    )
    add("-j", "--workers", type=int, help="for everyone (all cores); of `shared` the most (8)")
    add("--timeout", type=float, default=600, help="seconds for one run")
    add("--json", metavar="FILE", help="write the figures there too")
    add("--keep", metavar="FOLDER", help="for the tables; they are made once")
    return parser.parse_args()


if __name__ == "__main__":
    main()
