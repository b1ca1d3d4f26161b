"""`python -m tests.compare`: see the package."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.compare import differences, lines, options, runs, tables
from tests.compare.lines import Line
from tests.compare.options import Option
from tests.compare.runs import Outcome

LEAST = 5  # lines that have an option, at least, of every 400


class Trial(NamedTuple):
    """A line with what came of it."""

    line: Line
    old: Outcome
    told: list[str]  # what differs; nothing where nothing does
    chance: bool = False  # whether both do the same at times, and the old one not always


class Bench(NamedTuple):
    """Where runs take place, and of what."""

    folder: Path
    old: list[str]
    new: list[str]
    repeats: int  # of each, where they differ: what comes of it by chance is seen
    keep: bool  # whether to leave the folders of lines that do not differ, too

    def compare(self, line: Line) -> Trial:
        """Run the line with both; where they differ, again, until it is seen what is chance."""
        old, new = (self._run(name, line, keep=self.keep) for name in ("old", "new"))
        told = differences.between(old, new)
        if not told:
            return Trial(line, old, told)
        olds, news = [old], [new]
        for _ in range(self.repeats):
            olds.append(self._run("old", line, keep=True))
            news.append(self._run("new", line, keep=True))
        alike = any(not differences.between(one, other) for one in olds for other in news)
        varies = any(differences.between(old, one) for one in olds)
        return Trial(line, old, told, alike and varies)

    def _run(self, name: str, line: Line, *, keep: bool) -> Outcome:
        # One name for both: tracebacks in outputs have it, compressed or in a column of Parquet.
        folder = self.folder / f"{line.number:05}"
        outcome = runs.attempt(getattr(self, name), line, self.folder / "inputs", folder)
        kept = folder.with_name(f"{folder.name}-{name}")
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)
        if not keep:
            shutil.rmtree(kept, ignore_errors=True)
        return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare as many lines as were asked for; return 1 where any differs."""
    wish = _arguments(arguments)
    old, new = runs.command(wish.old), runs.command(wish.new)
    every = options.known(_help(old), _help(new))
    numbers = range(wish.runs) if wish.line is None else [wish.line]
    made = [lines.make(number, wish.seed, every) for number in numbers]
    if wish.print:
        print(*(f"{line.number}: {line}" for line in made), sep="\n")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="compare-"))
    (folder / "inputs").mkdir()
    tables.prepare(folder / "inputs", wish.seed)
    bench = Bench(folder, old, new, wish.repeats, wish.line is not None)
    print(f"seed {wish.seed}, {len(made)} lines, {len(every)} options, in {folder}", flush=True)
    failed = _compare_all(bench, made, wish)
    rare = _count(made, every) if wish.line is None else []
    if not failed and wish.line is None:
        shutil.rmtree(folder)
    return int(failed or bool(rare))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compare")
    parser.add_argument("--old", default=sys.executable, metavar="COMMAND", help="(this one)")
    parser.add_argument("--new", default=sys.executable, metavar="COMMAND", help="(this one)")
    parser.add_argument("--runs", type=int, default=400, help="how many lines (400)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other lines")
    parser.add_argument("-j", dest="workers", type=int, default=2, help="lines at once (2)")
    parser.add_argument("--line", type=int, metavar="N", help="this one alone; keep its folders")
    parser.add_argument("--repeats", type=int, default=4, help="of lines that differ (4)")
    parser.add_argument("-v", dest="verbose", action="store_true", help="what came of each line")
    parser.add_argument("--print", action="store_true", help="the lines alone; run none")
    return parser.parse_args(arguments)


def _help(command: list[str]) -> str:
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def _compare_all(bench: Bench, made: list[Line], wish: argparse.Namespace) -> bool:
    began, codes, chances, failed = time.monotonic(), Counter[str](), list[int](), list[int]()
    with ThreadPoolExecutor(wish.workers) as pool:
        for count, trial in enumerate(pool.map(bench.compare, made), 1):
            codes[str(trial.old.code)] += 1
            if wish.verbose:
                print(f"{trial.line.number}: {trial.line}\n  {trial.old.code}: {trial.old.said}")
            if trial.told:
                (chances if trial.chance else failed).append(trial.line.number)
                word = "BY CHANCE" if trial.chance else "DIFFERS"
                print(f"{word} --seed {wish.seed} --line {trial.line.number}: {trial.line}")
                print(*(f"  {text}" for text in trial.told), sep="\n", flush=True)
            if count % 50 == 0:
                print(f"{time.monotonic() - began:.0f} s: {count} lines", flush=True)
    print(f"exit codes: {dict(codes.most_common())}")
    print(f"differ by chance, as the old one does from itself: {chances}")
    print(f"differ: {failed}")
    return bool(failed)


def _count(made: list[Line], every: list[Option]) -> list[str]:
    """Print how many lines have each option; return those that too few have."""
    counts = Counter({one.name: sum(line.uses(one) for line in made) for one in every})
    print("lines with each option:", ", ".join(f"{n} {c}" for n, c in counts.most_common()))
    least = LEAST * len(made) // 400
    rare = [name for name, count in counts.items() if count < least]
    if rare:
        print(f"fewer than {least} lines have {', '.join(rare)}")
    return rare


if __name__ == "__main__":
    sys.exit(main())
