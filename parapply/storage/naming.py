"""Errors of reading and writing, which do not say of which file. In the parent and in workers."""

from __future__ import annotations

import os


class Naming:
    """While open, errors name the file, which those of read(2) and write(2) do not."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), self._path) from error
