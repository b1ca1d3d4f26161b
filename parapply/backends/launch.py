"""How worker processes come about: by which method, and undisturbed. In the parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import forkserver, resource_tracker, util
from typing import Any

from parapply.backends.worker_process import STOPS
from parapply.functions import import_paths
from parapply.model.errors import WorkerError
from parapply.storage.atomic.staging import Staging
from parapply.storage.system_limits import met

# By process id, as a forked copy of this process needs one of its own: the pipe whose write end
# is open in the parent alone, so that it ends when the parent does. One serves all pools: with one
# each, the workers of two pools would inherit each other's and keep it open.
_lifelines: dict[int, tuple[Any, Any]] = {}
_LAST = -100  # as multiprocessing has it, after all who have something in it
_LONGEST = 60  # bytes: of a socket's whole name systems allow 103 at least
_starting = threading.RLock()  # the pools of two runs may start interpreters at once


def safest_method() -> str:
    """Return the start method that is safe in this process: fork is where it has one thread."""
    methods = multiprocessing.get_all_start_methods()
    if "fork" in methods and threading.active_count() == 1:
        return "fork"
    return "forkserver" if "forkserver" in methods else "spawn"


def lifeline() -> tuple[Any, Any]:
    """Return the ends of the pipe that tells workers, by its end, that this process has ended."""
    ends = _lifelines.get(os.getpid())  # setdefault: two threads may come here at once
    return ends or _lifelines.setdefault(os.getpid(), multiprocessing.Pipe(duplex=False))


def start_helpers(method: str) -> None:
    """Start the processes that multiprocessing has for itself, while no signal is blocked.

    Only for the tracker SIGHUP is: it heeds no other signal, and has to outlive its users.
    """
    before = signal.pthread_sigmask(signal.SIG_SETMASK, (signal.SIGHUP,))
    try:
        with _on_safe_path():
            resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if method == "forkserver":
        place = _socket_place()
        try:
            _make_socket_folder(place)
            with _unblocked(), _on_safe_path():  # it hears of its children's ends by a signal
                forkserver.ensure_running()
        except OSError as error:  # its socket's path may be too long
            if limit := met(error):
                raise WorkerError(f"the forkserver cannot be started: {limit}") from error
            raise WorkerError(
                f"the forkserver cannot be started in {place}: {error.strerror or error}; "
                "another TMPDIR, or --start-method, would do"
            ) from error


def _make_socket_folder(place: str) -> None:
    """Have multiprocessing put the forkserver's socket into a folder of ours.

    Its own stays when a signal ends this process, and where it cannot be removed, a traceback of
    that is all that it says. Only a private name tells it of another.
    """
    config: Any = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is None:
        staging = Staging(place, "parapply-")
        config["tempdir"] = staging.make()
        util.Finalize(None, staging.remove, exitpriority=_LAST)


def _socket_place() -> str:
    """Return the folder for temporary files; another where a socket's name would be too long."""
    place = tempfile.gettempdir()
    return place if len(os.fsencode(place)) <= _LONGEST or not os.path.isdir("/tmp") else "/tmp"


@contextmanager
def _unblocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _on_safe_path() -> Iterator[None]:
    """Have interpreters that multiprocessing starts search neither this folder nor a person's.

    They are started with -c, which has the working folder searched first, so that a copy.py in it
    would be imported. What they are started with is known to a private function only: the
    environment would be handed on to what the person's functions start, and -E has it not read.
    """
    with _starting:
        usual: Any = util._args_from_interpreter_flags  # type: ignore[attr-defined]
        safe = [] if sys.flags.safe_path else ["-P"]
        util._args_from_interpreter_flags = lambda: [*usual(), *safe]  # type: ignore[attr-defined]
        try:
            with import_paths.left_out():
                yield
        finally:
            util._args_from_interpreter_flags = usual  # type: ignore[attr-defined]


@contextmanager
def undisturbed(method: str) -> Iterator[None]:
    """Start a process out of reach of signals until it is ready for them, and warn of nothing.

    Python 3.12+ warns of fork where there are threads, as the Pool has: it is forked for a
    start of our own, which takes no lock.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        with warnings.catch_warnings(), nullcontext() if method == "fork" else _on_safe_path():
            warnings.filterwarnings("ignore", "This process .* multi-threaded", DeprecationWarning)
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
