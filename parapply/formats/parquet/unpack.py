"""Large Parquet row groups, decoded once for all chunks that are cut from them. In workers.

The first worker that needs a group writes its columns to an uncompressed Arrow file, which all map
into memory. Others wait for a lock, which its owner's death releases; without locks each may write
a file of its own until complete. Files of earlier groups are removed, so that only a few exist.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence

import pyarrow as pa

from parapply.formats.parquet.file import ParquetFile
from parapply.storage import locks
from parapply.storage.part import arrow_file
from parapply.storage.private import create
from parapply.storage.registry import mapped

_BATCH_ROWS = 1 << 16
_KEPT = 3  # groups whose files may still be needed, as chunks are processed in order


def unpacked(
    file: ParquetFile, group: int, columns: Sequence[str], folder: str, name: str
) -> pa.Table:
    """Return columns of a row group, mapped from a file in `folder` that is written once.

    `name` identifies this Parquet file and set of columns in the folder.
    """
    path = os.path.join(folder, f"{name}.{group}")
    with create(f"{path}.lock") as lock:
        with contextlib.suppress(OSError):
            locks.take(lock.fileno(), wait=True)
        if not os.path.exists(path):
            _write(file, group, columns, part := f"{path}.{threading.get_native_id()}")
            os.replace(part, path)
            _remove(os.path.join(folder, f"{name}.{group - _KEPT}"))
        with mapped(path) as source, pa.ipc.open_stream(source) as reader:
            return reader.read_all()


def _write(file: ParquetFile, group: int, columns: Sequence[str], path: str) -> None:
    batches = file.iter_batches(_BATCH_ROWS, [group], columns)
    first = next(batches)
    # As a stream, not as a file: dictionaries may differ from batch to batch.
    with arrow_file(path) as sink, pa.ipc.new_stream(sink, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _remove(path: str) -> None:
    for name in (path, f"{path}.lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
