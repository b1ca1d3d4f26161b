"""The table of file systems, by URL scheme. In all processes."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from parapply.model.deferred_imports import pa
from parapply.storage.api import FileSystem, LocalFiles

FILE_SYSTEMS = {"": "parapply.storage.local:LocalFileSystem"}


def file_system_of(url: str) -> FileSystem:
    """Return a URL's file system: the local one for schemes without a row."""
    scheme, mark, _ = url.partition("://")
    return _loaded(FILE_SYSTEMS[scheme if mark and scheme in FILE_SYSTEMS else ""])


def kind_of(url: str) -> str | None:
    """Return FILE, FOLDER, PIPE or DEVICE; None where stat fails."""
    try:
        return file_system_of(url).stat(url).kind
    except (OSError, ValueError):  # ValueError: not a valid name
        return None


def readable_by_arrow(url: str) -> Any:
    """Return what Arrow can open: a local path, else an open file."""
    system = file_system_of(url)
    return system.path(url) if isinstance(system, LocalFiles) else system.open(url)


def mapped(url: str) -> Any:
    """Return a pyarrow file, memory-mapped if it is local."""
    found = readable_by_arrow(url)
    return pa.memory_map(found) if isinstance(found, str) else pa.PythonFile(found, "r")


@cache
def _loaded(place: str) -> FileSystem:
    module, _, name = place.partition(":")
    system: FileSystem = getattr(importlib.import_module(module), name)()
    return system
