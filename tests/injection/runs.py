"""A run of a job in a folder of its own, with a fault or without one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.injection import library, oracle
from tests.injection.jobs import LACKS, Job
from tests.injection.library import ERRORS, NEVER_THERE, ONCE, TAKE_SPACE, Call, Fault
from tests.injection.oracle import Result

LIMIT_S = 60.0  # a run that takes longer hangs
_FULL_DISKS = 16  # of each job
Sites = dict[tuple[str, str, str], list[Call]]  # calls by kind, who and site


class Bench(NamedTuple):
    """Where runs take place."""

    base: Path  # a folder for those that are at it
    inputs: Path
    library: Path


class Trial(NamedTuple):
    """A job with a fault, what came of it, and what is wrong with that."""

    job: Job
    fault: Fault
    calls: list[Call]  # that failed
    complaints: list[str]
    said: str
    site: str


def start(
    bench: Bench, job: Job, folder: Path, aside: Path, fault: Fault | None, *more: str
) -> Result:
    """Run a job there, with `more` options; `fault` None: undisturbed, and its calls are listed."""
    aside.mkdir(exist_ok=True)
    environment = {
        **os.environ, "TMPDIR": str(folder / "tmp"), "PYTHONDONTWRITEBYTECODE": "1",
        **library.environment(bench.library, folder, aside, fault, LACKS.get(job.name, "")),
    }  # fmt: skip
    with open(folder / "stdout", "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "parapply", *job.arguments(bench.inputs), *more],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
            stdout=subprocess.PIPE if job.pipes else file, stderr=subprocess.PIPE,
        )  # fmt: skip
    try:  # which ends when all have ended that could write there: workers too
        wrote, said = process.communicate(timeout=LIMIT_S)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        wrote, said, code = b"", b"", None
    wrote = wrote if job.pipes else (folder / "stdout").read_bytes()
    found = oracle.state(job, folder)
    return Result(code, found, said.decode(errors="replace"), library.calls(aside), wrote)


def undisturbed(bench: Bench, job: Job) -> tuple[Result, Sites]:
    """Return what a run leaves when nothing is wrong, and its calls by kind, who and site."""
    folder = Path(tempfile.mkdtemp(dir=bench.base))
    job.lay(folder)
    result = start(bench, job, folder, bench.base / f"{folder.name}-aside", None)
    if result.code:
        raise RuntimeError(f"{job.name} fails undisturbed: {result.said}")
    found = defaultdict(list)
    for call in result.calls:
        found[call.kind, call.who, oracle.site(call, folder)].append(call)
    _remove(folder)
    return result._replace(calls=[]), found


def faults(found: Sites, generator: random.Random) -> Iterator[Fault]:
    """Yield one of each kind, error and site: one of its calls at random, once or onward."""
    for (kind, who, _), calls in found.items():
        for error in ERRORS[kind].split():
            if error not in NEVER_THERE:
                yield Fault(kind, error, who, generator.choice(calls).nth)
            if error not in ONCE:
                yield _onward(kind, error, found, generator)
    yield from _full(found, generator)


def _onward(kind: str, error: str, found: Sites, generator: random.Random) -> Fault:
    """Return a fault from some call on, of one side or of both, or of all: it was never there."""
    who = generator.choice(sorted({who for one, who, _ in found if one == kind} | {"both"}))
    numbers = sum(len(calls) for (one, by, _), calls in found.items()
                  if one == kind and who in (by, "both"))  # fmt: skip
    nth = 1 if error in NEVER_THERE else generator.randint(1, numbers)
    return Fault(kind, error, who, nth, onward=True)


def _full(found: Sites, generator: random.Random) -> Iterator[Fault]:
    total = sum(len(calls) for (kind, _, _), calls in found.items() if kind in TAKE_SPACE)
    for nth in generator.sample(range(1, total + 1), min(total, _FULL_DISKS)):
        yield Fault("full", generator.choice(ERRORS["full"].split()), "both", nth, onward=True)


def attempt(
    bench: Bench, job: Job, fault: Fault, wanted: Result, *more: str, keep: bool = False
) -> Trial:
    """Run a job with a fault, and look at what comes of it; `keep` its folder."""
    folder = Path(tempfile.mkdtemp(dir=bench.base))
    aside = bench.base / f"{folder.name}-aside"
    job.lay(folder)
    old = oracle.state(job, folder)
    result = start(bench, job, folder, aside, fault, *more)
    found = list(oracle.complaints(job, fault, result, old, wanted, folder))
    if result.code is not None:
        found += _afterwards(bench, job, folder, result, wanted)
    where = oracle.site(result.calls[0], folder) if result.calls else ""
    if not keep:
        _remove(folder)
    return Trial(job, fault, list(result.calls), found, result.said, where)


def _afterwards(
    bench: Bench, job: Job, folder: Path, result: Result, wanted: Result
) -> Iterator[str]:
    """Yield what is wrong with the next run, where one has to mend what this one left."""
    left = oracle.litter(job, result.state, wanted.state)
    if not left and not (job.resumes and result.code):
        return
    if "--no-clobber" in job.words and any(result.state.outputs.values()):
        return
    after = start(bench, job, folder, folder.with_name(f"{folder.name}-aside"), None)
    if after.code or after.state.content() != wanted.state.content():
        yield f"the next run ends with {after.code} or other bytes: {after.said.strip()[:200]}"
    elif still := oracle.litter(job, after.state, wanted.state):
        yield f"the next run leaves {len(still)} behind"
    elif job.resumes and not after.state.names <= wanted.state.names:
        yield f"the next run leaves {sorted(after.state.names - wanted.state.names)}"


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.rmtree(folder.with_name(f"{folder.name}-aside"))
