"""What a worker says of a chunk that is done: numbers and where the part is, never rows."""

from __future__ import annotations

from typing import Any, NamedTuple

from parapply.model.records import record


class KeptFile(NamedTuple):
    """A file that is to be kept, as it was written."""

    name: str  # in its folder
    size: int
    digest: str


_GIVEN = "given:"


def given_name(position: int) -> str:
    """Return what stands for a type where a column is the input's, at that position."""
    return f"{_GIVEN}{position}"


def given_of(name: Any) -> int | None:
    """Return the position that `given_name` was given; None of a type."""
    known = isinstance(name, str) and name.startswith(_GIVEN)
    return int(name.removeprefix(_GIVEN)) if known else None


@record
class ResultColumn:
    """One column that a chunk's function calls made."""

    name: str
    type: str  # as columns/type_names.py has it
    first: str  # the first row that gave it a value, in words
    given: tuple[int, ...] = ()  # the input's columns any of which it is, by position

    @property
    def kind(self) -> str:
        """What it is written as: its type, or the input's column that it is."""
        return given_name(self.given[0]) if self.given else self.type


MANY = 100  # different errors that are told apart
OTHERS = "other errors"  # what the rest is called


class Cause(NamedTuple):
    """An error that rows failed of."""

    text: str
    rows: int  # how many
    message: str  # the first one's, whole
    place: str  # which row that was


@record
class Returned:
    """What the function returned for a chunk."""

    shape: str  # none, scalar, fields, table; filter: not kept at all
    columns: tuple[ResultColumn, ...]


@record
class PartFile:
    """A chunk's part of the output, and what is kept to write it anew."""

    path: str  # in the output's format
    held: bytes | None = None  # the part itself, where it is so small that it needs no file
    made: bytes | None = None  # and what the function made, to write it anew
    alone: bool = False  # nothing was kept beside the part, to write it anew
    files: tuple[KeptFile, ...] = ()  # all of it, where it is to outlive the run


@record
class FailedRows:
    """Rows of a chunk that were set aside."""

    rows: int = 0  # how many
    causes: tuple[Cause, ...] = ()
    path: str | None = None  # the part of those rows, where they are written


@record
class Outcome:
    """What a worker says of a chunk: never rows, only numbers and where the part is."""

    number: tuple[int, ...]  # the chunk's
    place: tuple[int, int]  # its source and first row
    rows_in: int
    rows_out: int
    returned: Returned
    part: PartFile
    failures: FailedRows = FailedRows()
    stopped: bool = False  # the function asked for the end: nothing after these rows is wanted
    row_s: float | None = None  # what a row took, where the chunk's other rows were left to others
    edges: Any = None  # of groups that may go on in other chunks: see execute/consecutive.py
    groups: int | None = None  # that the rows are, where the function is given these
    seconds: float | None = None  # in its worker; None of one that an earlier run has done


@record
class Failed:
    """What a worker says of a chunk that ended the job: the first of its rows that failed."""

    number: tuple[int, ...]  # the chunk's
    error: Exception
