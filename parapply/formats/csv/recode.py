r"""Columns of dialects whose quotes or escapes Arrow's reader does not know, as text that it does.

It takes every escape off, wherever it stands, and looks for missing values only then: where `\N`
stands for one, the text `\N` (written `\\N`) would be missing too. So fields are found here, what
is missing is told by the field as it stands, and all others are quoted. Runs in workers.
"""

from __future__ import annotations

from collections.abc import Sequence

from parapply.columns import kernels as pc
from parapply.columns.arrays import integers, text_data
from parapply.columns.scalars import text as scalar
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.escapes import reader_of
from parapply.formats.csv.records import Records, field_edges
from parapply.formats.csv.spans import run_span, strings
from parapply.model.deferred_imports import np, pa


def recoded(
    records: Records, dialect: Dialect, width: int, positions: Sequence[int], nulls: Sequence[str]
) -> memoryview:
    """Return columns as CSV text, the first after an empty one: all is quoted but what is missing.

    Raises pyarrow.ArrowInvalid where some record has not `width` fields.
    """
    edges = field_edges(records, dialect, width)
    if edges is None:
        raise pa.ArrowInvalid("records do not all have the same number of fields")
    spans = [run_span(records, edges, width, position, position) for position in positions]
    columns = [_field(strings(records.text, *span), dialect, nulls) for span in spans]
    ended = pc.binary_join_element_wise(columns[-1], scalar("\n"), scalar(""))
    return text_data(pc.binary_join_element_wise(scalar(""), *columns[:-1], ended, scalar(",")))


def _field(raw: pa.Array, dialect: Dialect, nulls: Sequence[str]) -> pa.Array:
    known = pc.replace_substring(_texts(raw, dialect), '"', '""')
    quoted = pc.binary_join_element_wise(scalar('"'), known, scalar('"'), scalar(""))
    return pc.if_else(_are(raw, nulls), raw, quoted) if nulls else quoted


def _texts(raw: pa.Array, dialect: Dialect) -> pa.Array:
    """Take off quotes and escapes, one field at a time where there are any."""
    marks = [] if dialect.quote is None else [f"^{_literal(chr(dialect.quote))}"]
    if dialect.escape is not None and not dialect.within:
        marks.append(_literal(chr(dialect.escape)))
    if not marks:
        return raw
    found = np.flatnonzero(pc.match_substring_regex(raw, "|".join(marks)).to_numpy(False))
    if not len(found):
        return raw
    written = pc.take(raw, integers(found)).view(pa.binary()).to_pylist()
    known = pa.array(list(map(reader_of(dialect), written)), pa.binary())
    places = np.arange(len(raw))
    places[found] = len(raw) + np.arange(len(found))
    return pc.take(pa.concat_arrays([raw, known.view(pa.string())]), integers(places))


def _are(raw: pa.Array, texts: Sequence[str]) -> pa.Array:
    return pc.match_substring_regex(raw, f"^(?:{'|'.join(map(_literal, texts))})$")


def _literal(text: str) -> str:
    """A pattern of RE2 for a text."""
    return "".join(f"\\x{{{ord(mark):x}}}" for mark in text)
