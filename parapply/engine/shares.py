"""--share: loads each table or object once, for all workers. In the parent and another process.

The parent reads no table itself: it would hold what that takes as long as it lives, and could not
fork any more. Text is read by another parapply, which gives it the types that functions see.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from parapply.backends import registry as backends
from parapply.backends.api import PoolConfig
from parapply.columns.duplicates import check_unique
from parapply.functions.find import is_reference
from parapply.functions.hooks import Hook
from parapply.model.deferred_imports import pa
from parapply.model.errors import (
    AmbiguousColumnError,
    InputError,
    OutputError,
    ParapplyError,
    UsageError,
    WorkerError,
)
from parapply.model.records import record
from parapply.runtime.allocation import keep_nothing
from parapply.storage import pipes
from parapply.storage.api import FILE
from parapply.storage.registry import kind_of, mapped, readable_by_arrow
from parapply.storage.system_limits import met


@record
class Load:
    """Loads one thing, in a process of its own, and stores it in the run's folder."""

    folder: str

    def __call__(
        self, item: tuple[str, str | Hook], advance: Callable[[int], None]
    ) -> ParapplyError | None:
        """Load; return what went wrong, if anything."""
        del advance
        name, source = item
        try:
            if isinstance(source, Hook):
                store(self.folder, name, source.call(), f"{source.name}: what it returns")
            else:
                store(self.folder, name, _read(name, source), f"--share {name}={source}: it")
        except ParapplyError as error:
            return error
        return None


def check(shares: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be shared: a path, a Hook or an object by name.

    Raises UsageError for what is neither a file nor a function.
    """
    return {name: _source(name, value) for name, value in shares.items()}


def _source(name: str, value: Any) -> Any:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        if kind_of(value) is not None:
            return value
        if not is_reference(value):
            raise UsageError(f"--share {name}={value}: no such file, and no file.py:NAME")
    elif not callable(value):
        return value
    hook = Hook(f"--share {name}=", value)
    hook.check()
    return hook


def load_all(sources: Mapping[str, Any], folder: str, start_method: str | None) -> None:
    """Store all of them in the run's folder; raises ParapplyError naming the one that fails."""
    items: list[tuple[str, str | Hook]] = []
    for name, source in sources.items():
        if isinstance(source, str):
            items.append((name, _as_frame_file(name, source, folder)))
        elif isinstance(source, Hook):
            items.append((name, source))
        else:
            store(folder, name, source, f"share {name!r}: it")
    if not items:
        return
    if any(isinstance(source, str) for _, source in items):
        import pandas  # noqa: F401  once, before processes are forked that all need it
    with backends.load("processes").open(PoolConfig(1, _nothing, start_method)) as session:
        for done in session.run(Load(folder), iter(items)):
            if done.lost is not None:
                raise WorkerError(f"--share {done.item[0]}: the process that loads it {done.lost}")
            if done.result is not None:
                raise done.result
    for _, source in items:
        if isinstance(source, str) and os.path.dirname(source) == folder:
            os.unlink(source)


def _nothing() -> None: ...


def store(folder: str, name: str, thing: object, what: str) -> None:
    """Store an object in the run's folder; raises InputError for `what` that cannot be pickled."""
    from parapply.runtime import mapped

    try:
        mapped.store(folder, name, thing)
    except OSError as error:
        raise OutputError(f"{what} cannot be written in {folder}: {error.strerror}") from error
    except Exception as error:
        raise InputError(f"{what} cannot be pickled: {error}") from error


def _read(name: str, path: str) -> Any:
    """Return a table as a DataFrame; each column of the file's is freed when it is converted."""
    keep_nothing()
    try:
        return _READ[os.path.splitext(path)[1]](path).to_pandas(self_destruct=True)
    except AmbiguousColumnError as error:
        raise InputError(f"--share {name}={path}: {error}") from error
    except (OSError, pa.ArrowException) as error:
        said = met(error) or str(error).partition("\n")[0]
        raise InputError(f"--share {name}={path}: it cannot be read: {said}") from error


def _read_parquet(path: str) -> Any:
    from pyarrow.parquet import ParquetFile, read_table

    with ParquetFile(readable_by_arrow(path)) as file:
        check_unique(file.schema_arrow.names)
        old = any(file.schema.column(p).physical_type == "INT96" for p in range(len(file.schema)))
    usual = {"partitioning": None, "pre_buffer": False}  # not all of the file at once
    table = read_table(readable_by_arrow(path), **usual)
    if not old:
        return table
    wide = read_table(readable_by_arrow(path), coerce_int96_timestamp_unit="us", **usual)
    for place, name in enumerate(wide.column_names):
        if _is_beyond(table[name], wide[name]):
            table = table.set_column(place, name, wide[name])
    return table


def _is_beyond(fine: Any, wide: Any) -> bool:
    """Whether nanoseconds do not hold a column's moments, which microseconds do."""
    return bool(fine.type != wide.type and not fine.cast(wide.type, safe=False).equals(wide))


def _read_arrow(path: str) -> Any:
    with mapped(path) as file:  # what is not compressed is not copied
        reader = pa.ipc.open_file(file, memory_pool=pa.default_memory_pool())
        check_unique(reader.schema.names)
        return reader.read_all()


_READ = {".parquet": _read_parquet, ".arrow": _read_arrow, ".feather": _read_arrow}


# With -m, or without -P, the working folder would be searched first.
_START = "import sys; sys.path.append(sys.argv.pop(1)); from parapply.__main__ import main; main()"


def _as_frame_file(name: str, path: str, folder: str) -> str:
    """Return a file that pandas reads with the types that functions see: it, or a copy of it."""
    import subprocess

    if os.path.splitext(path)[1] in _READ and kind_of(path) == FILE:
        return path
    copy = os.path.join(folder, f"share.{len(os.listdir(folder))}.arrow")
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    command = [sys.executable, "-P", "-c", _START, home]
    command += ["-q", "--filter", "-e", "True", path, "-o", copy]
    number = pipes.descriptor_of(path)  # <(...): what that is, it is in this process
    done = subprocess.run(
        command, stdin=None if number == 0 else subprocess.DEVNULL,
        pass_fds=(number,) if number else (), capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        with suppress(ValueError):
            said = said[said.index("error: ") + 7 :]
        said = said.partition("\n")[0].removeprefix(f"{copy}: ")
        raise InputError(f"--share {name}={path}: {said}")
    return copy
