"""parapply: run a Python function over every row of a table, on all cores, from the shell.

The library does everything the command does, and neither prints nor exits:

    >>> from parapply import Job, run
    >>> report = run(Job(function="features.py:distance", inputs=("trips.csv",), output="out.csv"))

`apply(frame, function)` does the same for a DataFrame already in memory.
"""

from parapply.model.version import __version__

TYPE_CHECKING = (
    False  # typing's own would be imported before the command has left `python -m`'s path
)
if TYPE_CHECKING:
    from typing import Any

    from parapply.engine.in_memory import apply
    from parapply.engine.run import run
    from parapply.functions.group import Group
    from parapply.model.errors import ParapplyError
    from parapply.model.events import Progress
    from parapply.model.job import Job
    from parapply.model.report import Report

__all__ = ["Group", "Job", "ParapplyError", "Progress", "Report", "__version__", "apply", "run"]

# Loaded when they are first asked for, so that `parapply --help` imports click alone.
_PLACES = {
    "Group": "functions.group",
    "Job": "model.job",
    "ParapplyError": "model.errors",
    "Progress": "model.events",
    "Report": "model.report",
    "apply": "engine.in_memory",
    "run": "engine.run",
}


def __getattr__(name: str) -> "Any":
    import importlib

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
