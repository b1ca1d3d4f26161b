"""parapply: run a Python function over every row of a table, on all cores, from the shell.

The library does everything the command does, and neither prints nor exits:

    >>> from parapply import Job, run
    >>> report = run(Job(function="features.py:distance", inputs=("trips.csv",), output="out.csv"))

`apply(frame, function)` does the same for a DataFrame already in memory.
"""

TYPE_CHECKING = (
    False  # typing's own would be imported before the command has left `python -m`'s path
)
if TYPE_CHECKING:
    from typing import Any

    from parapply.engine import Progress, run
    from parapply.errors import ParapplyError
    from parapply.job import Job, Report
    from parapply.library import apply

__version__ = "0.1.0"
__all__ = ["Job", "ParapplyError", "Progress", "Report", "__version__", "apply", "run"]

# Loaded when they are first asked for, so that `parapply --help` imports click alone.
_ROOMS = {
    "Job": "job",
    "ParapplyError": "errors",
    "Progress": "engine",
    "Report": "job",
    "apply": "library",
    "run": "engine",
}


def __getattr__(name: str) -> "Any":
    import importlib

    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
