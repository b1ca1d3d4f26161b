"""`python -m tests.injection`: see the package."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from tests.injection import library, runs
from tests.injection.jobs import COMMANDS, Job, prepare
from tests.injection.library import ERRORS, Fault
from tests.injection.runs import Bench, Sites, Trial


def main() -> int:
    """Inject faults until all, or as many as were asked for, are done; return 1 where any told."""
    wish = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # also in the background, where it is ignored
        signal.signal(number, signal.default_int_handler)
    base = Path(tempfile.mkdtemp(prefix="injection-"))
    inputs = base / "inputs"
    inputs.mkdir()
    prepare(inputs)
    bench = Bench(base, inputs, library.build(base))
    failed = _replay(bench, wish) if wish.replay else _sweep(bench, wish)
    if not wish.keep:
        shutil.rmtree(base)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.injection")
    parser.add_argument("--runs", type=int, default=2000, help="how many faults (2000); 0: all")
    parser.add_argument("--seed", type=int, default=0, help="another seed chooses others")
    parser.add_argument("--jobs", default=",".join(COMMANDS), help="which of %(default)s")
    parser.add_argument("--kinds", default=",".join(ERRORS), help="which of %(default)s")
    parser.add_argument("-j", dest="workers", type=int, default=2, help="runs at once (2)")
    parser.add_argument("--replay", metavar="JOB:FAULT", help="this one alone, as a line has it")
    parser.add_argument("-v", "--verbose", action="store_true", help="that run says where it fails")
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    return parser.parse_args()


def _replay(bench: Bench, wish: argparse.Namespace) -> bool:
    name, _, fault = wish.replay.partition(":")
    job = Job(name)
    wanted, _ = runs.undisturbed(bench, job)
    more = ["-v"] * wish.verbose
    trial = runs.attempt(bench, job, Fault.parse(fault), wanted, *more, keep=wish.keep)
    print(*trial.calls, trial.said, sep="\n")
    print(*(trial.complaints or (["ok"] if trial.calls else ["no such call"])), sep="\n")
    return bool(trial.complaints) or not trial.calls


def _sweep(bench: Bench, wish: argparse.Namespace) -> bool:
    began = time.monotonic()
    with ThreadPoolExecutor(wish.workers) as pool:
        names = wish.jobs.split(",")
        found = pool.map(lambda name: runs.undisturbed(bench, Job(name)), names)
        counted = dict(zip(names, found, strict=True))
        chosen = _chosen({name: sites for name, (_, sites) in counted.items()}, wish)
        tried = [
            pool.submit(runs.attempt, bench, Job(name), fault, counted[name][0])
            for name, fault in chosen
        ]
        failures = _told((one.result() for one in as_completed(tried)), began)
        pool.shutdown(cancel_futures=True)
    _summarize(failures)
    return bool(failures)


def _chosen(found: Mapping[str, Sites], wish: argparse.Namespace) -> list[tuple[str, Fault]]:
    """Return jobs with faults: as many of each job, as far as it has any left."""
    generator, kinds = random.Random(wish.seed), wish.kinds.split(",")
    of_jobs = []
    for name, sites in found.items():
        faults = [one for one in runs.faults(sites, generator) if one.kind in kinds]
        of_jobs.append([(name, fault) for fault in generator.sample(faults, len(faults))])
    turns = [one for turn in zip_longest(*of_jobs) for one in turn if one is not None]
    chosen = turns[: wish.runs or None]
    print(f"seed {wish.seed}: {len(chosen)} of {len(turns)} faults, {len(found)} jobs", flush=True)
    return chosen


def _told(trials: Iterable[Trial], began: float) -> list[Trial]:
    """Print a line for each that failed, and one of how many there were; return those."""
    counts: Counter[str] = Counter()
    failures = []
    with suppress(KeyboardInterrupt):  # the figures so far are what whoever ends it wants
        for trial in trials:
            counts["runs"] += 1
            counts["hit"] += bool(trial.calls)
            if counts["runs"] % 100 == 0:
                print(f"{time.monotonic() - began:.0f} s: {dict(counts)}", flush=True)
            if trial.complaints:
                counts["failed"] += 1
                failures.append(trial)
                print(_line(trial), flush=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes: {dict(counts)}")
    return failures


def _line(trial: Trial) -> str:
    said = trial.said.strip().splitlines()
    told = (said[-1] if "Traceback" in trial.said else " ".join(said))[:300]
    return (
        f"FAILED --replay {trial.job.name}:{trial.fault}: {'; '.join(trial.complaints)}"
        f" ({trial.calls[0].symbol if trial.calls else 'no call'} {trial.site}): {told}"
    )


def _summarize(failures: list[Trial]) -> None:
    """Print what failed by what is wrong and where it was."""
    groups = defaultdict(list)
    for trial in failures:
        groups[tuple(trial.complaints), trial.fault.kind, trial.site].append(trial)
    for (wrong, kind, site), trials in sorted(groups.items()):
        errors = sorted({trial.fault.error for trial in trials})
        print(f"{len(trials)} x {'; '.join(wrong)}: {kind} {site} {','.join(errors)}")
        print(f"    {_line(trials[0])}")


if __name__ == "__main__":
    sys.exit(main())
