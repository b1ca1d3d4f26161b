"""Files of a run's folder that one worker at a time locks; the kernel frees those of the dead.

Each lock that is held has a descriptor of its own, so that threads exclude each other as
processes do.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from parapply.model.errors import SharedFileError
from parapply.storage.locks import let_go, take
from parapply.storage.system_limits import reason

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
LEAST_S, MOST_S = 0.0005, 0.02  # between two looks, where there is nothing to wait on


def path_of(folder: str, kind: str, name: str) -> str:
    """Return the file that stands for a name, whatever characters that has."""
    if not isinstance(name, str):
        raise TypeError(f"worker.{kind}({name!r}): a name is text")
    plain = re.fullmatch(r"[\w-]{1,80}", name, re.ASCII)
    return os.path.join(folder, f"{kind}-{name if plain else '.' + _digest(name)}")


def _digest(name: str) -> str:
    import hashlib

    return hashlib.blake2s(name.encode("utf-8", "surrogatepass")).hexdigest()


def in_loop() -> bool:
    """Whether this thread runs an event loop, which nothing may hold up."""
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None


@contextmanager
def blaming_place(path: str) -> Iterator[None]:
    """Do something with a shared file; what goes wrong is the folder's, and no row's."""
    try:
        yield
    except OSError as error:
        place = os.path.dirname(os.path.dirname(path))  # of the run's folder
        raise SharedFileError(
            f"{place}: {reason(error)}: what workers share cannot be there (TMPDIR=DIR names "
            "another place)"
        ) from error


def try_flock(path: str) -> int | None:
    """Return a descriptor that holds the lock of a file, or None where another one has it."""
    with blaming_place(path):
        descriptor = os.open(path, _FLAGS, 0o600)
        if _locked(descriptor, wait=False):
            return descriptor
    let_go(descriptor)
    return None


def _locked(descriptor: int, *, wait: bool) -> bool:
    """Take a lock, and say whether it was free; it is closed where that goes wrong."""
    try:
        return take(descriptor, wait=wait)
    except BaseException:
        let_go(descriptor)
        raise


def flock(path: str, until: float | None = None) -> int | None:
    """Wait for the lock of a file; return a descriptor that holds it, or None after `until`."""
    if until is None:
        with blaming_place(path):
            descriptor = os.open(path, _FLAGS, 0o600)
            _locked(descriptor, wait=True)
        return descriptor
    pause = LEAST_S
    while (found := try_flock(path)) is None and time.monotonic() < until:
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(pause * 2, MOST_S)
    return found
