"""What becomes of rows on which the function fails: the rules, and what is remembered of each."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from parapply.backends.limits import is_exhausted
from parapply.execute.time_limit import RowTimeoutError
from parapply.model.errors import (
    AmbiguousColumnError,
    BadRowsError,
    LookedAtError,
    SharedFileError,
    UnseenError,
)
from parapply.model.outcome import MANY, OTHERS, Cause
from parapply.model.records import record


@record
class Policy:
    """What becomes of a row on which the function fails."""

    on_error: str = "fail"  # fail: it ends the run; skip: left out; null: kept, its result missing
    timeout_s: float | None = None
    retries: int = 0
    retry_on: tuple[str, ...] = ()  # names of exceptions that are worth it; none: all are
    most: int | None = None  # more rows than these are not set aside
    memory_limit: str | int | None = None  # as it was given, for messages
    traces: bool = False  # the traceback of each is wanted

    @property
    def tolerant(self) -> bool:
        """Whether the run goes on."""
        return self.on_error != "fail"

    def retries_on(self, error: BaseException) -> bool:
        """Whether a row that raised this is worth another try: what is in it stays."""
        if isinstance(error, LookedAtError):
            return False
        if not self.retry_on:
            return isinstance(error, (Exception, RowTimeoutError))
        names = {name for kind in type(error).__mro__ for name in _names(kind)}
        return not names.isdisjoint(self.retry_on)


class Failure(NamedTuple):
    """Why a row failed."""

    message: str  # with its place and values: the whole line
    cause: str  # without them: what makes two failures the same error
    place: str  # which row
    details: str = ""  # the user's part of the traceback
    full: str = ""  # all of it
    text: str = ""  # what is written beside the row, where it is not the cause


@record
class RowByRow:
    """Rows of a chunk that has lost a worker before: run one by one, but for the `fatal_rows`.

    `fatal_rows` says for positions in the chunk how their worker was lost.
    """

    fatal_rows: Mapping[int, str]


class FailedRow(Exception):  # noqa: N818  it carries a failure out of the loop, no more
    """The row that ends the run."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class LostWorkerError(Exception):
    """The worker that ran the row did not survive it."""


_NO_ROWS = (FailedRow, UnseenError, BadRowsError, AmbiguousColumnError, SharedFileError)


def is_ours(error: BaseException) -> bool:
    """Whether an exception is not the row's: a signal that came to the parent, a full worker, a
    name that several columns have, a lock that cannot be had.

    Anything else that the user's code raises is its failure, SystemExit and a KeyboardInterrupt
    in a worker (which ignores the signal) too.
    """
    if isinstance(error, _NO_ROWS) or is_exhausted(error):
        return True
    if isinstance(error, (Exception, RowTimeoutError)):
        return False
    if multiprocessing.parent_process() is not None:
        return False
    ours = isinstance(error, KeyboardInterrupt) or type(error).__module__.startswith("parapply.")
    return ours and threading.current_thread() is threading.main_thread()


def causes(failures: Iterable[Failure]) -> tuple[Cause, ...]:
    """Return the different errors, each with its first row."""
    found: dict[str, Cause] = {}
    for failure in failures:
        text = failure.cause if failure.cause in found or len(found) < MANY else OTHERS
        known = found.get(text, Cause(text, 0, failure.message, failure.place))
        found[text] = known._replace(rows=known.rows + 1)
    return tuple(found.values())


def _names(kind: type) -> tuple[str, str]:
    return kind.__name__, f"{kind.__module__}.{kind.__qualname__}"
