"""Files as Arrow's readers take them, from whatever file system. In all processes."""

from __future__ import annotations

from typing import Any

from parapply.model.deferred_imports import pa
from parapply.storage.api import LocalFiles
from parapply.storage.registry import file_system_of


def readable_by_arrow(url: str) -> Any:
    """Return what Arrow opens: the path of a file on this host, else a file that is open."""
    system = file_system_of(url)
    return system.path(url) if isinstance(system, LocalFiles) else system.open(url)


def mapped(url: str) -> Any:
    """Return a file of Arrow's, which is mapped into memory where it is on this host."""
    found = readable_by_arrow(url)
    return pa.memory_map(found) if isinstance(found, str) else pa.PythonFile(found, "r")
