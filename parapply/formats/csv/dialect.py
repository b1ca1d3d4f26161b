"""How fields and records are told apart, as byte values and as patterns for one at a time."""

from __future__ import annotations

import re
from functools import lru_cache

from parapply.records import record

LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the very end may be half of CRLF
LINE = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|\Z)")


@record
class Dialect:
    """How fields and records are told apart: byte values, None for what there is not."""

    delimiter: int = ord(",")
    quote: int | None = ord('"')
    escape: int | None = None
    comment: int | None = None  # a line that begins with it is no record

    @property
    def plain(self) -> bool:
        """Whether newlines and quotes alone tell where records are."""
        return self.escape is None and self.comment is None


def _escaped(byte: int | None) -> bytes:
    return b"" if byte is None else re.escape(bytes([byte]))


@lru_cache(maxsize=8)
def field_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match one field as it stands, quotes included; never gives back what it took."""
    comma, quote, escape = map(_escaped, (dialect.delimiter, dialect.quote, dialect.escape))
    bare = rb"[^\r\n" + comma + escape + rb"]*+"
    if escape:
        bare += rb"(?:" + escape + rb"(?s:.)" + bare + rb")*+"
    if not quote:
        return re.compile(bare)
    inner = rb"[^" + quote + escape + rb"]*+"
    doubled = quote + quote + (rb"|" + escape + rb"(?s:.)" if escape else b"")
    inside = inner + rb"(?:(?:" + doubled + rb")" + inner + rb")*+"
    return re.compile(quote + inside + quote + rb"?" + bare + rb"|" + bare)


@lru_cache(maxsize=8)
def record_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match one record with its line end."""
    comma = _escaped(dialect.delimiter)
    field = rb"(?:" + field_pattern(dialect).pattern + rb")"
    return re.compile(field + rb"(?:" + comma + field + rb")*+(?:\r\n|\n|\r|\Z)")
