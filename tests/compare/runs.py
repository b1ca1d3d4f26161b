"""Runs a command line in a fresh copy of the folder, and takes down all that came of it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.compare import messages
from tests.compare.lines import DOWN, Line

LIMIT_S = 120.0  # a run that takes longer hangs
HANGS = "hangs"
# What a checkpoint is made of names processes and times, and is nobody's to read.
OPAQUE = "kept"
_LOGGED = re.compile(rb"\d\.\d{3} parapply-\d+: ")  # in any file that --log-file names


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a line."""

    code: int | str
    stdout: bytes
    said: str
    files: Mapping[str, bytes] = field(default_factory=dict)  # by path, with the mode before it


def command(text: str) -> list[str]:
    """Return the words that run parapply, from any folder; an interpreter is told to."""
    words = shlex.split(text)
    if len(words) == 1 and Path(words[0]).name.startswith("python"):
        words += ["-m", "parapply"]
    return [os.path.abspath(one) if os.sep in one and os.path.exists(one) else one for one in words]


def attempt(words: list[str], line: Line, base: Path, folder: Path) -> Outcome:
    """Run the line in a copy of `base`, which is left there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder, symlinks=True)
    said = ""
    if line.before is not None:
        said = _run([*words, *line.before], line, folder, {DOWN: "1"})[2] + "-- again:\n"
    code, stdout, more = _run([*words, *line.words], line, folder, {})
    said = messages.normal(said + more, folder)
    return Outcome(code, stdout, said, _left(folder, base))


def _run(
    words: list[str], line: Line, folder: Path, more: Mapping[str, str]
) -> tuple[int | str, bytes, str]:
    data, source = None, subprocess.DEVNULL
    if line.stdin is not None:
        path = folder / line.stdin
        data, source = (path.read_bytes(), subprocess.PIPE) if line.piped else (None, path.open())
    with subprocess.Popen(
        words, cwd=folder, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env={**os.environ, **_surroundings(line, folder), **more},
    ) as process:  # fmt: skip
        try:
            stdout, said = process.communicate(data, LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, said = process.communicate()
            return HANGS, stdout, said.decode(errors="backslashreplace")
        finally:
            if not isinstance(source, int):
                source.close()
    return process.returncode, stdout, said.decode(errors="backslashreplace")


def _surroundings(line: Line, folder: Path) -> dict[str, str]:
    """What both have alike: the order of sets, too, which is another one for each line."""
    return {
        "PYTHONHASHSEED": str(line.number),
        "TMPDIR": str(folder / "tmp"), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100",
        "PYTHONUTF8": "1", "TZ": "UTC",
    }  # fmt: skip


def _left(folder: Path, base: Path) -> dict[str, bytes]:
    """Return what is there now and was not, or was otherwise; what is gone is said to be."""
    found, old = _files(folder), _files(base)
    changed = {name: content for name, content in found.items() if old.get(name) != content}
    return changed | {name: b"(gone)" for name in old if name not in found}


def _files(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if name.startswith(f"{OPAQUE}/"):
            continue
        mode = f"{path.lstat().st_mode & 0o7777:o} ".encode()
        content = path.read_bytes() if path.is_file() else b"(no file)"
        if _LOGGED.search(content):
            content = messages.normal(content.decode(errors="replace"), folder).encode()
        found[name] = mode + content
    return found
