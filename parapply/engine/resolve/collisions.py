"""Whether a job writes where it reads, or twice: told before anything is read. In the parent.

Files are compared by what they are, not by what they are called: through links, other spellings
and hard links. (`-o` alone may name an input, which is replaced when all of it has been read.)
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations
from typing import Any

from parapply.model.errors import UsageError
from parapply.model.job import Job
from parapply.model.records import record
from parapply.storage.api import DEVICE, FOLDER, FileState, LocalFiles
from parapply.storage.atomic.output import STDOUT, is_folder
from parapply.storage.local import state_of
from parapply.storage.registry import file_system_of

_UNREAD = (".", "_")  # names of files in an input folder that begin so are left out


@record
class Spot:
    """Where something is, or will be."""

    name: str  # as the person wrote it
    real: str
    status: FileState | None  # None: nothing is there yet

    def is_same(self, other: Spot) -> bool:
        """Whether both are one file."""
        if self.status is not None and other.status is not None:
            return self.status.identity == other.status.identity
        return self.status is other.status and _is_same_name(self.real, other.real)

    def is_in(self, folder: Spot) -> bool:
        """Whether it is that folder, or in it."""
        if self.is_same(folder):
            return True
        above, path = os.path.dirname(self.real), self.real
        while above != path:
            if _spot(above).is_same(folder):
                return True
            above, path = os.path.dirname(above), above
        return False


def check_places(job: Job, stdout: int) -> None:
    """Raise UsageError for a file that a job would write over, or into, by its options."""
    written = dict(_written(job, stdout))
    for (option, spot), (other, taken) in combinations(reversed(written.items()), 2):
        if spot.is_same(taken):
            what = "the output goes" if other == "-o" else f"{other} goes"
            raise _refused(option, spot, f"that is where {what}")
    for option, spot in written.items():
        _check_read(option, spot, job)
    _check_folders(job, written)


def _check_read(option: str, spot: Spot, job: Job) -> None:
    if spot.status is not None:
        for what, path in _run(job):
            if spot.is_same(_spot(path)):
                raise _refused(option, spot, f"that is the file of {what}")
    if option == "-o":
        return
    for name, source in job.share.items():
        if isinstance(source, (str, os.PathLike)):
            shared = _spot(os.fspath(source))
            if spot.is_same(shared) or _is_read_with(spot, shared):
                raise _refused(option, spot, f"that is what --share {name} reads")
    for path in job.inputs:
        read = _standard(0, "standard input") if path == "-" else _spot(path)
        if read is not None and spot.is_same(read):
            raise _refused(option, spot, "that is an input")
        if read is not None and _is_read_with(spot, read):
            raise _refused(option, spot, f"that is in the folder {path}, which is an input")


def _is_read_with(spot: Spot, folder: Spot) -> bool:
    """Whether a file is among those that a folder of inputs has, or will be in the next run."""
    if folder.status is None or folder.status.kind != FOLDER or not spot.is_in(folder):
        return False
    inside = os.path.relpath(spot.real, folder.real).split(os.sep)
    return not any(name.startswith(_UNREAD) for name in inside)


def _check_folders(job: Job, written: dict[str, Spot]) -> None:
    kept = None if job.checkpoint is None else _spot(job.checkpoint)
    for option, spot in written.items():
        if kept is not None and spot.is_in(kept):
            raise _refused(option, spot, "that is in the folder of --checkpoint")
    if not is_folder(job.output):
        return
    others = {option: spot for option, spot in written.items() if option != "-o"}
    others |= {"--checkpoint": kept} if kept is not None else {}
    others |= {"--temp-dir": _spot(job.temp_dir)} if job.temp_dir is not None else {}
    for option, spot in others.items():
        if spot.is_in(written["-o"]):
            raise _refused(option, spot, "that is in the folder of the output, which is replaced")


def _refused(option: str, spot: Spot, why: str) -> UsageError:
    return UsageError(f"{option} {spot.name}: {why}; name another place")


def _written(job: Job, stdout: int) -> Iterator[tuple[str, Spot]]:
    """Yield what is written, by its option; not devices, which take whatever comes."""
    named = {"-o": job.output, "--errors-to": job.errors_to, "--log-file": job.log_file}
    for option, path in named.items():
        if path is None:
            continue
        if path in STDOUT and option != "--log-file":
            if (standard := _standard(stdout, path)) is not None:
                yield option, standard
        elif not ((spot := _spot(path)).status and spot.status.kind == DEVICE):
            yield option, spot


def _run(job: Job) -> Iterator[tuple[str, str]]:
    """Yield the files of the functions that the job names, without importing one."""
    named: dict[str, Any] = {
        "the function": job.function, "--init": job.init, "--on-message": job.on_message,
        **{f"--share {name}": source for name, source in job.share.items()},
    }  # fmt: skip
    for what, reference in named.items():
        if isinstance(reference, str):
            for path in _candidates(reference.rpartition(":")[0]):
                yield what, path
        elif callable(reference):
            with suppress(TypeError, OSError):
                yield what, inspect.getsourcefile(_code_of(reference)) or ""


def _candidates(place: str) -> Iterator[str]:
    """Yield where a reference's module may be."""
    if place.endswith(".py") or "/" in place:
        yield place
    elif place:
        for folder in ("", *sys.path):
            base = os.path.join(folder, *place.split("."))
            yield f"{base}.py"
            yield os.path.join(base, "__init__.py")


def _code_of(function: Callable[..., Any]) -> Any:
    function = inspect.unwrap(getattr(function, "func", function))
    return function if inspect.isroutine(function) or inspect.isclass(function) else type(function)


def _spot(path: str) -> Spot:
    system = file_system_of(path)
    try:
        status = system.stat(path)
    except (OSError, ValueError):
        status = None
    return Spot(path, system.resolve(path), status)


def _standard(descriptor: int, name: str) -> Spot | None:
    """Where a standard stream comes from or goes to, by its descriptor."""
    try:
        status = state_of(os.fstat(descriptor))
    except OSError:
        return None
    return Spot(name, f"/dev/fd/{descriptor}", status)


def _is_same_name(one: str, other: str) -> bool:
    """Whether two names, of which there is none yet, are one: where case makes no difference."""
    if one == other or not isinstance(file_system_of(one), LocalFiles):
        return one == other
    (folder, name), (another, twin) = os.path.split(one), os.path.split(other)
    return folder == another and name.casefold() == twin.casefold() and _ignores_case(folder)


def _ignores_case(folder: str) -> bool:
    """Whether names in a folder differ by their case alone; of an empty one that is not known."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if (swapped := name.swapcase()) != name:
                return os.path.lexists(os.path.join(folder, swapped))
    return True
