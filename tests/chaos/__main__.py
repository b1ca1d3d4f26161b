"""`python -m tests.chaos`: see the package."""

from __future__ import annotations

import argparse
import itertools
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.chaos.jobs import prepare
from tests.chaos.round import Round
from tests.chaos.rounds import KINDS
from tests.chaos.runs import Broken
from tests.injection import library


def main() -> int:
    """Play rounds until the time is over; return 1 where one failed."""
    wish = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    base = Path(tempfile.mkdtemp(prefix="chaos-"))
    prepare(base)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with suppress(KeyboardInterrupt):  # the figures so far are what whoever ends it wants
        for seed in _seeds(wish, began):
            _play(base, seed, counts)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes: {_summary(counts)}")
    if counts["failures"]:
        print(f"what failed is kept in {base}")
        return 1
    shutil.rmtree(base)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (1)")
    parser.add_argument("--rounds", type=int, help="how many rounds, instead")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first round")
    parser.add_argument("--kinds", default=",".join(_able()), help="which of %(default)s")
    parser.add_argument("--round", metavar="SEED", help="this round alone: workers-17, say")
    return parser.parse_args()


def _able() -> list[str]:
    """The kinds that can be played here: one needs a compiler."""
    return [kind for kind in KINDS if kind != "folder" or library.available()]


def _seeds(wish: argparse.Namespace, began: float) -> Iterator[str]:
    """Yield what names each round, and makes it what it is but for the time it takes."""
    if wish.round is not None:
        yield wish.round
        return
    kinds = itertools.cycle(wish.kinds.split(","))
    for place, (number, kind) in enumerate(zip(itertools.count(wish.seed), kinds, strict=False)):
        ended = time.monotonic() - began > wish.minutes * 60
        if place == wish.rounds or (wish.rounds is None and ended):
            return
        yield f"{kind}-{number}"


def _play(base: Path, seed: str, counts: Counter[str]) -> None:
    this, began = Round(base, seed, counts), time.monotonic()
    counts[f"{seed.partition('-')[0]} rounds"] += 1
    try:
        this.play(KINDS)
        end = "ok"
    except Broken as broken:
        counts["failures"] += 1
        end = f"FAILED: {broken}"
    print(f"{seed}: {'; '.join(this.story)}: {end} ({time.monotonic() - began:.1f} s)", flush=True)


def _summary(counts: Counter[str]) -> str:
    counts["failures"] += 0
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
