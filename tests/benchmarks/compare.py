"""The comparison: every contender in turn, several times over, and whether their outputs agree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks import tables
from tests.benchmarks.agree import difference
from tests.benchmarks.contenders import CONTENDERS, Contender
from tests.benchmarks.measure import FailedRunError, Run, run
from tests.benchmarks.report import OURS, Figures
from tests.benchmarks.workloads import WORKLOADS, Case, Workload

LEAST_ROWS = 10


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    folder: Path
    size: float  # a fraction of each workload's rows, or (above 1) rows
    runs: int
    workers: int
    timeout_s: float
    contenders: Sequence[str] = ()  # all, where empty

    def rows(self, work: Workload) -> int:
        """How many rows a workload has at this size."""
        if work.fixed:
            return work.rows
        wanted = self.size if self.size > 1 else self.size * work.rows
        return max(LEAST_ROWS, round(wanted))

    def table(self, work: Workload) -> Path:
        """Make a workload's table, where it is not there yet."""
        rows = self.rows(work)
        path = self.folder / f"rides-{rows}{work.suffix}"
        if not path.exists():
            part = path.with_suffix(".part")
            (tables.parquet if work.suffix == ".parquet" else tables.csv)(part, rows)
            part.rename(path)
        return path


@dataclass
class Measured:
    """One workload's runs, the first of each contender for its memory, and what went wrong."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def figures(self) -> dict[str, Figures]:
        """Return the figures by contender."""
        return {
            name: Figures.of(memory, timed) for name, (memory, *timed) in self.runs.items() if timed
        }


def measure(plan: Plan, key: str) -> Measured:
    """Run all contenders of a workload in turn, once for memory and `plan.runs` times for time."""
    work = WORKLOADS[key]
    case = Case(work, plan.rows(work), plan.table(work), Path(), plan.workers)
    case.input.read_bytes()  # in the page cache for the first contender too
    found = Measured()
    taking_part = [one for one in CONTENDERS if key in one.workloads and _wanted(plan, one)]
    for lap in range(1 + plan.runs):
        for place, contender in enumerate(taking_part):
            if not contender.is_here:
                found.notes[contender.name] = f"needs {contender.needs}"
            elif contender.name not in found.notes:
                output = plan.folder / f"out-{key}-{place}{work.suffix}"
                _run(plan, contender, replace(case, output=output), found, first=lap == 0)
    _forget(plan)
    return found


def _wanted(plan: Plan, contender: Contender) -> bool:
    return not plan.contenders or contender.name in (OURS, *plan.contenders)


def _run(plan: Plan, contender: Contender, case: Case, found: Measured, *, first: bool) -> None:
    _say(f"{case.workload.key} {contender.name} ...")
    case.output.unlink(missing_ok=True)  # to replace one takes the kernel longer, for everybody
    try:
        one = run(contender.command(case), plan.timeout_s, timed=not first)
        found.runs.setdefault(contender.name, []).append(one)
        if first and contender.compared:
            _compare(plan, contender, case, found)
    except (FailedRunError, OSError) as error:
        found.notes[contender.name] = f"failed: {str(error).splitlines()[-1][:100]}"
    if contender.name != OURS:
        case.output.unlink(missing_ok=True)


def _compare(plan: Plan, contender: Contender, case: Case, found: Measured) -> None:
    ours = plan.folder / f"out-{case.workload.key}-0{case.workload.suffix}"
    if contender.name != OURS and ours.exists():
        wrong = difference(ours, case.output, case.workload.made)
        found.notes.update({contender.name: f"DISAGREES: {wrong}"} if wrong else {})


def _forget(plan: Plan) -> None:
    for path in plan.folder.glob("out-*"):
        path.unlink()


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
