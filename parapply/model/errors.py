"""Every error that parapply raises on purpose.

ParapplyError                 something went wrong that a person can mend; its text is one line
├── UsageError                the job as it was described cannot be run: exit code 2
│   ├── FunctionError         the function cannot be loaded or called
│   └── AmbiguousColumnError  a name that several columns have is to name one; also in a function
├── InputError                a table cannot be read: the file, the line and the remedy are named
│   ├── UnseenError           a value is beyond what Python's types hold: year 12024, say
│   ├── LookedAtError         a function looks at such a value: its row alone has failed
│   └── BadRowsError          some of its rows cannot; the others can be read without them
├── OutputError               a result cannot be written; the old output is untouched
├── RowError                  the function failed on a row (or a chunk) that is named
├── ResultError               what the function returned does not fit the output
│   └── UnencodableError      nor its encoding
├── LockedError               another run is at the same files: exit code 75
└── WorkerError               workers could not be started, or died
    └── SharedFileError       a lock, count or message that the run's folder cannot take

Messages name the file, row, column and value, and the way out. Rows are counted from 1, without
the header, over all inputs. Foreign exceptions are translated where they are met, with the cause
kept in ``__cause__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parapply.model.report import Report

PUBLISHED = "the output was complete by then"  # a note on what ends a run so late


class ParapplyError(Exception):
    """Something went wrong that a person can mend; ``str()`` of it is the whole message."""

    exit_code = 1
    details = ""  # the user's part of a traceback
    full = ""  # all of it
    report: Report | None = None  # of the run that it ended, as far as that came


class UsageError(ParapplyError):
    """The job as it was described cannot be run; nothing was read or written."""

    exit_code = 2


class FunctionError(UsageError):
    """The function cannot be found, imported or called with one value."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details  # a traceback, where importing the user's module failed


class AmbiguousColumnError(UsageError):
    """A name that several columns have was to name one of them; a row may raise it, too."""


class InputError(ParapplyError):
    """A table cannot be read as the format it is said to have."""


class UnseenError(InputError):
    """The value at `position` of an array is beyond what Python's types hold."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(position, why)
        self.position, self.why = position, why

    def __str__(self) -> str:
        return self.why

    def placed(self, where: str, name: str) -> UnseenError:
        """Return the error with the value's row and column."""
        return UnseenError(self.position, f"{where}, column {name!r}: {self.why}")


class LookedAtError(InputError):
    """A row's function looks at a value that it cannot be given; other rows do without."""


class BadRowsError(InputError):
    """Rows that cannot be read, though the others of their batch can.

    `rows` has for their positions in the batch what is wrong with each; the first is the message.
    """

    def __init__(self, rows: Mapping[int, str]) -> None:
        super().__init__(rows[min(rows)])
        self.rows = dict(rows)

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions pickle by their message alone."""
        return type(self), (self.rows,)


class OutputError(ParapplyError):
    """A result cannot be written."""


class LockedError(ParapplyError):
    """Another run is at the same files; nothing was read or written."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


class RowError(ParapplyError):
    """The function raised; `details` is the user's part of the traceback, `full` all of it."""

    def __init__(self, message: str, details: str = "", full: str = "") -> None:
        super().__init__(message)
        self.details = details
        self.full = full


class ResultError(ParapplyError):
    """What the function returned does not fit the output, or what it returned before."""


class UnencodableError(ResultError):
    """A character cannot be written in the output's encoding: at `row` of a part, -1 its header."""

    def __init__(self, row: int, column: str, character: str, encoding: str) -> None:
        super().__init__(row, column, character, encoding)
        self.row, self.column, self.character, self.encoding = row, column, character, encoding

    def __str__(self) -> str:
        return self.placed("the header" if self.row < 0 else f"row {self.row + 1}")

    def placed(self, where: str) -> str:
        """Return what is wrong, and the way out, of the row that `where` names."""
        return (
            f"{where}, column {self.column!r}: {self.character!r} (U+{ord(self.character):04X}) "
            f"cannot be written as {self.encoding}; write UTF-8 with --to-encoding utf-8"
        )


class WorkerError(ParapplyError):
    """Workers could not be started, or one died while it ran the function."""


class SharedFileError(WorkerError):
    """A file in which workers share a lock, a count, a message fails; no row is to blame."""
