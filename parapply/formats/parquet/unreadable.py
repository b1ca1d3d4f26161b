"""Why a file cannot be opened: not Parquet, or a column of a type that Arrow cannot read."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from parapply.formats.parquet.footer import MAGIC, Footer
from parapply.formats.parquet.thrift import Struct, ThriftError
from parapply.model.errors import InputError
from parapply.model.excerpt import shown
from parapply.storage.registry import file_system_of

_MOST_NAMES = 5


def unreadable(path: str, name: str, error: Exception) -> InputError:
    """Return the error for a file that Arrow did not open, with its reason `error`."""
    reason = shown(str(error), 200)
    try:
        with file_system_of(path).open(path) as file:
            footer = Footer.head_of(file)
    except (ThriftError, KeyError, TypeError):
        footer = None
    if footer is None:
        return InputError(f"{name} is not a Parquet file: {reason}")
    found = [(_name(column), why) for column in footer.columns() if (why := _fault(footer, column))]
    if not found:
        return InputError(f"{name} cannot be read: {reason}")
    names = [column for column, _ in found]
    others = f" (so are {', '.join(map(repr, names[1:_MOST_NAMES]))})" if names[1:] else ""
    excluded = ", ".join('"{}"'.format(column.replace('"', '""')) for column in names)
    return InputError(
        f"{name}: column {names[0]!r} is of a type that Arrow cannot read{others}: {found[0][1]}; "
        f"leave it out first, with DuckDB: COPY (SELECT * EXCLUDE ({excluded}) FROM '{name}') "
        "TO 'others.parquet'"
    )


def _fault(footer: Footer, column: list[Struct]) -> str | None:
    """Return Arrow's error about a file with this column only; None if it reads that."""
    end = footer.with_columns([column]).with_groups([])
    try:
        pq.ParquetFile(io.BytesIO(MAGIC + end)).close()
    except (pa.ArrowException, OSError) as error:
        return shown(str(error), 200)
    return None


def _name(column: list[Struct]) -> str:
    _, name = column[0][4]
    return str(name, "utf-8", "replace")
