"""How fields and records are told apart, as byte values and as patterns for one at a time."""

from __future__ import annotations

import re
from functools import lru_cache

from parapply.model.records import record

LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the very end may be half of CRLF
LINE = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|\Z)")

# pandas.read_csv: https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html (na_values)
NULLS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
TEXT, BYTES = "string", "binary"  # the one is checked to be UTF-8


@record
class Letters:
    """What letters after an escape stand for; and those of them that have to be written so."""

    meaning: str  # letters and what they mean, by turns
    written: str
    coded: bool = False  # bytes also by their number: \101, \x41

    def of(self, letter: str) -> str:
        """Return what a letter means: itself, if nothing else."""
        return dict(zip(self.meaning[::2], self.meaning[1::2], strict=True)).get(letter, letter)


@record
class Dialect:
    """How fields and records are told apart: byte values, None for what there is not."""

    delimiter: int = ord(",")
    quote: int | None = ord('"')
    escape: int | None = None
    comment: int | None = None  # a line that begins with it is no record
    within: bool = False  # the escape is one only within quotes, before a quote or another escape
    letters: Letters | None = None  # what letters mean that are escaped; else themselves
    nulls: tuple[str, ...] | None = None  # fields as they stand, so not in quotes; else as pandas
    decimal: int = ord(".")
    lf: bool = False  # a CR ends no line
    blanks: bool = False  # a line without anything is a record where records have one field
    single: bool = False  # they have
    quotes_text: bool = False  # all text is written in quotes
    true: str = "True"  # as they are written
    false: str = "False"
    nan: str = ""  # a float that is no number; empty: as a missing value
    infinity: str = "inf"
    line_end: bytes = b"\n"  # of a new file
    mark: bytes = b""  # that begins it

    @property
    def plain(self) -> bool:
        """Whether newlines, quotes and escapes alone tell where records are."""
        return self.comment is None

    @property
    def by_arrow(self) -> bool:
        """Whether Arrow's reader takes off quotes and escapes as this dialect has them."""
        return not (self.within or self.letters or self.lf)

    @property
    def usual(self) -> bool:
        """Whether values are written as pandas does."""
        return self.nulls is None and self.decimal == ord(".") and self.true == "True"

    @property
    def spells_floats(self) -> bool:
        """Whether floats that are no finite numbers are written otherwise than pandas does."""
        return bool(self.nan) or self.infinity != "inf"


def literal(byte: int | None) -> bytes:
    """Return a pattern for a byte, or for nothing."""
    return b"" if byte is None else re.escape(bytes([byte]))


def _breaks(dialect: Dialect) -> bytes:
    return rb"\n" if dialect.lf else rb"\r\n"


@lru_cache(maxsize=8)
def field_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match one field as it stands, quotes included; never gives back what it took."""
    if dialect.quote is None:
        return re.compile(_bare(dialect))
    return re.compile(_quoted(dialect) + literal(dialect.quote) + rb"?" + _bare(dialect) + rb"|"
                      + _bare(dialect))  # fmt: skip


def _bare(dialect: Dialect) -> bytes:
    """A field without quotes, or what follows them."""
    escape = b"" if dialect.within else literal(dialect.escape)
    bare = rb"[^" + _breaks(dialect) + literal(dialect.delimiter) + escape + rb"]*+"
    return bare + rb"(?:" + escape + rb"(?s:.)" + bare + rb")*+" if escape else bare


@lru_cache(maxsize=8)
def closed_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match what a quoted field begins with, up to the quote that closes it."""
    return re.compile(_quoted(dialect) + literal(dialect.quote))


def _quoted(dialect: Dialect) -> bytes:
    """A quote that opens a field, and what is within."""
    quote, escape = map(literal, (dialect.quote, dialect.escape))
    inner = rb"[^" + quote + escape + rb"]*+"
    doubled = quote + quote + (rb"|" + escape + rb"(?s:.)" if escape else b"")
    return quote + inner + rb"(?:(?:" + doubled + rb")" + inner + rb")*+"


@lru_cache(maxsize=8)
def record_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match one record with its line end."""
    comma = literal(dialect.delimiter)
    field = rb"(?:" + field_pattern(dialect).pattern + rb")"
    end = rb"(?:\n|\Z)" if dialect.lf else rb"(?:\r\n|\n|\r|\Z)"
    return re.compile(field + rb"(?:" + comma + field + rb")*+" + end)


@lru_cache(maxsize=8)
def ended_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match one record that has its line end, and closes its quotes."""
    field, quote, comma = _bare(dialect), literal(dialect.quote), literal(dialect.delimiter)
    if quote:
        field = (
            rb"(?:" + _quoted(dialect) + quote + field + rb"|(?!" + quote + rb")" + field + rb")"
        )
    end = rb"\n" if dialect.lf else rb"(?:\r\n|\n|\r)"
    return re.compile(field + rb"(?:" + comma + field + rb")*+" + end)
