"""How CSV fields and records are separated: bytes, and patterns for one at a time."""

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
TEXT, BYTES = "string", "binary"  # Arrow checks that the former is UTF-8


@record
class Letters:
    """The meanings of letters after an escape, and which characters have to be written so."""

    meaning: str  # letters and their meanings, alternating
    written: str
    coded: bool = False  # bytes may also be numbers: \101, \x41

    def of(self, letter: str) -> str:
        """Return a letter's meaning, by default the letter itself."""
        return dict(zip(self.meaning[::2], self.meaning[1::2], strict=True)).get(letter, letter)


@record
class Dialect:
    """A dialect's special bytes (None: it has no such byte) and spellings of values."""

    delimiter: int = ord(",")
    quote: int | None = ord('"')
    escape: int | None = None
    comment: int | None = None  # a line that begins with it is no record
    within: bool = False  # the escape acts only within quotes, before a quote or another escape
    letters: Letters | None = None  # meanings of escaped letters; None: themselves
    nulls: tuple[str, ...] | None = None  # unquoted fields that are missing; None: as in pandas
    decimal: int = ord(".")
    lf: bool = False  # a CR ends no line
    blanks: bool = False  # an empty line is a record where records have one field
    single: bool = False  # records have one field
    quotes_text: bool = False  # all text is written in quotes
    true: str = "True"
    false: str = "False"
    nan: str = ""  # empty: NaN is written as a missing value
    infinity: str = "inf"
    line_end: bytes = b"\n"  # of a new file
    mark: bytes = b""  # byte order mark of a new file

    @property
    def plain(self) -> bool:
        """Whether newlines, quotes and escapes alone determine the records."""
        return self.comment is None

    @property
    def by_arrow(self) -> bool:
        """Whether Arrow's reader removes quotes and escapes by this dialect's rules."""
        return not (self.within or self.letters or self.lf)

    @property
    def usual(self) -> bool:
        """Whether values are written as by pandas."""
        return self.nulls is None and self.decimal == ord(".") and self.true == "True"

    @property
    def spells_floats(self) -> bool:
        """Whether NaN or infinity is written otherwise than by pandas."""
        return bool(self.nan) or self.infinity != "inf"


def literal(byte: int | None) -> bytes:
    """Return a pattern for a byte, empty for None."""
    return b"" if byte is None else re.escape(bytes([byte]))


def re2_literal(text: str) -> str:
    """Return a pattern of RE2, Arrow's regular expressions, for a text."""
    return "".join(f"\\x{{{ord(mark):x}}}" for mark in text)


@lru_cache(maxsize=8)
def field_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match one field as it stands, with quotes; possessive, so it never backtracks."""
    if dialect.quote is None:
        return re.compile(_bare(dialect))
    return re.compile(_quoted(dialect) + literal(dialect.quote) + rb"?" + _bare(dialect) + rb"|"
                      + _bare(dialect))  # fmt: skip


def _bare(dialect: Dialect) -> bytes:
    """A field without quotes, or what follows its closing quote."""
    escape = b"" if dialect.within else literal(dialect.escape)
    breaks = rb"\n" if dialect.lf else rb"\r\n"
    bare = rb"[^" + breaks + literal(dialect.delimiter) + escape + rb"]*+"
    return bare + rb"(?:" + escape + rb"(?s:.)" + bare + rb")*+" if escape else bare


@lru_cache(maxsize=8)
def closed_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Match a quoted field's beginning, up to its closing quote."""
    return re.compile(_quoted(dialect) + literal(dialect.quote))


def _quoted(dialect: Dialect) -> bytes:
    """An opening quote and what follows it within the quotes."""
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
    """Match one record whose line end is there, and whose quotes are closed."""
    field, quote, comma = _bare(dialect), literal(dialect.quote), literal(dialect.delimiter)
    if quote:
        field = (
            rb"(?:" + _quoted(dialect) + quote + field + rb"|(?!" + quote + rb")" + field + rb")"
        )
    end = rb"\n" if dialect.lf else rb"(?:\r\n|\n|\r)"
    return re.compile(field + rb"(?:" + comma + field + rb")*+" + end)
