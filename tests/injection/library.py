"""The library that has calls fail, and what it is told: which call is to fail, and how."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("faults.c")
TABLE_BYTES = 1 << 14  # more than a table of faults.c takes
WHO = ("parent", "workers", "both")
SHORT = "SHORT"  # in place of an error: half of it is done
KILL = "KILL"  # in place of an error: the process is killed before it

_FULL = "ENOSPC EDQUOT EIO"
# What may go wrong with each kind of call. An interruption comes once, and so does a short write;
# what a file system has not got, it has never got.
ERRORS = {
    "write": f"{_FULL} EINTR {SHORT}",
    "send": f"{_FULL} ENOSYS EINVAL EINTR {SHORT}",
    "sync": "EIO ENOSPC EINVAL EINTR",
    "rename": f"{_FULL} EACCES",
    "exchange": "ENOSYS EINVAL EIO EACCES",
    "link": f"{_FULL} EPERM ENOSYS",
    "open": f"{_FULL} EACCES EMFILE EINTR",
    "close": _FULL,
    "lock": "ENOSYS ENOLCK EIO EINTR",
    "statvfs": "ENOSYS EIO",
    "resize": "ENOSPC EIO EOPNOTSUPP EINTR",
    "mkdir": f"{_FULL} EACCES",
    "unlink": "EIO EACCES",
    "chmod": "EPERM EIO",
    "chown": "EPERM EIO",
    "xattr": "EOPNOTSUPP ENOSPC EIO",
    "read": "EIO EINTR",
    "full": "ENOSPC EDQUOT",
}
# The kind `full` is all of these: a disk that has no space left, and has none until the end.
TAKE_SPACE = frozenset({"write", "send", "sync", "link", "resize", "mkdir"})
_NUMBERS = {SHORT: 0, KILL: -1}
ONCE = frozenset({"EINTR", SHORT})
NEVER_THERE = frozenset({"ENOSYS", "EOPNOTSUPP", "ENOLCK"})


class Fault(NamedTuple):
    """The `nth` call of a kind, counted from 1, fails; `onward`: and so do all after it."""

    kind: str
    error: str
    who: str
    nth: int
    onward: bool = False

    def __str__(self) -> str:
        return ":".join([self.kind, self.error, self.who, f"{self.nth}{'+' * self.onward}"])

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Return what `str` made a text of."""
        kind, error, who, nth = text.split(":")
        return cls(kind, error, who, int(nth.rstrip("+")), nth.endswith("+"))

    @property
    def plan(self) -> str:
        """Return it as faults.c reads it."""
        own = self.error in _NUMBERS
        number = _NUMBERS[self.error] if own else getattr(errno, self.error)
        return f"{self.kind}:{WHO.index(self.who)}:{self.nth}:{number}:{int(self.onward)}"


class Call(NamedTuple):
    """A call that was listed, or failed; `nth` of its kind in the parent, or in the workers."""

    kind: str
    who: str
    nth: int
    symbol: str
    path: str

    @classmethod
    def parse(cls, line: str) -> Call:
        """Return a line of the library's log."""
        kind, who, nth, symbol, path = line.split(" ", 4)
        return cls(kind, WHO[int(who)], int(nth), symbol, path)


def available() -> bool:
    """Whether there is a compiler."""
    return shutil.which("gcc") is not None


def build(folder: Path) -> Path:
    """Build the library there; return its path."""
    library = folder / "faults.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    subprocess.run(["gcc", *options, str(SOURCE), "-o", str(library), "-ldl"], check=True)
    return library


def environment(
    library: Path, folder: Path, aside: Path, fault: Fault | None, lacks: str = ""
) -> dict[str, str]:
    """Return what has a run's calls in `folder` listed, or one of them fail.

    `lacks` is a kind of calls that this system is to have none of. The table and the log are
    written to `aside`, another folder, and made anew.
    """
    table, log = aside / "table", aside / "log"
    table.write_bytes(bytes(TABLE_BYTES))
    log.write_bytes(b"")
    return {
        "LD_PRELOAD": str(library), "FAULTS_PLAN": fault.plan if fault else "none:0:0:0:0",
        "FAULTS_LACKS": lacks, "FAULTS_FOLDER": str(folder),
        "FAULTS_TABLE": str(table), "FAULTS_LOG": str(log),
    }  # fmt: skip


def calls(aside: Path) -> list[Call]:
    """Return what was listed, or failed."""
    return [Call.parse(line) for line in (aside / "log").read_text().splitlines()]
