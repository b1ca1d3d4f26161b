"""A part of the output: a file, or bytes if small, as creating a file outlasts many chunks."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from parapply.model.deferred_imports import pa
from parapply.model.errors import InputError, ParapplyError
from parapply.storage.descriptors import note
from parapply.storage.private import Naming, create, touch

SMALL = 1 << 14  # bytes; smaller parts go to the parent with the outcome


class Part:
    """A part being written: to the file `path`, or to `held` if under `small` bytes."""

    def __init__(self, path: str, small: int = 0) -> None:
        self.path, self._small = path, small
        self.held: bytes | None = None

    def write(self, buffers: Sequence[Any]) -> None:
        if sum(memoryview(buffer).nbytes for buffer in buffers) < self._small:
            self.held = b"".join(buffers)
            return
        with create(self.path) as file:
            file.writelines(buffers)

    def write_table(self, table: pa.Table) -> None:
        """Write an uncompressed Arrow file, which is mapped, read once and deleted."""
        if table.get_total_buffer_size() >= self._small:
            with arrow_file(self.path) as file:
                _write(table, file)
            return
        sink = pa.BufferOutputStream()
        _write(table, sink)
        self.held = sink.getvalue().to_pybytes()


@contextmanager
def arrow_file(path: str) -> Iterator[Any]:
    """Open a pyarrow file for writing; errors of its close get the path and reason Arrow omits."""
    with pa.OSFile(touch(path), "wb") as file:
        note()
        yield file
        try:
            file.close()
        except OSError as error:
            number = error.errno or errno.EIO
            raise OSError(number, os.strerror(number), path) from error


def read_table(part: str | bytes) -> pa.Table:
    """Return the table that `write_table` wrote; raises InputError for other content."""
    with reading(part if isinstance(part, str) else "a part"):
        source = pa.BufferReader(part) if isinstance(part, bytes) else pa.memory_map(part)
        with source as file, pa.ipc.open_file(file) as reader:
            return reader.read_all()


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn errors from reading a run's own file into InputErrors that name it."""
    try:
        with Naming(path):
            yield
    except ParapplyError:
        raise
    except (LookupError, OSError, OverflowError, TypeError, ValueError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:  # Arrow's have none
            raise
        raise InputError(
            f"{path}: it is not what a run keeps there ({error}); --force without --resume "
            "starts afresh"
        ) from error


def _write(table: pa.Table, file: Any) -> None:
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
