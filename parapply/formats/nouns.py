"""The records that formats share with the rest of the program: columns, options, surveys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parapply.columns.duplicates import RENAME, check_single
from parapply.columns.type_names import type_of
from parapply.model.errors import InputError
from parapply.model.records import field, record


@record
class Field:
    """An input column: its type in the whole input, and whether any value is missing."""

    name: str
    kind: Any  # its type, or the type's name: see columns/type_names.py
    nullable: bool = True
    told: bool = True  # whether a value determined the type; otherwise it is a guess

    @property
    def type(self) -> Any:
        """The pyarrow.DataType; None if the column was not surveyed."""
        return type_of(self.kind)


Fields = tuple[Field, ...]


@record
class Reading:
    """Options for reading inputs, where these do not say; fields as in Job."""

    dialect: str | None = None  # a tool's name
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    decimal: str | None = None
    comment: str | None = None
    no_headers: bool = False
    skip_rows: int = 0
    lenient: bool = False  # unreadable rows are left to `Batch.bad_rows`
    null_values: tuple[str, ...] = ()
    all_strings: bool = False
    dtypes: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""  # for temporary files of workers
    spare_bytes: int = 0  # size of the input's part whose values may be cached there
    cached: tuple[str, ...] | None = None  # cache all surveyed values, and these columns as text
    prompt: bool = False  # someone waits for the results of rows that arrive slowly


@record
class Writing:
    """Options for writing the output, where its name does not say."""

    compression: str | None = None  # a codec of compression.py for text; Parquet has its own
    encoding: str | None = None  # None: UTF-8
    same_format: bool = False  # the name of its format is the inputs'
    dialect: str | None = None  # name of the text dialect, where it is not the inputs'
    input_dialect: str | None = None  # name of theirs
    keeps_all: bool = False  # all of the input's columns are wanted, or all but some
    anew: bool = False  # rows are not the input's: none of its records is copied
    keeps_rows: bool = False  # each input row is output once, in its place, in one file


@record
class Survey:
    """A worker's findings about one piece of a source."""

    rows: int
    kinds: tuple[Any, ...]  # one for each surveyed column, of the format's own type
    marks: Any = ()  # possible chunk starts, of the format's own type
    error: InputError | None = None  # what is wrong with the piece
    sound: bool = True  # whether the piece begins and ends at a row: see `Source.resurvey`
    aside: str = ""  # path of the cache file with its values, if any


@record
class Keep:
    """An output column that is the input's column at `position`."""

    position: int


@record
class New:
    """An output column made by the function."""

    name: str


Arrangement = tuple[Keep | New, ...]


def under_their_names(
    given: Mapping[str, Sequence[int]], fields: Sequence[Field]
) -> dict[str, int]:
    """Return {name: position} of the given input columns that keep their names."""
    return {name: p[0] for name, p in given.items() if p and fields[p[0]].name == name}


_NONE: Mapping[str, int] = {}
_INTO = f"name another with --into, or {RENAME}"


def arrange(
    keep: Sequence[int], names: Sequence[str], made: Sequence[str], given: Mapping[str, int] = _NONE
) -> Arrangement:
    """Return the output's columns: made ones replace kept ones of the same name, or come last.

    `names` are those of the kept columns; `given` has the positions of made columns that are the
    input's. Raises AmbiguousColumnError for a made column that would replace several.
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
