"""Rounds of chaos: a job is disturbed, and its result compared with the undisturbed one's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos import damage, surroundings
from tests.chaos.folders import folder
from tests.chaos.jobs import GROUPED, MOST_WORKERS, Case, pick, settings
from tests.chaos.round import OLD, Result, Round
from tests.chaos.runs import Broken, Run

# Between two kills, in seconds, on average. Where many of them come before anything is done a run
# gives up, and rightly: so after a few of them one chunk at least has to be done.
_GAPS_S = {"fork": 0.1, "forkserver": 0.2, "spawn": 0.4}
_FEW = 3
_GROUPS_ROWS = 24  # of four groups
_CHECKPOINT = ("--checkpoint", "kept", "--resume")


def workers(this: Round) -> None:
    """Workers are killed at random during a job; nothing shows."""
    case = pick(this.generator, grouped=True)
    method, options = settings(this.generator)
    size = this.generator.choice((5, 20, 50))
    options += ["--chunk-size", str(size)]
    if this.generator.random() < 0.3 and case.function not in GROUPED:
        options += _CHECKPOINT
    this.tell(f"{case.function} {case.source} {case.output} {case.on_error} {' '.join(options)}")
    wanted = this.undisturbed(case)
    most = this.generator.randint(3, 25)
    with this.started(case, options, pause_s=this.generator.choice((0.002, 0.005))) as run:
        # One group may not be hit twice by chance: it would be given up, as a deadly one is.
        few, rows = (1, _GROUPS_ROWS) if case.function in GROUPED else (_FEW, size)
        kills = _kill_workers(this, run, most, _GAPS_S[method], rows * MOST_WORKERS, few)
        code = run.finish()
        this.check(this.result(code, run), wanted)
    this.tell(f"{kills} kills")


def _kill_workers(
    this: Round, run: Run, most: int, gap_s: float, rows: int, few: int = _FEW
) -> int:  # fmt: skip
    kills = seen = 0
    while kills < most and run.alive:
        time.sleep(this.generator.expovariate(1 / gap_s))
        if kills % few == 0 and run.calls < seen + rows:
            continue
        if name := run.hit(this.generator):
            this.counts[f"SIG{name}"] += 1
            kills, seen = kills + 1, run.calls
    return kills


def parent(this: Round) -> None:
    """The parent is killed at random, and the job goes on with what there is."""
    case = pick(this.generator, fails=False)
    this.tell(f"{case.function} {case.source} {case.output} {case.on_error}")
    wanted = this.undisturbed(case)
    for _ in range(this.generator.randint(1, 6)):
        _, options = settings(this.generator)
        if not _cut_off(this, case, [*options, *_CHECKPOINT], wanted):
            break
    _, options = settings(this.generator)
    with this.started(case, [*options, *_CHECKPOINT]) as run:
        this.check(this.result(run.finish(), run), wanted)
    if (this.folder / "kept").exists() == case.sound:
        raise Broken("the checkpoint stays while no row failed, or goes though some did")


def _cut_off(this: Round, case: Case, options: list[str], wanted: Result) -> bool:
    """Kill the parent of a run at some moment; return whether it was still running."""
    name, moment = this.generator.choice(list(_MOMENTS.items()))
    pause_s = this.generator.choice((0.0, 0.002, 0.004))
    with this.started(case, options, pause_s) as run:
        while run.alive and not moment(this.folder, case.output):
            time.sleep(0.001)
        until = time.monotonic() + this.generator.expovariate(1 / _LATER_S[name])
        while run.alive and time.monotonic() < until:
            time.sleep(0.001)
        if not run.alive:
            this.check(this.result(run.parent.returncode, run), wanted)
            return False
        run.parent.kill()
        run.parent.wait(10)
        this.counts["parents killed"] += 1
        this.tell(f"{name} {' '.join(options[:4])}")
        this.counts["slowest end, ms"] = max(
            this.counts["slowest end, ms"], round(run.await_end_of_all() * 1000)
        )
    _check_whole(this, case, wanted)
    return True


def _check_whole(this: Round, case: Case, wanted: Result) -> None:
    content = (this.folder / case.output).read_bytes()
    if content not in (OLD.encode(), wanted.files[case.output]):
        raise Broken(f"{case.output} is neither the old one nor the new one")


# When a parent is killed: some time after this, on average so many seconds.
_MOMENTS: dict[str, Callable[[Path, str], bool]] = {
    "start": lambda folder, output: True,
    "survey": lambda folder, output: (folder / "kept").exists(),
    "work": lambda folder, output: (folder / "kept/job.json").exists(),
    "journal": lambda folder, output: _has(folder / "kept/journal.jsonl"),
    "writing": lambda folder, output: any(map(_has, folder.glob(f".{output}*/output"))),
    "published": lambda folder, output: _other(folder / output),
}
_LATER_S = {
    "start": 0.5, "survey": 0.1, "work": 0.8, "journal": 0.5, "writing": 0.02, "published": 0.003
}  # fmt: skip


def _has(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _other(path: Path) -> bool:
    return path.stat().st_size != len(OLD)


def journal(this: Round) -> None:
    """A checkpoint is damaged: the job refuses to go on with it, or gives what it has to."""
    case, other = pick(this.generator, fails=False), pick(this.generator, fails=False)
    this.tell(f"{case.function} {case.source} {case.output} {case.on_error}")
    wanted = this.undisturbed(case)
    strange, sound = (_checkpoint(this, one) for one in (other, case))
    for _ in range(3):
        shutil.copytree(sound, this.folder / "kept")
        this.tell(damage.harm(this.folder / "kept", strange, this.generator))
        _go_on(this, case, wanted)
        shutil.rmtree(this.folder / "kept", ignore_errors=True)
    shutil.rmtree(sound)
    shutil.rmtree(strange)


def _checkpoint(this: Round, case: Case) -> Path:
    """Return the checkpoint of a run that was killed before it was done."""
    while not (this.folder / "kept").exists():
        _, options = settings(this.generator)
        with this.started(case, [*options, *_CHECKPOINT], 0.01) as run:
            while run.alive and not _has(this.folder / "kept/journal.jsonl"):
                time.sleep(0.002)
            time.sleep(this.generator.uniform(0.0, 0.3))
            run.parent.kill()
            run.await_end_of_all()
        (this.folder / case.output).unlink(missing_ok=True)
    for staged in this.folder.glob(".*"):  # the next run would be one with another output
        shutil.rmtree(staged)
    kept = this.base / f"{this.seed}-{len(list(this.base.iterdir()))}"
    return (this.folder / "kept").rename(kept)


def _go_on(this: Round, case: Case, wanted: Result) -> None:
    (this.folder / case.output).write_text(OLD)
    (this.folder / "bad.csv").unlink(missing_ok=True)
    this.counts["checkpoints damaged"] += 1
    _, options = settings(this.generator)
    if not case.deadly and this.generator.random() < 0.5:
        options = ["--backend", "serial"]
    with this.started(case, [*options, *_CHECKPOINT]) as run:
        found = this.result(run.finish(), run)
    if found.code == 2 and "--force" in found.said and "Traceback" not in found.said:
        this.counts["refused"] += 1
        _check_whole(this, case, wanted)
        with this.started(case, [*options, *_CHECKPOINT, "--force"]) as run:
            found = this.result(run.finish(), run)
    this.check(found, wanted)


def world(this: Round) -> None:
    """A job is started in odd surroundings, and some of its workers are killed; nothing shows."""
    case, (method, options) = pick(this.generator), settings(this.generator)
    around = surroundings.pick(this.generator)
    this.tell(f"{around.name}: {case.function} {case.source} {case.output} {' '.join(options)}")
    wanted = this.undisturbed(case)
    surroundings.fill(this.folder, this.folder / "marks")
    most, size = this.generator.randint(0, 3), this.generator.choice((20, 50))
    options += ["--chunk-size", str(size)]
    with this.started(case, options, this.generator.choice((0.0, 0.002)), around.before) as run:
        kills = _kill_workers(this, run, most, _GAPS_S[method], size * MOST_WORKERS)
        found = this.result(run.finish(), run)
    this.tell(f"{kills} kills")
    if (this.folder / "marks").exists():
        raise Broken(f"imported: {(this.folder / 'marks').read_text().split()}")
    if around.may_end and found.code == 1 and around.may_end in found.said:
        this.counts["ended with a message"] += 1
        found = found._replace(code=wanted.code, said=wanted.said)
        wanted = wanted._replace(files={case.output: OLD.encode()})
    this.check(found if around.speaks else found._replace(said=wanted.said), wanted)


KINDS: dict[str, Callable[[Round], None]] = {
    "workers": workers, "parent": parent, "journal": journal, "world": world, "folder": folder
}  # fmt: skip
