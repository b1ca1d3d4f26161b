"""What the formats and the rest of the program talk about: columns, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parapply.columns.duplicates import RENAME, check_single
from parapply.columns.type_names import type_of
from parapply.model.errors import InputError
from parapply.model.records import field, record


@record
class Field:
    """A column of the input: its type over the whole input, and whether any value is missing."""

    name: str
    kind: Any  # its type, or the name of that: see columns/type_names.py
    nullable: bool = True
    told: bool = True  # by a value: where there was none, the type is but a guess

    @property
    def type(self) -> Any:
        """The pyarrow.DataType; None where the column was not surveyed."""
        return type_of(self.kind)


@record
class Reading:
    """How inputs are to be read, where they do not say so themselves; fields as in Job."""

    dialect: str | None = None  # a tool's name
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    decimal: str | None = None
    comment: str | None = None
    no_headers: bool = False
    skip_rows: int = 0
    lenient: bool = False  # rows that cannot be read are for the batch to find
    null_values: tuple[str, ...] = ()
    all_strings: bool = False
    dtypes: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""  # for what workers have to put aside
    spare_bytes: int = 0  # of an input whose values may be put aside there, though they need not
    cached: tuple[str, ...] | None = None  # what a survey reads is kept, and these as they stand
    prompt: bool = False  # somebody waits for the results of rows that come slowly


@record
class Writing:
    """How the output is to be written, where its name does not say so."""

    compression: str | None = None  # a codec of compression.py for text; Parquet has its own
    encoding: str | None = None  # None: UTF-8
    same_format: bool = False  # as the inputs', by name
    dialect: str | None = None  # of text, by name, where it is not the inputs'
    input_dialect: str | None = None  # theirs, by name
    keeps_all: bool = False  # all of the input's columns are wanted, or all but some
    anew: bool = False  # rows are not the input's: none of its records goes through
    keeps_rows: bool = False  # and each row comes out once, in its place, in one file


@record
class Survey:
    """What a worker found in one piece of a source."""

    rows: int
    kinds: tuple[Any, ...]  # one for each surveyed column: the format's own
    marks: Any = ()  # where chunks can start: the format's own
    error: InputError | None = None  # what is wrong with the piece
    sound: bool = True  # the piece is what `pieces` took it for: see `Source.again`
    aside: str = ""  # the file with the values that were read, if they were put aside


@record
class Keep:
    """An output column that is the input's column at `position`."""

    position: int


@record
class New:
    """An output column that the function made."""

    name: str


Arrangement = tuple[Keep | New, ...]


def under_their_names(
    given: Mapping[str, Sequence[int]], fields: Sequence[Field]
) -> dict[str, int]:
    """Return which columns that are the input's also have the names that they have there."""
    return {name: p[0] for name, p in given.items() if p and fields[p[0]].name == name}


_NOTHING: Mapping[str, int] = {}
_INTO = f"name another with --into, or {RENAME}"


def arrange(
    keep: Sequence[int],
    names: Sequence[str],
    made: Sequence[str],
    given: Mapping[str, int] = _NOTHING,
) -> Arrangement:
    """Return the output's columns: made ones in place of kept ones of their name, or at the end.

    `names` are the names of the kept columns; `given` has the made ones that are the input's, with
    their positions. Raises AmbiguousColumnError for a made one in whose place several would be.
    """
    check_single(made, names, "the function's result is to replace a column, and ", _INTO)
    columns: list[Keep | New] = [
        New(name) if name in made else Keep(position)
        for position, name in zip(keep, names, strict=True)
    ]
    columns += [New(name) for name in made if name not in names]
    return tuple(
        Keep(given[column.name]) if isinstance(column, New) and column.name in given else column
        for column in columns
    )
