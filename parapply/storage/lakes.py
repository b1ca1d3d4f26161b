"""Tables of Delta Lake, Iceberg and Hudi, where a log says which files count. In the parent.

Read as plain files they bring back deleted rows; part files written into them destroy them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from parapply.model.errors import UsageError
from parapply.model.records import record
from parapply.storage.registry import file_system_of


@record
class _Kind:
    name: str
    log: str  # the log's folder
    holds: Callable[[str], bool]  # whether a file of this name in `log` proves the kind
    way: str  # to write the live rows: `table` is the folder, `newest` the log's last file


_PYTHON = "python -c \"{}; import pyarrow.parquet as p; p.write_table({}.to_{}(), 'live.parquet')\""
_KINDS = (
    _Kind(
        "a Delta Lake table", "_delta_log", lambda name: name.endswith((".json", ".parquet")),
        _PYTHON.format(
            "from deltalake import DeltaTable as T", "T('{table}')", "pyarrow_table"
        ),
    ),
    _Kind(
        "an Iceberg table", "metadata", lambda name: ".metadata.json" in name,
        _PYTHON.format(
            "from pyiceberg.table import StaticTable as T",
            "T.from_metadata('{newest}').scan()", "arrow",
        ),
    ),
    _Kind(
        "a Hudi table", ".hoodie", lambda _: True,
        "spark.read.format('hudi').load('{table}').write.parquet('live')",
    ),
)  # fmt: skip


def check_input(folder: str) -> None:
    """Raise UsageError for a folder that is such a table."""
    if (kind := _kind(folder)) is not None:
        _refuse(folder, folder, kind)


def check_inside(folder: str) -> None:
    """Raise UsageError for a folder that is in such a table."""
    for outer in _around(folder):
        if (kind := _kind(outer)) is not None:
            _refuse(folder, outer, kind)


def check_output(folder: str | os.PathLike[str]) -> None:
    """Raise UsageError for a folder that is such a table, or in one."""
    path = os.path.realpath(folder)
    for outer in (path, *_around(path)):
        if (kind := _kind(outer)) is not None:
            inside = "is" if outer == path else f"is in {outer},"
            raise UsageError(
                f"{os.fspath(folder)} {inside} {kind.name}, which a folder of part files would "
                "destroy: name another output, and add it to the table with what wrote that"
            )


def _refuse(folder: str, table: str, kind: _Kind) -> None:
    inside = "is" if folder == table else f"is in {table},"
    log = os.path.join(table, kind.log)
    newest = os.path.join(log, max(filter(kind.holds, _names(log)), key=_number))
    way = kind.way.format(table=table, newest=newest)
    raise UsageError(
        f"{folder} {inside} {kind.name}, whose files hold rows that were deleted or changed since: "
        f"write the live ones first, {way}, or name the files if you mean them"
    )


def _number(name: str) -> int:
    found = re.search(r"\d+", name)
    return int(found[0]) if found else -1


def _around(folder: str) -> Iterator[str]:
    """Yield a folder's parents, the nearest first."""
    path = file_system_of(folder).resolve(folder)
    while (outer := os.path.dirname(path)) != path:
        yield outer
        path = outer


def _kind(folder: str) -> _Kind | None:
    logs = ((kind, _names(os.path.join(folder, kind.log))) for kind in _KINDS)
    return next((kind for kind, names in logs if any(map(kind.holds, names))), None)


def _names(folder: str) -> list[str]:
    """Return the names in a folder; none if it is missing or unreadable."""
    every = file_system_of(folder).walk(folder)
    return next(([*folders, *files] for _, folders, files in every), [])
