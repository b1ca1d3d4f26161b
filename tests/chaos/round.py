"""A round of chaos: its folder, the runs in it, and what they leave."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.chaos.jobs import Case, plain
from tests.chaos.runs import Broken, Run

OLD = "what was there before\n"


class Result(NamedTuple):
    """What a run leaves, and says."""

    code: int
    said: str
    files: dict[str, bytes]


class Round:
    """A round: its folder, its random numbers, and what is counted."""

    def __init__(self, base: Path, seed: str, counts: Counter[str]) -> None:
        self.base, self.seed, self.counts = base, seed, counts
        self.generator = random.Random(seed)
        self.folder = base / seed
        self.folder.mkdir()
        self.story: list[str] = []

    def play(self, kinds: Mapping[str, Callable[[Round], None]]) -> None:
        """Play it, as its kind has it; raises Broken."""
        kinds[self.seed.partition("-")[0]](self)
        shutil.rmtree(self.folder)

    @contextmanager
    def started(
        self,
        case: Case,
        options: list[str],
        pause_s: float = 0.0,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[Run]:
        """Start a run of the case; `before`: what stands before the command."""
        command = [*before, *case.command(self.base), *options]
        settings = {**case.environment(pause_s), **(environment or {})}
        with Run(command, self.base, self.folder, settings) as run:
            yield run

    def tell(self, what: str) -> None:
        """Add to the line that is printed."""
        self.story.append(what)

    def result(self, code: int, run: Run) -> Result:
        """Return what a run that has ended left: everything but what is ours."""
        self.counts["slowest end, ms"] = max(
            self.counts["slowest end, ms"], round(run.await_end_of_all() * 1000)
        )
        if left := [path.name for path in (self.folder / "tmp").rglob("*")]:
            raise Broken(f"litter in TMPDIR: {left}")
        return Result(code, plain(run.said), self._files())

    def _files(self) -> dict[str, bytes]:
        ours = {"said", "tmp", "dump", "kept", "calls", "marks"}
        return {
            path.name: path.read_bytes() if path.is_file() else b"a folder"
            for path in self.folder.iterdir()
            if path.name not in ours and path.suffix != ".py"
        }

    def undisturbed(self, case: Case) -> Result:
        """Return what the case gives when nobody disturbs it."""
        (self.folder / case.output).write_text(OLD)
        with self.started(case, ["-j", "2"]) as run:
            result = self.result(run.finish(), run)
        if case.sound and result.code != 0:
            raise Broken(f"undisturbed: exit {result.code}: {result.said}")
        for name in result.files:
            (self.folder / name).unlink()
        (self.folder / case.output).write_text(OLD)
        return result

    def check(self, found: Result, wanted: Result) -> None:
        """Raise Broken where a run's result is not what it has to be."""
        if found.code != wanted.code or found.said != wanted.said:
            raise Broken(f"exit {found.code}, {found.said!r}; not {wanted.code}, {wanted.said!r}")
        if set(found.files) != set(wanted.files):
            raise Broken(f"files {sorted(found.files)}, not {sorted(wanted.files)}")
        for name, content in wanted.files.items():
            if found.files[name] != content:
                raise Broken(f"{name} has other bytes")
