"""Errors of writing, which do not say what was written to. In the parent and in workers."""

from __future__ import annotations

import os


class Writing:
    """While open, errors name the file, which those of write(2) do not by themselves."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), self._path) from error
