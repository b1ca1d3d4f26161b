"""One command, from outside: wall and CPU seconds, or the peak memory of its process tree.

Not both at once: to look at memory takes a core a tenth of its time and holds up whoever maps more
of it, which costs a program on all cores a fifth, and one on a single core nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MEMORY_S = 0.03  # between two looks
CPU_S = 0.25
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Command:
    """What to run; standard output goes to a file where one is named."""

    argv: Sequence[str]
    stdin: Path | None = None
    stdout: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    own_clock: bool = False  # it prints the seconds that count


@dataclass(frozen=True)
class Run:
    """What one run took. `tree_bytes` is proportional memory: shared pages count once.

    There is no memory where it was timed, and its time is not to be compared where it was not.
    """

    wall_s: float
    cpu_s: float
    tree_bytes: int
    process_bytes: Mapping[str, int]  # peak of each process by itself: "parent", or its number
    parent_cpu_s: float = 0.0


class FailedRunError(Exception):
    """A contender did not end well; what it said is the message."""


def run(command: Command, timeout_s: float = 600, *, timed: bool = False) -> Run:
    """Run a command to its end; raises FailedRunError where it fails or takes too long."""
    with contextlib.ExitStack() as ends:
        said = ends.enter_context(tempfile.TemporaryFile())
        stdin = ends.enter_context(open(command.stdin or os.devnull, "rb"))
        stdout = ends.enter_context(_written(command.stdout))
        began = time.perf_counter()
        process = subprocess.Popen(
            command.argv, stdin=stdin, stdout=stdout, stderr=said,
            env={**_environment(), **command.environment}, start_new_session=True,
        )  # fmt: skip
        watch = _Watch(process.pid, memory=not timed)
        wall_s, cpu_s = _follow(process, watch, began, timeout_s)
        if process.returncode:
            said.seek(0)
            raise FailedRunError(
                said.read()[-2000:].decode("utf-8", "replace").strip() or "said nothing"
            )
        if command.own_clock:
            stdout.seek(0)
            wall_s = float(stdout.read())
    cpu_s = max(cpu_s, sum(watch.cpu_s.values()))  # those that nobody waited for are in the second
    return Run(wall_s, cpu_s, watch.tree, watch.peaks(), watch.cpu_s.get(process.pid, 0.0))


def _environment() -> dict[str, str]:
    """Ours, but that bytecode is kept, as it is where a package is installed."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _written(path: Path | None) -> BinaryIO:
    return open(path, "wb") if path else tempfile.TemporaryFile()


def _follow(
    process: subprocess.Popen, watch: _Watch, began: float, timeout_s: float
) -> tuple[float, float]:
    """Look at the tree until the command has ended, which is noticed within a millisecond."""
    ending = os.pidfd_open(process.pid)
    try:
        while not select.select([ending], [], [], MEMORY_S if watch.memory else CPU_S)[0]:
            watch.look()
            if time.perf_counter() - began > timeout_s:
                os.killpg(process.pid, 9)
        wall_s = time.perf_counter() - began
        watch.look()  # what its own CPU time was, apart from that of its children, is known still
    finally:
        os.close(ending)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return wall_s, usage.ru_utime + usage.ru_stime


class _Watch:
    """CPU times and peaks of all processes of a session, as far as looks in between see them."""

    def __init__(self, leader: int, *, memory: bool) -> None:
        self.leader, self.memory, self.tree = leader, memory, 0
        self.cpu_s: dict[int, float] = {}
        self._peaks: dict[int, int] = {}

    def look(self) -> None:
        total = 0
        for pid, cpu_s in _members(self.leader):
            self.cpu_s[pid] = cpu_s
            if not self.memory:
                continue
            size = _proportional(pid)
            total += size
            if peak := _own_peak(pid):  # 0: it has ended in between
                self._peaks[pid] = max(self._peaks.get(pid, 0), peak)
        self.tree = max(self.tree, total)

    def peaks(self) -> dict[str, int]:
        """By the order in which they began; process numbers go up."""
        others = sorted(pid for pid in self._peaks if pid != self.leader)
        named = {f"worker {place}": self._peaks[pid] for place, pid in enumerate(others, 1)}
        return {"parent": self._peaks.get(self.leader, 0), **named}


def tree_bytes(session: int) -> int:
    """Return the memory of all processes of a session; pages that several have count once."""
    return sum(_proportional(pid) for pid, _ in _members(session))


def _members(session: int) -> list[tuple[int, float]]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    found.append((int(name), (int(fields[11]) + int(fields[12])) / _TICKS))
    return found


def _proportional(pid: int) -> int:
    """Return the memory of a process, its share of what it shares: PSS, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


def _own_peak(pid: int) -> int:
    """Return the largest resident memory of a process so far, as the kernel noted it, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0
