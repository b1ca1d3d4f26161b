"""Files in a run's folder that workers lock; the kernel frees the locks of dead ones.

Each held lock has its own descriptor, so that threads exclude each other as processes do.
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
LEAST_S, MOST_S = 0.0005, 0.02  # between polls


def path_of(folder: str, kind: str, name: str) -> str:
    """Return the path of a name's file; names that make no file name are hashed."""
    if not isinstance(name, str):
        raise TypeError(f"worker.{kind}({name!r}): a name is text")
    if not re.fullmatch(r"[\w-]{1,80}", name, re.ASCII):
        import hashlib

        name = "." + hashlib.blake2s(name.encode("utf-8", "surrogatepass")).hexdigest()
    return os.path.join(folder, f"{kind}-{name}")


def in_loop() -> bool:
    """Whether this thread runs an event loop, which must not block."""
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None


@contextmanager
def blaming_place(path: str) -> Iterator[None]:
    """Turn OSErrors of a shared file into SharedFileErrors, which are no row's failure."""
    try:
        yield
    except OSError as error:
        place = os.path.dirname(os.path.dirname(path))  # of the run's folder
        raise SharedFileError(
            f"{place}: {reason(error)}: what workers share cannot be there (TMPDIR=DIR names "
            "another place)"
        ) from error


def try_flock(path: str) -> int | None:
    """Return a descriptor that holds a file's lock; None where it is held already."""
    with blaming_place(path):
        descriptor = os.open(path, _FLAGS, 0o600)
        if _locked(descriptor, wait=False):
            return descriptor
    let_go(descriptor)
    return None


def _locked(descriptor: int, *, wait: bool) -> bool:
    """Take a lock; whether it was free. On errors the descriptor is closed."""
    try:
        return take(descriptor, wait=wait)
    except BaseException:
        let_go(descriptor)
        raise


def flock(path: str, until: float | None = None) -> int | None:
    """Wait for a file's lock; return a descriptor that holds it, or None after `until`."""
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
