"""The fault table: what a function or the world does, and how a run has to end.

Every row is run on every backend that is named in it, by test_faults.py. What it does not say holds
for all: one line on standard error, no process left, no litter, the old output as it was.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FORK = ("fork",)
PROCESSES = ("fork", "forkserver", "spawn")
ISOLATED = (*PROCESSES, "threads")  # a worker that hangs or waits does not hold the parent up
ALL = (*ISOLATED, "serial")

FUNCTIONS = Path(__file__).with_name("faulty.py").read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table."""

    name: str
    function: str
    says: str  # a pattern of the line on standard error, after "parapply: error: "
    code: int = 1
    options: tuple[str, ...] = ()
    on: tuple[str, ...] = ALL  # backends
    does: Callable[[subprocess.Popen, Path], None] | None = None  # the world, once "started"
    output: str = "out.csv"
    settings: dict[str, object] = field(default_factory=dict)  # of Popen
    changes: tuple[str, ...] = ()  # files that the world changes or takes away


def _raised(name: str, error: str, **settings: object) -> Fault:
    says = rf"table\.csv: row 8: {name} raised {error}.*"
    return Fault(name=name, function=name, says=says, **settings)


def _died(name: str, how: str) -> Fault:
    says = rf"table\.csv: row 8: the worker {how} on this row, twice.*"
    return Fault(name=name, function=name, says=says, on=PROCESSES)


def _late(name: str, on: tuple[str, ...]) -> Fault:
    says = r"table\.csv: row 8: .*(0\.3 s|timeout|longer).*"
    return Fault(name=name, function=name, says=says, on=on, options=("--timeout", "300ms"))


# What functions do.

_CHUNK = r"table\.csv: rows \d+ to \d+: the function returned"

OF_FUNCTIONS = (
    _raised("raises", "ValueError: seven"),
    _raised("raises_unpicklable", "LockedError: cannot be pickled"),
    _raised("raises_stubborn", "StubbornError: cannot be unpickled"),
    _raised("raises_base", "BaseException: base"),
    _raised("interrupts", "KeyboardInterrupt", on=ISOLATED),  # else it is Ctrl-C
    _raised("leaves", "SystemExit: 4"),
    _raised("raises_group", "ExceptionGroup: several"),
    _raised("recurses", "RecursionError"),
    Fault(
        name="returns_a_lock", function="returns_a_lock",
        says=r"column 'returns_a_lock': table\.csv: row 8 gave lock; return text, .*",
    ),
    Fault(
        name="returns_a_dict", function="returns_a_dict",
        says=r"(table\.csv: row \d returned \d \(int\), )?table\.csv: row 8 returned \{'a': 1\} "
        r"\(dict\)(, table\.csv: row 9 returned 8 \(int\))?: return a dict for every row .*",
    ),
    Fault(name="fails to start", function="FailsToStart", says=r".*LookupError: no start", code=2),
    Fault(name="wrong length", function="wrong_length", says=rf"{_CHUNK} Series of length 1; .*"),
    Fault(name="no table", function="no_table", says=rf"{_CHUNK} object; return a .*"),
    Fault(
        name="max errors", function="raises", says=r".*more than --max-errors.*|.*",
        options=("--max-errors", "0", "--errors-to", "bad.csv"),
    ),
    _late("hangs", ISOLATED),
    _late("loops", PROCESSES),
    _late("is_stuck", PROCESSES),
    _died("exits", "exited with code 3"),
    _died("is_killed", "was killed by SIGKILL"),
    _died("aborts", "was killed by SIGABRT"),
    _died("segfaults", "was killed by SIGSEGV"),
)  # fmt: skip


_GROUP = r"table\.csv: group number=7 \(1 row\): "

OF_GROUPS = tuple(
    Fault(
        name=f"{name} of a group{' each' * bool(more)}", function=f"group_{name}", on=on,
        says=_GROUP + says,
        options=("--group-by", "number", *more, *options),
    )
    for more in ((), ("--each",))
    for name, on, says, options in (
        ("raises", ALL, "group_raises raised ValueError: seven.*", ()),
        ("raises_unpicklable", ALL, "group_raises_unpicklable raised LockedError: .*", ()),
        ("leaves", ALL, "group_leaves raised SystemExit: 4.*", ()),
        ("exits", PROCESSES, "the worker exited with code 3 on this group, twice.*", ()),
        ("is_killed", PROCESSES, "the worker was killed by SIGKILL on this group, .*", ()),
        ("hangs", ISOLATED, r".*(0\.3 s|timeout|longer).*", ("--timeout", "300ms")),
    )
)  # fmt: skip


# What the world does.


def _remove_folder(process: subprocess.Popen, folder: Path) -> None:
    for path in folder.glob("out/.*.parapply-*/*"):
        path.unlink()
    for path in folder.glob("out/.*"):
        path.rmdir()
    (folder / "out").rmdir()


def _append(process: subprocess.Popen, folder: Path) -> None:
    with open(folder / "table.csv", "a") as file:
        file.write("name20,20,5.0\n")


def _rewrite(process: subprocess.Popen, folder: Path) -> None:
    path = folder / "table.csv"
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(1, 1))


def _replace(process: subprocess.Popen, folder: Path) -> None:
    path = folder / "table.csv"
    status = path.stat()
    (folder / "new").write_bytes(path.read_bytes())
    os.utime(folder / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "new").replace(path)


def _send(number: int) -> Callable[[subprocess.Popen, Path], None]:
    return lambda process, folder: os.killpg(process.pid, number)


def _limit_files() -> None:
    """A disk that is full: no file may be larger than this."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


_FULL = "No space left on device"
_TOO_LARGE = r"File too large \(--temp-dir DIR puts temporary files elsewhere\)"
_LONG = "'x' * 4000"

OF_THE_WORLD = (
    Fault(
        name="output folder removed", function="held", does=_remove_folder, output="out/out.csv",
        says=r"out/out\.csv: cannot write in .*/out: No such file or directory", changes=("out",),
    ),
    Fault(
        name="input removed", function="held", changes=("table.csv",),
        does=lambda process, folder: (folder / "table.csv").unlink(),
        says=r"table\.csv went away while it was read: .*|.*/table\.csv: No such file or directory",
    ),
    Fault(
        name="input grows", function="held", does=_append, changes=("table.csv",),
        says=r"table\.csv changed while it was read: 288 bytes at the start, 302 at the end; .*",
    ),
    Fault(
        name="input rewritten", function="held", does=_rewrite, changes=("table.csv",),
        says=r"table\.csv changed while it was read: it was written to; .*",
    ),
    Fault(
        name="input replaced", function="held", does=_replace, changes=("table.csv",),
        says=r"table\.csv changed while it was read: it is another file now; .*",
    ),
    Fault(
        name="input truncated", function="held", changes=("table.csv",), on=ALL,
        does=lambda process, folder: os.truncate(folder / "table.csv", 40),
        says=r".*table\.csv.*", options=("--chunk-size", "3"),
    ),
    Fault(name="device full", function="fine", output="/dev/full", says=rf"/dev/full: {_FULL}"),
    Fault(
        name="errors full", function="raises", says=rf"/dev/full: {_FULL}",
        options=("--errors-to", "/dev/full"),
    ),
    Fault(
        name="part too large", function="-e", says=rf"out\.csv: cannot write in .*: {_TOO_LARGE}",
        options=(_LONG, "--chunk-size", "20"), settings={"preexec_fn": _limit_files},
    ),
    Fault(
        name="output too large", function="-e",
        says=r"out\.csv: cannot write in .*: File too large",
        options=(_LONG, "--chunk-size", "2"), settings={"preexec_fn": _limit_files},
    ),
    Fault(
        name="part file of a folder too large", function="-e", output="out/", on=FORK,
        says=rf"out/: cannot write in .*: {_TOO_LARGE}",
        options=(_LONG, "--to", "csv", "--chunk-size", "20"), settings={"preexec_fn": _limit_files},
    ),
    Fault(
        name="no temp-dir", function="fine", says="--temp-dir none: there is no such folder",
        code=2, options=("--temp-dir", "none"), on=FORK,
    ),
    Fault(
        name="interrupted", function="held", code=-signal.SIGINT, does=_send(signal.SIGINT),
        says="interrupted; nothing was written",
    ),
    Fault(
        name="terminated", function="held", code=-signal.SIGTERM, does=_send(signal.SIGTERM),
        says="ended by SIGTERM; nothing was written",
        options=("--errors-to", "bad.csv", "--lock"),
    ),
    Fault(
        name="hung up", function="held", code=-signal.SIGHUP, does=_send(signal.SIGHUP),
        says="ended by SIGHUP; nothing was written", output="out/",
    ),
)  # fmt: skip

FAULTS = (*OF_FUNCTIONS, *OF_GROUPS, *OF_THE_WORLD)
