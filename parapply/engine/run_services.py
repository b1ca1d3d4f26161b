"""The run's folder for what workers share, and what the parent does with it. In the parent.

The folder is a local one, wherever the output is written: locks over a network know nothing of
threads, and are slow. It goes when the run ends.
"""

from __future__ import annotations

import glob
import os
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from parapply.model.errors import OutputError, RowError, WorkerError
from parapply.model.events import Event, Progress
from parapply.runtime.context import RunInfo, aside
from parapply.runtime.local_store import LocalStore
from parapply.runtime.stops import is_stopped
from parapply.storage.atomic.places import temporary_place
from parapply.storage.atomic.staging import Staging, sweep
from parapply.storage.system_limits import reason

if TYPE_CHECKING:
    from parapply.functions.hooks import Hook
    from parapply.model.job import Job
    from parapply.runtime.messages import Mailbox

_TURN_S = 0.05  # for messages, before the run goes on


class RunServices:
    """What a run's workers have in common; use it as a context."""

    def __init__(self, job: Job) -> None:
        self.init = _hook("--init", job.init)
        self._handler = _hook("--on-message", job.on_message, 2)
        self._log_file, self._shares = job.log_file, dict[str, Any]()
        if job.share:
            from parapply.engine import shares

            self._shares = shares.check(job.share)
        for hook in (self.init, self._handler):
            if hook is not None:
                hook.check()

    def __enter__(self) -> RunServices:
        if self._log_file is not None:
            self._log_file = _check_log(self._log_file)
        place = _local_place()
        sweep(place, "parapply-")
        self._staging = Staging(place, "parapply-")
        try:
            self.folder = self._staging.make()
        except OSError as error:
            raise OutputError(
                f"no folder for what workers share: cannot write in {place} (TMPDIR=DIR names "
                f"another): {reason(error)}"
            ) from error
        self._mailbox: Mailbox | None = None
        self._handle: Callable[..., Any] | None = None
        return self

    def __exit__(self, *exception: object) -> None:
        if self._shares:
            from parapply.runtime.mapped import shared

            shared.forget(self.folder)
        self._staging.remove()

    def place(self, workers: int) -> RunInfo:
        """Return what is sent to each worker as it starts."""
        names = tuple(self._shares)
        store = LocalStore(self.folder)
        return RunInfo(
            self.folder, store, workers, self._handler is not None, self._log_file, names
        )

    def share(self, start_method: str | None) -> None:
        """Load what is to be shared, before there are workers. Raises ParapplyError."""
        if self._shares:
            from parapply.engine import shares

            shares.load_all(self._shares, self.folder, start_method)

    def before_fork(self) -> None:
        """Load what is shared once more, for workers that are forked: they have it then."""
        if self._shares:
            from parapply.runtime.mapped import shared

            shared.preload(self.folder, self._shares)

    def on(self, event: Event) -> None:
        """Take messages now and then: a Listener."""
        if isinstance(event, Progress):
            self.take_messages(_TURN_S)

    def take_messages(self, most_s: float | None = None) -> None:
        """Hand on what has come, for so long. Raises RowError where the handler raises."""
        if self._handler is None:
            return
        with aside():
            self._hand_on(self._handler, None if most_s is None else time.monotonic() + most_s)

    def _hand_on(self, handler: Hook, until: float | None) -> None:
        if self._mailbox is None:
            from parapply.runtime.messages import Mailbox

            self._handle, self._mailbox = handler.load(), Mailbox(self.folder)
        assert self._handle is not None
        for name, value in self._arrived(self._mailbox):
            handler.guard(self._handle, name, value)
            if until is not None and time.monotonic() > until:
                return

    def finish(self) -> tuple[dict[str, int], dict[str, float]]:
        """Take the last messages, all workers having left; return their counts and gauges.

        Raises RowError where `close()` of a class failed in one of them, or the handler's.
        """
        self._check_leavers()
        self.take_messages()
        if (close := getattr(self._handle, "close", None)) is not None and self._handler:
            self._handler.guard(close)
        if not any(name.startswith("count-") for name in os.listdir(self.folder)):
            return {}, {}
        from parapply.runtime.counts import tally

        found = tally(self.folder)
        return found.counts, found.gauges

    def stopped(self) -> bool:
        """Whether a function has asked for the end."""
        return is_stopped(self.folder)

    @staticmethod
    def _arrived(mailbox: Mailbox) -> Iterator[tuple[str, Any]]:
        try:
            yield from mailbox.take()
        except (pickle.UnpicklingError, AttributeError, ImportError) as error:
            raise WorkerError(f"a message of worker.put() cannot be read: {error}") from error

    def _check_leavers(self) -> None:
        for path in glob.glob(os.path.join(glob.escape(self.folder), "leaving-*")):
            with open(path, "rb") as file:
                content = file.read()
            if not content:
                raise WorkerError("a worker was ended before close() of its function returned")
            with suppress(pickle.UnpicklingError, EOFError):
                error: RowError = pickle.loads(content)
                raise error


def _hook(option: str, named: Any, parameters: int = 0) -> Hook | None:
    if named is None:
        return None
    from parapply.functions.hooks import Hook

    return Hook(option, named, parameters)


def _local_place() -> str:
    """Return where to make the folder; without tempfile, whose import costs milliseconds."""
    for place in (os.environ.get("TMPDIR"), "/tmp"):
        if place and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK):
            return os.path.realpath(place)
    return temporary_place(None)


def _check_log(path: str) -> str:
    try:
        with open(path, "a", encoding="utf-8"):
            return os.path.abspath(path)
    except OSError as error:
        raise OutputError(f"--log-file {path}: {reason(error)}") from error
