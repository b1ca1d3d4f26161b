"""Which backends there are: a row of a table each. Nothing else knows them by name."""

from __future__ import annotations

import importlib
from typing import Any

from parapply.backends.api import Backend
from parapply.model.errors import UsageError
from parapply.model.records import record


@record
class BackendSpec:
    """A backend."""

    path: str  # module:Class, a Backend
    extra: str | None = None  # what to install where the room's engine is missing
    processes: bool = False  # its workers are processes: they can be replaced, and limited
    one_interpreter: bool = False  # they are several, and one at a time runs Python


BACKENDS = {
    "processes": BackendSpec("parapply.backends.processes:Processes", processes=True),
    "threads": BackendSpec("parapply.backends.threads:Threads", one_interpreter=True),
    "serial": BackendSpec("parapply.backends.serial:Serial"),
}
AUTO = "processes"


def has_processes(name: str) -> bool:
    """Whether each worker of that backend is a process; raises UsageError as `load` does."""
    return _entry(name).processes


def takes_turns(name: str) -> bool:
    """Whether its workers share one interpreter; raises UsageError as `load` does."""
    return _entry(name).one_interpreter


def load(name: str) -> Backend:
    """Return the backend of that name ("auto" too); raises UsageError for an unknown one."""
    entry = _entry(name)
    module, _, attribute = entry.path.partition(":")
    try:
        backend: Any = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if entry.extra is None:
            raise
        from parapply.model.distribution import to_install

        raise UsageError(f"the backend {name!r} needs more: {to_install(entry.extra)}") from error
    chosen: Backend = backend()
    return chosen


def _entry(name: str) -> BackendSpec:
    if (entry := BACKENDS.get(AUTO if name == "auto" else name)) is None:
        raise UsageError(f"no backend is called {name!r}; there are: {', '.join(BACKENDS)}")
    return entry
