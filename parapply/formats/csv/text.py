"""Columns as CSV fields and lines, in workers; missing values (NaN too) are empty by default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.scalars import text
from parapply.columns.text.flat import decoded
from parapply.columns.text.strings import strings, texts
from parapply.columns.unify import is_text
from parapply.formats.csv.dialect import Dialect, re2_literal
from parapply.formats.csv.escapes import UnquotableError, by_letters, special_marks, within_quotes
from parapply.model.deferred_imports import at, pa


def fields(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Return `array` as CSV fields, without nulls, quoted where needed; raises UnquotableError."""
    if not dialect.usual:
        return _as_a_tool_does(array, dialect)
    written = strings(array)
    return written if _is_bare(array.type, dialect) else quoted(written, dialect)


def _as_a_tool_does(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Write booleans, fractions and missing values by the dialect's rules."""
    written = _texts_of(array, dialect)
    filled = pc.fill_null(written, text(""))
    done = filled if _is_bare(array.type, dialect) else quoted(filled, dialect)
    if dialect.quotes_text and is_text(array.type):
        done = _in_quotes(filled, dialect)
    return pc.if_else(written.is_valid(), done, text(dialect.nulls[0] if dialect.nulls else ""))


def _texts_of(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Return each value's text, null for missing ones."""
    array = decoded(array)
    if at.is_boolean(array.type):
        return pc.if_else(array, text(dialect.true), text(dialect.false))
    written = texts(array)
    if dialect.spells_floats and at.is_floating(array.type):
        return _spelled(written, array, dialect)
    if dialect.decimal != ord(".") and (at.is_floating(array.type) or at.is_decimal(array.type)):
        return pc.replace_substring(written, ".", chr(dialect.decimal))
    return written


def _spelled(written: pa.Array, array: pa.Array, dialect: Dialect) -> pa.Array:
    """Replace NaN and infinity by the dialect's words."""
    odd = pc.invert(pc.fill_null(pc.is_finite(array), True))
    if not pc.any(odd).as_py():
        return written
    infinite = pc.replace_substring(written, "inf", dialect.infinity)
    named = pc.fill_null(infinite, text(dialect.nan)) if dialect.nan else infinite
    return pc.if_else(odd, named, written)


def _is_bare(type_: Any, dialect: Dialect) -> bool:
    """Whether numbers of this type never contain a special character of the dialect."""
    marks = (dialect.delimiter, dialect.quote, dialect.escape, dialect.comment)
    usual = not any(mark in _NUMBERS for mark in marks if mark)
    return usual and bool(at.is_floating(type_) or at.is_integer(type_))


_NUMBERS = b"0123456789+-.einfa"  # characters of numbers


def quoted(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Quote fields where needed, or else escape them; raises UnquotableError if neither works."""
    if dialect.letters is not None:
        for old, new in by_letters(dialect):
            array = pc.replace_substring(array, old, new)
        return array
    marked = f"[{re2_literal(''.join(special_marks(dialect)))}]"
    nulls = "".join(f"|^{re2_literal(null)}$" for null in dialect.nulls or ())
    special = pc.match_substring_regex(array, marked + nulls)
    if not pc.any(special).as_py():
        return array
    if dialect.quote is None and dialect.escape is None:
        raise _first(array, special)
    if dialect.quote is None:
        return pc.replace_substring_regex(array, f"({marked})", rf"\{chr(dialect.escape or 0)}\1")
    return pc.if_else(special, _in_quotes(array, dialect), array)


def _in_quotes(array: pa.Array, dialect: Dialect) -> pa.Array:
    assert dialect.quote is not None
    quote = text(chr(dialect.quote))
    for old, new in within_quotes(dialect):
        array = pc.replace_substring(array, old, new)
    return pc.binary_join_element_wise(quote, array, quote, text(""))


def alone(column: pa.Array, dialect: Dialect) -> pa.Array:
    """Return the only field of each line, as `""` where empty: a blank line is no record.

    Raises UnquotableError.
    """
    empty = pc.equal(column, text(""))
    if dialect.blanks or not pc.any(empty).as_py():
        return column
    if dialect.quote is None:
        raise _first(column, empty)
    return pc.if_else(empty, text(chr(dialect.quote) * 2), column)


def lines(columns: Sequence[pa.Array], dialect: Dialect, line_end: str) -> pa.Array:
    """Join fields of equal length into lines, each with its line end."""
    columns = [alone(columns[0], dialect)] if len(columns) == 1 else list(columns)
    ended = pc.binary_join_element_wise(columns[-1], text(line_end), text(""))
    return pc.binary_join_element_wise(*columns[:-1], ended, text(chr(dialect.delimiter)))


def _first(array: pa.Array, where: pa.Array) -> UnquotableError:
    position = pc.index(where, True).as_py()
    return UnquotableError(position, array[position].as_py())
