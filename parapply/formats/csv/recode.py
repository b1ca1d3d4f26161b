r"""Columns of dialects whose quotes or escapes Arrow's reader does not know, recoded for it.

It removes every escape before it looks for missing values: where `\N` is one, the text `\N`
(written `\\N`) would be missing, too. So missing fields are found here as they stand, and all
others are quoted. Runs in workers.
"""

from __future__ import annotations

from collections.abc import Sequence

from parapply.columns import kernels as pc
from parapply.columns.arrays import integers, text_data
from parapply.columns.scalars import text as scalar
from parapply.formats.csv.dialect import Dialect, re2_literal
from parapply.formats.csv.escapes import reader_of
from parapply.formats.csv.records import Records, field_edges
from parapply.formats.csv.spans import run_span, strings
from parapply.model.deferred_imports import np, pa


def recoded(
    records: Records, dialect: Dialect, width: int, positions: Sequence[int], nulls: Sequence[str]
) -> memoryview:
    """Return columns as CSV text, after an empty first one; all but missing values are quoted.

    Raises pyarrow.ArrowInvalid where a record lacks `width` fields.
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
    if not nulls:
        return quoted
    pattern = f"^(?:{'|'.join(map(re2_literal, nulls))})$"
    return pc.if_else(pc.match_substring_regex(raw, pattern), raw, quoted)


def _texts(raw: pa.Array, dialect: Dialect) -> pa.Array:
    """Remove quotes and escapes, field by field where there are any."""
    marks = [] if dialect.quote is None else [f"^{re2_literal(chr(dialect.quote))}"]
    if dialect.escape is not None and not dialect.within:
        marks.append(re2_literal(chr(dialect.escape)))
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
