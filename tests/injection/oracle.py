"""What a run may leave, and say: compared with the old output and with the undisturbed run's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.injection.jobs import Job
from tests.injection.library import NEVER_THERE, ONCE, Call, Fault

_TOKEN = r"[0-9a-f]{12}(?:[0-9a-f]{4})?"  # of an attic, or of a folder of a run's own
_NOTE = r"(?<=[-/])[0-9a-f]*-[0-9a-f]*-[\d.]+-\d+-\d*-[\w.-]*"  # of who a run is
_FOLDER = re.compile(rf"(parapply-{_TOKEN}|pymp-\w{{8}}|/kept|/output|/parts)$")
_PROBE = re.compile(r"tmp/\w{8}")  # with which `tempfile` looks for a folder that it can write in
_LINES = 4  # a message, a note and a hint
_OPTIONAL = {"send", "statvfs", "lock"}  # without these a run goes on
# What a message has to have in it, by where the call failed that it is about.
_NAMES = {  # RUN is the run's folder
    "kept": "kept|--checkpoint", "bad": r"\bbad\.|--errors-to", "out": r"\bout\b|-o\b",
    "temp": r"RUN/temp\b|--temp-dir", "tmp": r"RUN/tmp\b|temporary|TMPDIR", "folder": "RUN",
    "stdout": "standard output", "said": r"said\.log|--log-file", "shm": "/dev/shm|memory",
}  # fmt: skip
_PRINTED = re.compile("parapply-[01]: seven|lines come here$")  # by a function, if not in its log
_LIMIT = "ulimit -n"  # met by whichever file comes next


class State(NamedTuple):
    """What is in a run's folder: of each output its files with bytes, mode and mtime."""

    outputs: dict[str, dict[str, tuple[bytes, int, int]]]
    names: frozenset[str]

    def content(self) -> dict[str, dict[str, bytes]]:
        """Return the bytes alone."""
        return {
            name: {path: found[0] for path, found in files.items()}
            for name, files in self.outputs.items()
        }


class Result(NamedTuple):
    """How a run ended, what it left and said; `code` None: it did not end."""

    code: int | None
    state: State
    said: str
    calls: Sequence[Call]
    wrote: bytes = b""  # to standard output


def state(job: Job, folder: Path) -> State:
    """Look at a run's folder."""
    inside = {f"{path.parent.name}/{path.name}" for path in folder.glob("t*mp/*")}
    names = {path.name for path in folder.iterdir()} | inside
    return State({name: _files(folder / name) for name in job.outputs}, frozenset(names))


def _files(path: Path) -> dict[str, tuple[bytes, int, int]]:
    found = {}
    for one in [path, *sorted(path.rglob("*"))] if path.exists() else []:
        stat = one.stat()
        content = one.read_bytes() if one.is_file() else b""
        found[str(one.relative_to(path))] = content, stat.st_mode, stat.st_mtime_ns
    return found


def place(path: str, folder: Path) -> str:
    """Return what a path is about: a key of the names that a message has to have."""
    if path.startswith("/dev/shm"):
        return "shm"
    inside = path.removeprefix(f"{folder}/")
    first = re.match(r"\.?(kept|bad|out|temp|tmp|stdout|said)\b", inside)
    return first[1] if first else "folder" if path == str(folder) else "stdout"


def site(call: Call, folder: Path) -> str:
    """Return a path without what chance has put in it: calls at one site do the same."""
    inside = call.path.removeprefix(str(folder)).removesuffix(" (deleted)")
    inside = re.sub(r"pipe:\[\d+\]", "pipe", inside)
    inside = re.sub(_NOTE, "NOTE", inside)
    inside = re.sub(rf"{_TOKEN}|(?<=pymp-)\w{{8}}|(?<=/tmp/)\w{{8}}$", "*", inside)
    return re.sub(r"\d+(?=[^/]*$)", "N", inside) or "/"


def complaints(
    job: Job, fault: Fault, result: Result, old: State, wanted: Result, folder: Path
) -> Iterator[str]:
    """Yield what is wrong with what a run left and said."""
    if result.code is None:
        yield "hangs"
        return
    if result.code < 0:
        yield f"dies of signal {-result.code}"
    yield from _of_files(result, old, wanted)
    yield from _of_litter(job, result, wanted)
    yield from _of_words(fault, result, folder)
    if result.code and result.calls and _harmless(job, fault):
        yield "ends though it could go on"
    if result.code == 2:
        yield "exit code 2, which means usage"


def _of_files(result: Result, old: State, wanted: Result) -> Iterator[str]:
    if result.code == 0:
        if result.state.content() != wanted.state.content() or result.wrote != wanted.wrote:
            yield "exit code 0 with other bytes"
        elif any(_wider(result.state, wanted.state)):
            yield "more people may read the output"
    elif result.state.outputs != old.outputs:
        news = [name for name in old.outputs if result.state.outputs[name] != old.outputs[name]]
        gone = [name for name in news if not result.state.outputs[name]]
        whole = [n for n in news if result.state.content()[n] == wanted.state.content()[n]]
        kind = "lost" if gone else "replaced" if whole == news else "changed"
        pair = ", the other not" * (len(news) < len(old.outputs))
        yield f"exit code {result.code} with the old output {kind}{pair}"


def _wider(found: State, wanted: State) -> Iterator[bool]:
    for name, files in wanted.outputs.items():
        for path, (_, mode, _) in files.items():
            yield bool(found.outputs[name][path][1] & ~mode & 0o7777)


def litter(job: Job, found: State, wanted: State) -> list[str]:
    """Return the names of what was left behind."""
    left = found.names - wanted.names - {*job.outputs, *job.others}
    return sorted(name for name in left if not _PROBE.fullmatch(name))


def excused(result: Result) -> bool:
    """Whether a run could not remove what it left: a call failed that removing takes."""
    return any(
        call.kind == "unlink" or (call.kind in ("open", "close") and _FOLDER.search(call.path))
        for call in result.calls
    )


def _of_litter(job: Job, result: Result, wanted: Result) -> Iterator[str]:
    if (left := litter(job, result.state, wanted.state)) and not excused(result):
        yield f"leaves {re.sub(_TOKEN, '*', ' '.join(left))}"


def _of_words(fault: Fault, result: Result, folder: Path) -> Iterator[str]:
    lines = [line for line in result.said.splitlines() if not _PRINTED.search(line)]
    if "Traceback" in result.said or "internal error" in result.said:
        yield "traceback or internal error"
    elif "Exception ignored" in result.said:
        yield "exception ignored, and said so"
    elif len(lines) > _LINES:
        yield f"says {len(lines)} lines"
    elif result.code and not result.said:
        yield "fails without a word"
    elif result.code and result.calls:
        # Which of the calls that failed it could not go on without, is its own affair.
        places = dict.fromkeys(place(call.path, folder) for call in result.calls)
        names = [_LIMIT] if fault.error == "EMFILE" else map(_NAMES.__getitem__, places)
        if not re.search("|".join(names), result.said.replace(str(folder), "RUN")):
            yield f"does not name {' or '.join(places)}"


def _harmless(job: Job, fault: Fault) -> bool:
    if fault.error in ONCE:
        return True
    if fault.kind == "lock" and job.locks:
        return False
    return fault.kind == "statvfs" or (fault.kind in _OPTIONAL and fault.error in NEVER_THERE)
