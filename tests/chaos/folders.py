"""Rounds in which a folder of part files is replaced, and the parent killed meanwhile."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from pathlib import Path

from tests.chaos.jobs import LIBRARY, Case, pick
from tests.chaos.round import OLD, Round
from tests.chaos.runs import Broken
from tests.injection import library
from tests.injection.library import KILL, Fault


def folder(this: Round) -> None:
    """A folder of part files is replaced, and the parent killed at one of the names that change.

    Where the kernel does not swap names there is none for a moment: the next run mends that,
    whatever becomes of it.
    """
    case = replace(
        pick(this.generator), output="out/", on_error="fail", bad="", deadly="", aside=False
    )
    swaps = this.generator.random() < 0.3
    to = ["--to", this.generator.choice(("csv", "jsonl", "parquet")), "--chunk-size", "300"]
    this.tell(f"{case.function} {case.source} {' '.join(to)}{'' if swaps else ', no swaps'}")
    wanted = _parts(this, case, [*to, "-j", "2"])
    for _ in range(this.generator.randint(1, 4)):
        _old_parts(this)
        _kill_while_names_change(this, case, to, swaps=swaps)
        with this.started(replace(case, bad="613"), [*to, "-j", "2"]) as run:
            found = this.result(run.finish(), run)
        there = _there(this.folder / "out")
        if found.code != 1 or there not in (_OLD_PARTS, wanted):
            raise Broken(f"a failing run left neither folder: {found.code}, {sorted(there)}")
        if set(found.files) - {"out", "bad.csv"}:
            raise Broken(f"litter: {sorted(found.files)}")
    if _parts(this, case, [*to, "-j", "3"]) != wanted:
        raise Broken("the folder has other bytes")


_OLD_PARTS = {"part-00000.csv": OLD.encode(), "part-00001.csv": OLD.encode()}


def _old_parts(this: Round) -> None:
    shutil.rmtree(this.folder / "out", ignore_errors=True)
    (this.folder / "out").mkdir()
    for name, content in _OLD_PARTS.items():
        (this.folder / "out" / name).write_bytes(content)


def _parts(this: Round, case: Case, options: list[str]) -> dict[str, bytes]:
    with this.started(case, options) as run:
        result = this.result(run.finish(), run)
    if result.code != 0:
        raise Broken(f"undisturbed: exit {result.code}: {result.said}")
    return _there(this.folder / "out")


def _there(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def _kill_while_names_change(this: Round, case: Case, to: list[str], *, swaps: bool) -> None:
    kind = "exchange" if swaps else "rename"
    fault = Fault(kind, KILL, "parent", 1 if swaps else this.generator.randint(1, 4))
    aside = this.base / f"{this.seed}-aside"
    aside.mkdir(exist_ok=True)
    lacks = "" if swaps else "exchange"
    settings = library.environment(this.base / LIBRARY, this.folder, aside, fault, lacks)
    with this.started(case, [*to, "-j", "2"], environment=settings) as run:
        code = run.finish()
        run.await_end_of_all()
    this.counts["killed between two names"] += code == -signal.SIGKILL
    this.tell(f"{fault.kind} {fault.nth}: {code}")
