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
class Outcome:
    """What a worker says of a chunk: never rows, only numbers and where the part is."""

    number: tuple[int, ...]  # the chunk's
    rows_in: int
    rows_out: int
    columns: tuple[ResultColumn, ...]
    path: str  # the part, in the output's format
    shape: str  # what the function returned: none, scalar, fields, table; filter: not kept at all
    failed: int = 0  # rows that were set aside
    causes: tuple[Cause, ...] = ()
    aside: str | None = None  # the part of those rows, where they are written
    stopped: bool = False  # the function asked for the end: nothing after these rows is wanted
    row_s: float | None = None  # what a row took, where the chunk's other rows were left to others
    files: tuple[KeptFile, ...] = ()  # all of it, where it is to outlive the run
    held: bytes | None = None  # the part itself, where it is so small that it needs no file
    made: bytes | None = None  # and what the function made, to write it anew
    place: tuple[int, int] = (0, 0)  # the chunk's source and first row
    seconds: float | None = None  # in its worker; None of one that an earlier run has done
    alone: bool = False  # nothing was kept beside the part, to write it anew


@record
class Failed:
    """What a worker says of a chunk that ended the job: the first of its rows that failed."""

    number: tuple[int, ...]  # the chunk's
    error: Exception
