"""Finished parts that outlive the run, and what has been done of a job. In the parent.

A folder that holds `job.json` (what the job was), `journal.jsonl` and `parts/`. Chunks are cut as
they were cut when it was made, whatever the number of workers now, so that its parts fit.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from parapply.engine.checkpoint import place
from parapply.engine.checkpoint.fingerprint import changed, fingerprint, is_fingerprint
from parapply.engine.checkpoint.journal import Journal, Known, checked, loaded, read, unchecked
from parapply.engine.checkpoint.keeping import Resumed
from parapply.engine.inputs.sources import Inputs
from parapply.engine.plan import halve
from parapply.execute.entries import facts, is_count
from parapply.formats.api import Index, Source
from parapply.model.chunk import Chunk
from parapply.model.errors import OutputError, UsageError
from parapply.model.job import Job
from parapply.model.outcome import Outcome
from parapply.model.records import replace
from parapply.storage import durable
from parapply.storage.atomic.exclusive import Exclusive, locked
from parapply.storage.durable import settle
from parapply.storage.system_limits import reason

# Chunks are cut as for so many workers at least: what a run that is cut off was at is lost, and a
# chunk is then a hundredth of all rows at the most.
_WORKERS = 33
_COMMIT_S = 1.0
_MOST_WORKERS = 1 << 20


class Checkpoint:
    """The folder of one job; use it as a context. Held by one run at a time."""

    def __init__(self, job: Job) -> None:
        assert job.checkpoint is not None
        self._job, self._base = job, job.checkpoint
        self.folder = os.path.join(self._base, "parts")
        self._lock = Exclusive(self._path("lock"))
        self._journal: Journal | None = None
        self._known = Known()
        self._waiting: list[Outcome] = []  # done, and not in the journal
        self._due = time.monotonic() + _COMMIT_S

    def __enter__(self) -> Checkpoint:
        place.make(self._base)
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._journal is not None:
            with suppress(OSError):  # a disk that is full has been told of, and this is lost
                self.commit(now=True)
            with suppress(OSError):
                self._journal.close()
        self._lock.drop()

    def _take(self) -> None:
        said = f"--checkpoint {self._base}"
        try:
            rival = self._lock.take()
        except OSError as error:
            raise OutputError(f"{said}: cannot be locked: {reason(error)}") from error
        if rival is not None:
            raise locked(f"{said}: another run is using it", rival, self._lock)

    def begin(self, inputs: Inputs, function: Any, workers: int) -> int:
        """Go on with what is there, or start afresh; return for how many workers chunks are cut.

        Raises UsageError where there is something that this job cannot go on with.
        """
        if inputs.once:
            raise UsageError("--checkpoint needs files: a pipe cannot be read again")
        mine = fingerprint(self._job, inputs.files, function)
        old = self._read()
        if old is None or not self._goes_on(old, mine):
            self._clear()
            old = {"workers": max(workers, _WORKERS), "job": mine}
            durable.write_whole(self._path("job.json"), checked(json.dumps(old)))
        else:
            self._known = read(self._path("journal.jsonl"), self.folder)
            self._sweep()
        self._journal = Journal(self._path("journal.jsonl"))
        return int(old["workers"])

    def left(
        self,
        chunks: Iterator[Chunk],
        indexes: Mapping[int, Index],
        sources: tuple[Source, ...],
        run: Resumed,
    ) -> Iterator[Chunk]:
        """Yield the chunks that are left to do; what is done already is handed to the run."""
        for chunk in chunks:
            outcome = self._known.done.get(chunk.number)
            if outcome is None or not self._fits(chunk, outcome):
                yield from self._undone(chunk, indexes, sources, run)
            elif self._job.retry_failed and outcome.failures.rows:
                yield replace(chunk, before=None if outcome.returned.shape == "table" else outcome)
            else:
                run.resume(chunk, outcome)

    def _undone(
        self,
        chunk: Chunk,
        indexes: Mapping[int, Index],
        sources: tuple[Source, ...],
        run: Resumed,
    ) -> Iterator[Chunk]:
        """Yield a chunk, or what is left of its halves where it was cut."""
        rows = self._known.split.get(chunk.number, 0)
        if not 0 < rows < chunk.rows:  # it was not, or this is from the journal of another job
            yield chunk
            return
        run.split(chunk)
        halves = halve(chunk, indexes.get(chunk.source), sources[chunk.source], rows)
        yield from self.left(iter(halves), indexes, sources, run)

    def done(self, outcome: Outcome) -> None:
        """Remember that a chunk is done."""
        self._waiting.append(outcome)
        self.commit()

    def commit(self, *, now: bool = False) -> None:
        """Write what is done into the journal, once its parts are safely on disk.

        About once a second, and never so often that it takes more than a tenth of the time: a
        disk takes milliseconds for each file.
        """
        began = time.monotonic()
        if not self._waiting or (began < self._due and not now):
            return
        assert self._journal is not None
        settle(self.folder, [file for outcome in self._waiting for file in outcome.part.files])
        self._journal.done(self._waiting)
        self._waiting.clear()
        ended = time.monotonic()
        self._due = ended + max(_COMMIT_S, 9 * (ended - began))

    def split(self, number: tuple[int, ...], rows: int) -> None:
        """Remember that a chunk was cut in two, after so many rows."""
        assert self._journal is not None
        self._journal.split(number, rows)

    def finish(self, failed: int) -> None:
        """The output is published: keep what it takes to try failed rows again, or nothing."""
        assert self._journal is not None
        if failed:
            self.commit(now=True)
            self._journal.complete()
            return
        self._waiting.clear()
        with suppress(OSError):  # it is removed
            self._journal.close()
        self._journal = None
        os.unlink(self._path("job.json"))  # first: without it nothing goes on
        self._clear()
        os.rmdir(self.folder)
        self._lock.drop()
        os.rmdir(self._base)

    def _fits(self, chunk: Chunk, outcome: Outcome) -> bool:
        same = (*outcome.place, outcome.rows_in) == (chunk.source, chunk.first_row, chunk.rows)
        return same and durable.intact(self.folder, outcome.part.files, facts(outcome))

    def _goes_on(self, old: dict[str, Any], mine: dict[str, Any]) -> bool:
        """Whether to go on with the run that is there; raises UsageError where that is wrong."""
        job, base = self._job, self._base
        complete = read(self._path("journal.jsonl"), self.folder).complete
        if complete and not job.retry_failed:
            return False
        if not (job.resume or job.retry_failed):
            if job.force:
                return False
            raise UsageError(
                f"--checkpoint {base} holds a run that has not ended: --resume goes on with it, "
                "--force starts afresh"
            )
        differences = changed(old.get("job", {}), mine)
        mild = {"the function", "the function's arguments"}
        if job.retry_failed or job.force:  # what failed is tried with a function that was mended
            differences = [what for what in differences if what not in mild]
        if differences and job.force:
            return False
        if differences:
            remedy = "--force goes on" if mild.issuperset(differences) else "--force starts afresh"
            raise UsageError(
                f"--checkpoint {base} is of another job: {differences[0]} has changed; {remedy}"
            )
        return True

    def _read(self) -> dict[str, Any] | None:
        try:
            text = unchecked(durable.read_own(self._path("job.json")))
            old: Any = None if text is None else loaded(text)
            if _is_job(old):
                return dict(old)
        except FileNotFoundError:
            if self._job.retry_failed:
                raise UsageError(
                    f"--retry-failed: there is no run in {self._base} of which rows failed"
                ) from None
            return None
        if self._job.force:
            return None
        raise UsageError(
            f"--checkpoint {self._base}: its job.json cannot be read; --force starts afresh"
        )

    def _clear(self) -> None:
        for name in os.listdir(self.folder):
            place.remove(os.path.join(self.folder, name))
        for name in ("journal.jsonl", "job.json.new"):
            place.remove(self._path(name))

    def _sweep(self) -> None:
        """Remove what a run that was cut off had not finished, and what no run has made."""
        known = {file.name for outcome in self._known.done.values() for file in outcome.part.files}
        with os.scandir(self.folder) as entries:
            for one in list(entries):
                if one.name not in known or not durable.is_own(one.stat(follow_symlinks=False)):
                    place.remove(one.path)

    def _path(self, name: str) -> str:
        return os.path.join(self._base, name)


def _is_job(old: Any) -> bool:
    return (
        isinstance(old, dict)
        and old.keys() == {"workers", "job"}
        and is_count(old["workers"])
        and 0 < old["workers"] <= _MOST_WORKERS
        and is_fingerprint(old["job"])
    )
