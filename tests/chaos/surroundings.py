"""Odd surroundings in which a shell, a cron daemon or a container may start a command.

Each is a command line that begins the one it is given, and what it may change of the result.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import NamedTuple

_FEW_FILES = 40


class Surroundings(NamedTuple):
    """What a command is started in."""

    name: str
    before: tuple[str, ...]  # words that stand before the command
    speaks: bool = True  # whether standard error goes where messages are looked for
    may_end: str = ""  # a run may end with 1 where its message has this word


def _shell(script: str) -> tuple[str, ...]:
    return ("bash", "-c", f'{script}; exec "$@"', "bash")


def _python(script: str) -> tuple[str, ...]:
    return (
        sys.executable,
        "-c",
        f"import os, signal, sys; {script}; os.execvp(sys.argv[1], sys.argv[1:])",
    )


_BLOCK = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {2})"

ALL = (
    Surroundings("SIGCHLD ignored", _shell("trap '' CHLD")),
    Surroundings("SIGPIPE ignored", _shell("trap '' PIPE")),
    Surroundings("signals blocked", _python(_BLOCK)),
    Surroundings("no standard input", _shell("exec <&-")),
    Surroundings("no standard output", _shell("exec >&-")),
    Surroundings("no standard error", _shell("exec 2>&-"), speaks=False),
    Surroundings("no descriptors", _shell("exec <&- >&- 2>&-"), speaks=False),
    Surroundings("few files", _shell(f"ulimit -n {_FEW_FILES}"), may_end="ulimit -n"),
    Surroundings("modules like the standard library's", ()),
)


def pick(generator: random.Random) -> Surroundings:
    """Return some."""
    return generator.choice(ALL)


def fill(folder: Path, mark: Path) -> None:
    """Put modules there, named like Python's and the libraries': each leaves a mark."""
    text = f"open({str(mark)!r}, 'a').write(__name__ + ' ')\nraise ImportError('no module')\n"
    for name in (*sys.stdlib_module_names, "numpy", "pandas", "pyarrow", "click", "tqdm", "polars"):
        (folder / f"{name}.py").write_text(text)
