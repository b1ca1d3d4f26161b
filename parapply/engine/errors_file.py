"""The file of --errors-to: rows that were set aside, in order. In the parent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType

from parapply.execute.failures.quarantine import arrangement
from parapply.formats.api import Joiner, Target
from parapply.formats.nouns import Field
from parapply.model.job import Job
from parapply.storage.atomic.output import Output
from parapply.storage.disk_errors import DiskErrors


class ErrorsFile:
    """A second output, which is published with the first; use it as a context."""

    def __init__(self, job: Job, stdout: int) -> None:
        assert job.errors_to is not None
        self._output = Output(job.errors_to, stdout, clobber=not job.no_clobber)
        self._joiner: Joiner | None = None

    def __enter__(self) -> ErrorsFile:
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

    def begin(
        self, target: Target, fields: Sequence[Field], *, several: bool, grouped: bool
    ) -> None:
        """Start the file: its columns are known beforehand. `several`: there are more inputs."""
        columns, types = arrangement(fields, several=several, grouped=grouped)
        joiner = target.joiner()
        with self._said(), self._output.naming():
            file = self._output.open()
            assert file is not None
            joiner.begin(file, columns, types)
        self._joiner = joiner

    def append(self, path: str, *, keeps: bool) -> None:
        """Add the next part, and remove it unless it is kept."""
        assert self._joiner is not None
        with self._said(), self._output.naming():
            self._joiner.append(path)
        if not keeps:
            os.unlink(path)

    def finish(self) -> Output:
        """Complete the file; return what is to be published."""
        assert self._joiner is not None
        with self._said(), self._output.naming():
            self._joiner.finish()
            self._joiner = None
            self._output.prepare()
        return self._output

    def _said(self) -> DiskErrors:
        option = f"--errors-to {self._output.name}"
        return DiskErrors(self._output, dict.fromkeys(self._output.folders, option), all_=False)
