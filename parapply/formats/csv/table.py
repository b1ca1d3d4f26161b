"""CSV records as a table of Arrow columns, and the messages about unreadable ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from parapply.formats.common.record_locator import RecordLocator
from parapply.formats.csv.dialect import BYTES, Dialect
from parapply.formats.csv.records import Records, field_edges, is_closed, split_fields
from parapply.formats.nouns import Fields
from parapply.model.deferred_imports import lazy, pa
from parapply.model.errors import BadRowsError, InputError
from parapply.model.excerpt import shown
from parapply.model.records import record

if TYPE_CHECKING:
    from parapply.formats.csv import parse
else:
    parse = lazy("parapply.formats.csv.parse")

_END = b"\\."
_WHOLE = 10_000  # bytes of a record in a message that replaces it


@record
class CsvLocator(RecordLocator):
    """Names records in messages, and has what it takes to read them."""

    width: int
    dialect: Dialect
    nulls: tuple[str, ...]  # texts of missing values
    fields: Fields
    unseen: Collection[int] = ()  # columns with types from earlier rows


def tabulate(
    records: Records, place: CsvLocator, types: dict[int, Any], nulls: tuple[str, ...]
) -> pa.Table:
    """Parse records, and translate Arrow's errors about ragged ones.

    Raises parse.MisfitError where a value does not have its type, BadRowsError for unreadable
    records, InputError where records cannot be told apart.
    """
    _check_end(records, place)
    try:
        table = parse.read(records, place.dialect, place.width, types, nulls)
    except pa.ArrowInvalid as error:
        check_widths(records, place)
        if "invalid UTF8" in str(error):
            raise BadRowsError(_not_utf8(records, place, types)) from error
        raise parse.MisfitError(str(error)) from error
    if table.num_rows != len(records):
        check_widths(records, place)
        raise InputError(
            f"{place.where(0)}, or after it: {len(records)} records, of which only "
            f"{table.num_rows} can be read; is a quote missing?"
        )
    return table


def check_widths(records: Records, place: CsvLocator) -> None:
    """Raise BadRowsError for records with too few or too many fields."""
    if bad := ragged(records, place):
        raise BadRowsError(bad)


def ragged(records: Records, place: CsvLocator, *, whole: bool = False) -> dict[int, str]:
    """Return {row: message} of records with other widths; `whole`: with most of the record."""
    if not len(records) or field_edges(records, place.dialect, place.width) is not None:
        return {}
    bad = {}
    edges = zip(records.starts.tolist(), records.stops.tolist(), strict=True)
    for row, (start, stop) in enumerate(edges):
        found = len(split_fields(records.text[start:stop], place.dialect))
        if found != place.width:
            part = records.text[start : min(stop, start + (_WHOLE if whole else 400))]
            text = part.decode("utf-8", "replace") if whole else shown(part)
            fields = f"{found} field{'s' * (found != 1)}"
            bad[row] = f"{place.where(row)} has {fields}, the header has {place.width}: {text}"
    return bad


def check_no_end(records: Records, place: CsvLocator) -> None:
    """Raise InputError for the line that ends PostgreSQL's data, which it does not read beyond.

    In a single column that line looks like a row.
    """
    letters = place.dialect.letters
    if letters is None or not letters.coded or place.width > 1 or _END not in records.text:
        return
    pairs = zip(records.starts.tolist(), records.stops.tolist(), strict=True)
    for row, (start, stop) in enumerate(pairs):
        if records.text[start:stop] == _END:
            raise InputError(
                f"{place.where(row)} is {_END.decode()}, where PostgreSQL's data ends: take that "
                "line, and what follows, out of the file"
            )


def _check_end(records: Records, place: CsvLocator) -> None:
    """Raise InputError where the last record opens a quote that is never closed."""
    if not is_closed(records, place.dialect):
        record = records.text[int(records.starts[-1]) : int(records.stops[-1])]
        fields = split_fields(record, place.dialect)
        raise InputError(
            f"{place.where(len(records) - 1)}, column {_column(place, len(fields) - 1)}: a quote "
            f"is opened and never closed: {shown(fields[-1])}; --quote '' takes quotes as text"
        )


def _column(place: CsvLocator, position: int) -> str:
    known = position < len(place.fields)
    return repr(place.fields[position].name) if known else f"number {position + 1}"


def _not_utf8(records: Records, place: CsvLocator, types: dict[int, Any]) -> dict[int, str]:
    """Return {row: message}, which names the value that is not UTF-8 text."""
    table = parse.read(records, place.dialect, place.width, dict.fromkeys(types, BYTES), ())
    bad: dict[int, str] = {}
    for position, column in zip(types, table.columns, strict=True):
        for row, value in enumerate(column.to_pylist()):
            try:
                value.decode()
            except UnicodeDecodeError:
                bad.setdefault(
                    row,
                    f"{place.where(row)}, column {_column(place, position)}: "
                    f"{value[:60]!r} is not UTF-8 text; name its --encoding (latin-1?)",
                )
    return bad
