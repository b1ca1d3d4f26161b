"""One run of the command, and all processes that belong to it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

LIMIT_S = 120.0  # a run that takes longer hangs
LEAVE_S = 5.0  # what outlives its parent for longer is an orphan; the limit says 1 s on idle cores
_SIGNALS = {"KILL": 6, "SEGV": 1, "ABRT": 1, "TERM": 1, "STOP": 2}  # by how often


class Broken(Exception):  # noqa: N818  a promise, not an error of this program
    """Something that was promised did not hold."""


class Run:
    """A command that runs in a folder; use it as a context, at the end of which all is over.

    Its processes are known by a word in their environment, whoever their parents are by then.
    """

    def __init__(
        self, command: list[str], base: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._mark = os.urandom(8).hex()
        self.command, self.folder = command, folder
        self.dump, tmp = folder / "dump", folder / "tmp"
        tmp.mkdir(exist_ok=True)
        self.environment = {
            **os.environ, **environment, "TMPDIR": str(tmp), "CHAOS_RUN": self._mark,
            "CHAOS_DUMP": str(self.dump), "CHAOS_CALLS": str(folder / "calls"),
            "PYTHONPATH": f"{base / 'site'}:{os.getcwd()}", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def __enter__(self) -> Run:
        with open(self.folder / "said", "wb") as said:
            self.parent = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip
        self._deadline = time.monotonic() + LIMIT_S
        return self

    def __exit__(self, *exception: object) -> None:
        for pid in self.pids():
            _send(pid, signal.SIGKILL, self._mark)
        self.parent.wait(10)

    @property
    def said(self) -> str:
        """What it wrote on its standard output and error."""
        return (self.folder / "said").read_text(errors="replace")

    @property
    def calls(self) -> int:
        """How often the function has been called for a row."""
        path = self.folder / "calls"
        return path.stat().st_size if path.exists() else 0

    @property
    def alive(self) -> bool:
        """Whether the parent runs; raises Broken where it has run for too long."""
        if time.monotonic() > self._deadline:
            self._dump_stacks()
            raise Broken(f"hangs: {LIMIT_S:g} s, stacks in {self.dump}")
        return self.parent.poll() is None

    def finish(self) -> int:
        """Wait for the end; return the exit code."""
        while self.alive:
            time.sleep(0.01)
        return self.parent.returncode

    def pids(self) -> list[int]:
        """Return its processes, the parent too."""
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and self._owns(name)]

    def workers(self) -> list[int]:
        """Return its workers: neither the forkserver nor the resource tracker."""
        found = {pid: _words(pid) for pid in self.pids()}
        servers = [pid for pid, words in found.items() if _parent(pid) == self.parent.pid
                   and "multiprocessing.forkserver" in words]  # fmt: skip
        if "fork" in self.command:
            return [pid for pid in found if _parent(pid) == self.parent.pid]
        return [pid for pid, words in found.items()
                if "spawn_main" in words or _parent(pid) in servers]  # fmt: skip

    def hit(self, generator: random.Random) -> str | None:
        """Kill a worker at random; return by which signal, None where there is none."""
        workers = self.workers()
        if not workers:
            return None
        pid = generator.choice(workers)
        (name,) = generator.choices(list(_SIGNALS), list(_SIGNALS.values()))
        _send(pid, signal.Signals[f"SIG{name}"], self._mark)
        if name == "STOP":
            time.sleep(generator.uniform(0.0, 0.3))
            _send(pid, signal.SIGKILL, self._mark)
        return name

    def await_end_of_all(self) -> float:
        """Return how long processes outlived the parent, in seconds; Broken where for too long."""
        began = time.monotonic()
        while left := self.pids():
            if time.monotonic() > began + LEAVE_S:
                self._dump_stacks()
                raise Broken(f"orphans: {[_words(pid) for pid in left]}, stacks in {self.dump}")
            time.sleep(0.02)
        return time.monotonic() - began

    def _owns(self, pid: str | int) -> bool:
        return _belongs(pid, self._mark)

    def _dump_stacks(self) -> None:
        for pid in self.pids():
            with open(self.dump, "a") as file:
                file.write(f"\n{pid}, child of {_parent(pid)}: {_words(pid)}\n")
            _send(pid, signal.SIGUSR1, self._mark)
            time.sleep(0.3)


def _belongs(pid: str | int, mark: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"CHAOS_RUN={mark}".encode() in file.read()
    except OSError:
        return False


def _send(pid: int, number: int, mark: str) -> None:
    """Send a signal to that very process: its number may be another's by now."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if _belongs(pid, mark):
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
