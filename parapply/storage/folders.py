"""The files that a name on the command line means: one, or all in a folder. In the parent."""

from __future__ import annotations

import os
from collections.abc import Iterator

from parapply.model.errors import UsageError
from parapply.storage.api import FILE, FOLDER
from parapply.storage.registry import file_system_of


def files_of(path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, path within the folder) of a file, or of a folder's files, sorted.

    Names beginning with `.` or `_` are left out, as by all dataset readers. Raises UsageError for
    a missing file and for tables with a log (lakes.py).
    """
    try:
        system = file_system_of(path)
        kind = system.stat(path).kind
        if kind == FILE:
            system.open(path).close()
        if kind != FOLDER:
            yield path, ""
            return
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    from parapply.storage.lakes import check_input, check_inside

    check_inside(path)
    found = []
    for folder, folders, names in system.walk(path):
        check_input(folder)
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        found += [os.path.join(folder, n) for n in names if not n.startswith((".", "_"))]
    if not found:
        raise UsageError(f"{path} is a folder without a file in it")
    for name in sorted(found):
        yield name, os.path.relpath(name, path)
