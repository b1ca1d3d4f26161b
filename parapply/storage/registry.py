"""Which file systems there are: a row of a table each, by the scheme of URLs. In all processes."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from parapply.model.deferred_imports import pa
from parapply.storage.api import FileSystem, LocalFiles

FILE_SYSTEMS = {"": "parapply.storage.local:LocalFileSystem"}


def file_system_of(url: str) -> FileSystem:
    """Return where a file is; a name whose scheme has no row is a path of this host."""
    scheme, mark, _ = url.partition("://")
    return _loaded(FILE_SYSTEMS[scheme if mark and scheme in FILE_SYSTEMS else ""])


def kind_of(url: str) -> str | None:
    """Return FILE, FOLDER, PIPE or DEVICE; None where nothing is there that can be looked at."""
    try:
        return file_system_of(url).stat(url).kind
    except (OSError, ValueError):  # no name, either
        return None


def readable_by_arrow(url: str) -> Any:
    """Return what Arrow opens: the path of a file on this host, else a file that is open."""
    system = file_system_of(url)
    return system.path(url) if isinstance(system, LocalFiles) else system.open(url)


def mapped(url: str) -> Any:
    """Return a file of Arrow's, which is mapped into memory where it is on this host."""
    found = readable_by_arrow(url)
    return pa.memory_map(found) if isinstance(found, str) else pa.PythonFile(found, "r")


@cache
def _loaded(place: str) -> FileSystem:
    module, _, name = place.partition(":")
    system: FileSystem = getattr(importlib.import_module(module), name)()
    return system
