"""The file of --errors-to: rows that were set aside, in order. In the parent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType

from parapply.aside import COLUMNS, arrangement
from parapply.errors import OutputError
from parapply.formats import Field, Joiner, Keep, Target
from parapply.job import Job
from parapply.output import Output


class Errors:
    """A second output, which is published with the first; use it as a context."""

    def __init__(self, job: Job, stdout: int) -> None:
        assert job.errors_to is not None
        self._output = Output(job.errors_to, stdout)
        self._joiner: Joiner | None = None

    def __enter__(self) -> Errors:
        self._output.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._joiner is not None:
            self._joiner.abandon()
        self._output.__exit__(kind, error, trace)

    def begin(self, target: Target, fields: Sequence[Field]) -> None:
        """Start the file: its columns are known beforehand."""
        columns = arrangement(fields)
        types = [
            fields[column.position].type if isinstance(column, Keep) else COLUMNS[column.name]
            for column in columns
        ]
        self._joiner = target.joiner()
        with self._said():
            self._joiner.begin(self._output.open(), columns, types)

    def append(self, path: str, *, keeps: bool) -> None:
        """Add the next part, and remove it unless it is kept."""
        assert self._joiner is not None
        with self._said():
            self._joiner.append(path)
        if not keeps:
            os.unlink(path)

    def publish(self) -> None:
        """Complete the file and make it visible."""
        assert self._joiner is not None
        with self._said():
            self._joiner.finish()
            self._joiner = None
            self._output.publish()

    def _said(self) -> _Said:
        return _Said(self._output.name)


class _Said:
    """Says which of the two outputs could not be written."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise OutputError(f"{error.filename or self.name}: {error.strerror}") from error
