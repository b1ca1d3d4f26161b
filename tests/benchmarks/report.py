"""The tables that are printed, and what the targets of the project come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.benchmarks.measure import Run
from tests.benchmarks.workloads import THREADS, WAIT_S, WORKLOADS

OURS = "parapply"


@dataclass(frozen=True)
class Figures:
    """One contender at one workload: medians of the times, and the memory of a run for that."""

    wall_s: float
    cpu_s: float
    tree_mb: float
    parent_mb: float
    runs: int

    @classmethod
    def of(cls, memory: Run, timed: list[Run]) -> Figures:
        """Take the medians."""
        return cls(
            median(run.wall_s for run in timed),
            median(run.cpu_s for run in timed),
            memory.tree_bytes / 1e6,
            memory.process_bytes["parent"] / 1e6,
            len(timed),
        )


Results = Mapping[str, Mapping[str, Figures]]  # by workload and contender


def table(key: str, rows: int, found: Mapping[str, Figures], notes: Mapping[str, str]) -> str:
    """Return the lines of one workload, the fastest first; `notes` say what went wrong."""
    ours = found.get(OURS)
    lines = [f"{key}  {WORKLOADS[key].title}: {rows:,} rows"]
    lines.append(f"   {'':24}{'wall s':>9}{'CPU s':>9}{'tree MB':>9}{'ratio':>8}")
    for name, one in sorted(found.items(), key=lambda pair: pair[1].wall_s):
        ratio = f"{one.wall_s / ours.wall_s:8.2f}" if ours else ""
        figures = f"{one.wall_s:9.3f}{one.cpu_s:9.2f}{one.tree_mb:9.0f}{ratio}"
        lines.append(f"   {name:24}{figures}  {notes.get(name, '')}".rstrip())
    lines += [f"   {name:24}{note}" for name, note in notes.items() if name not in found]
    return "\n".join(lines)


def targets(results: Results, rows: Mapping[str, int]) -> str:
    """Return a line a target that can be told from these results."""
    lines = []
    for goal in GOALS:
        try:
            value = goal.value(results, rows)
        except (KeyError, ValueError):
            continue  # a workload or contender was left out
        sign, met = ("<=", value <= goal.bound) if goal.below else (">=", value >= goal.bound)
        lines.append(
            f"   {goal.text:58}{value:8.2f} {sign} {goal.bound:<6g}{'met' if met else 'MISSED'}"
        )
    lines += _machine(results)
    return "\n".join(["targets", *lines]) if lines else ""


def _machine(results: Results) -> Iterator[str]:
    """Say what more workers are worth where nothing but the function runs.

    Two threads of one core, or two tenants of it, are not two cores.
    """
    for key, found in results.items():
        if "the limit -j 1" in found and "the limit" in found:
            gain = _wall(results, key, "the limit -j 1") / _wall(results, key, "the limit")
            yield f"   {f'{key}: the limit itself, one worker / all':58}{gain:8.2f}"


@dataclass(frozen=True)
class Goal:
    """One target: a figure and its bound."""

    text: str
    bound: float
    value: Callable[[Results, Mapping[str, int]], float]
    below: bool = False


_NO_PEERS = (OURS, "parapply -j 1", "parapply function", "the limit", "the limit -j 1")


def _wall(results: Results, key: str, name: str = OURS) -> float:
    return results[key][name].wall_s


def _peers(results: Results, key: str) -> float:
    return min(one.wall_s for name, one in results[key].items() if name not in _NO_PEERS)


def _over(one: tuple[str, ...], other: tuple[str, ...]) -> Callable[[Results, Any], float]:
    return lambda results, rows: _wall(results, *one) / _wall(results, *other)


def _goals() -> Iterator[Goal]:
    yield Goal("A: fastest peer / parapply", 4, lambda r, n: _peers(r, "A") / _wall(r, "A"))
    yield Goal("A: serial pandas / parapply", 12, _over(("A", "serial pandas"), ("A",)))
    yield Goal("A: parapply / the limit", 4, _over(("A",), ("A", "the limit")), below=True)
    yield Goal("A: peak of the tree, MB", 300, lambda r, n: r["A"][OURS].tree_mb, below=True)
    yield Goal("A: -j 1 / -j 2", 1.85, _over(("A", "parapply -j 1"), ("A",)))
    yield Goal("B: fastest peer / parapply", 3, lambda r, n: _peers(r, "B") / _wall(r, "B"))
    yield Goal("C: serial pandas / parapply", 1.3, _over(("C", "serial pandas"), ("C",)))
    yield Goal("C: dask / parapply", 4, _over(("C", "dask"), ("C",)))
    yield Goal(
        "D: (parapply - 0.5 s) / the limit", 1.03,
        lambda r, n: (_wall(r, "D") - 0.5) / _wall(r, "D", "the limit"), below=True,
    )  # fmt: skip
    yield Goal("D: -j 1 / -j 2", 1.85, _over(("D", "parapply -j 1"), ("D",)))
    yield Goal("E: ideal / parapply", 0.95, lambda r, n: n["E"] * WAIT_S / THREADS / _wall(r, "E"))
    yield Goal(
        "F: ten rows / import pandas", 0.45, _over(("F",), ("F", "import pandas")), below=True
    )
    yield Goal(
        "F: --version / import click",
        2,
        _over(("F", "--version"), ("F", "import click")),
        below=True,
    )
    yield Goal("G: the same as a function / -e", 2, _over(("G", "parapply function"), ("G",)))
    yield Goal("G: A / G", 2, _over(("A",), ("G",)))
    yield Goal(
        "H: H / A, a row", 1.1,
        lambda r, n: _wall(r, "H") / _wall(r, "A") * n["A"] / n["H"], below=True,
    )  # fmt: skip
    yield Goal(
        "H: peak of H / A",
        1.1,
        lambda r, n: r["H"][OURS].tree_mb / r["A"][OURS].tree_mb,
        below=True,
    )
    yield Goal("I: I / A", 1.25, _over(("I",), ("A",)), below=True)


GOALS = tuple(_goals())
