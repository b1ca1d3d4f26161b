"""Which file systems there are: a row of a table each, by the scheme of URLs. In all processes."""

from __future__ import annotations

import importlib
from functools import cache

from parapply.storage.api import FileSystem

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


@cache
def _loaded(place: str) -> FileSystem:
    module, _, name = place.partition(":")
    system: FileSystem = getattr(importlib.import_module(module), name)()
    return system
