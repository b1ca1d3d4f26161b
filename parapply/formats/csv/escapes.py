"""Removing quotes and escapes from a field, and adding them to text, by a dialect's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from parapply.formats.csv.dialect import Dialect, Letters, closed_pattern, literal
from parapply.model.errors import ResultError


class UnquotableError(Exception):
    """The value at `position` needs quotes, and the dialect has none."""

    def __init__(self, position: int, value: str) -> None:
        super().__init__(position, value)
        self.position, self.value = position, value


@contextmanager
def worded(where: Callable[[int], str], name: str | None = None) -> Iterator[None]:
    """Translate UnquotableError into ResultError; `where` names a row."""
    try:
        yield
    except UnquotableError as error:
        column = "" if name is None else f", column {name!r}"
        value = error.value if len(error.value) <= 60 else error.value[:57] + "..."
        raise ResultError(
            f"{where(error.position)}{column}: {value!r} has to be quoted"
            f"{'' if value else ', being alone on its line'}, and --quote '' says that nothing "
            f"is: {'name an --escape character' if value else 'write another column, too'}, "
            "or write --to jsonl"
        ) from error


def text_of(field: bytes, dialect: Dialect) -> bytes:
    """Return a field's text, without its quotes and escapes."""
    return reader_of(dialect)(field)


def reader_of(dialect: Dialect) -> Callable[[bytes], bytes]:
    """Return the function that turns a field into its text, for many fields."""
    bare = _bare_reader(dialect)
    if dialect.quote is None:
        return bare
    quote, within = bytes([dialect.quote]), _quoted_reader(dialect)
    match = closed_pattern(dialect).match

    def read(field: bytes) -> bytes:
        if not field.startswith(quote):
            return bare(field)
        found = match(field)
        if found is None:
            return within(field[1:])
        return within(field[1 : found.end() - 1]) + bare(field[found.end() :])

    return read


def _bare_reader(dialect: Dialect) -> Callable[[bytes], bytes]:
    if dialect.escape is None or dialect.within:
        return lambda text: text
    letters = dialect.letters
    coded = rb"[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|" if letters and letters.coded else b""
    replace = re.compile(literal(dialect.escape) + rb"(?:" + coded + rb"(?s:.))").sub

    @cache
    def meaning(escape: bytes) -> bytes:
        return escape[1:] if letters is None else _meaning(escape[1:], letters)

    return lambda text: replace(lambda found: meaning(found[0]), text)


def _quoted_reader(dialect: Dialect) -> Callable[[bytes], bytes]:
    quote = literal(dialect.quote)
    if dialect.escape is None:
        replace = re.compile(quote + b"(" + quote + b")").sub
    else:
        escape = literal(dialect.escape)
        either = b"[" + escape + quote + b"]" if dialect.within else rb"(?s:.)"
        replace = re.compile(b"(?:" + escape + b"(?=" + either + b")|" + quote + b")((?s:.))").sub
    return lambda text: replace(rb"\1", text)


def _meaning(code: bytes, letters: Letters) -> bytes:
    """Return the byte of a letter, or of a number in octal or hexadecimal."""
    if letters.coded and code.isdigit() and max(code) < ord("8"):
        return bytes([int(code, 8) & 255])
    if letters.coded and len(code) > 1:
        return bytes([int(code[1:], 16)])
    return letters.of(code.decode("latin-1")).encode("latin-1")


def bare_escape(dialect: Dialect) -> int | None:
    """Return the escape if it also acts in fields without quotes."""
    return None if dialect.within else dialect.escape


def within_quotes(dialect: Dialect) -> list[tuple[str, str]]:
    """Return the replacements to make within quotes, as (old, new) in order."""
    assert dialect.quote is not None
    quote = chr(dialect.quote)
    if dialect.escape is None:
        return [(quote, quote * 2)]
    escape = chr(dialect.escape)
    return [(escape, escape * 2), (quote, (escape if dialect.within else quote) + quote)]


def by_letters(dialect: Dialect) -> list[tuple[str, str]]:
    """Return the replacements for a dialect without quotes whose escapes have letters."""
    assert dialect.letters is not None and dialect.escape is not None
    escape, delimiter = chr(dialect.escape), chr(dialect.delimiter)
    pairs = [(dialect.letters.of(letter), escape + letter) for letter in dialect.letters.written]
    rest = [] if delimiter in dict(pairs) else [(delimiter, escape + delimiter)]
    return [(escape, escape * 2), *pairs, *rest]


def escaped(text: str, dialect: Dialect) -> str:
    """Return text as a field of such a dialect."""
    for old, new in by_letters(dialect):
        text = text.replace(old, new)
    return text


def special_marks(dialect: Dialect) -> list[str]:
    """Return the characters that an unquoted field cannot contain."""
    own = (dialect.delimiter, dialect.comment, bare_escape(dialect), dialect.quote)
    return [*(chr(mark) for mark in own if mark), "\r", "\n"]


def quoted_text(text: str, dialect: Dialect) -> bytes:
    """Return one text as a field, as `text.quoted` does for many; raises UnquotableError."""
    if dialect.letters is not None:
        return escaped(text, dialect).encode()
    special = special_marks(dialect)
    bare = not any(mark in text for mark in special) and text not in (dialect.nulls or ())
    if bare and not dialect.quotes_text:
        return text.encode()
    if dialect.quote is None:
        if (mark := bare_escape(dialect)) is None:
            raise UnquotableError(0, text)
        escape = chr(mark)
        return "".join(escape + mark if mark in special else mark for mark in text).encode()
    for old, new in within_quotes(dialect):
        text = text.replace(old, new)
    return f"{chr(dialect.quote)}{text}{chr(dialect.quote)}".encode()


def requoted(field: bytes, old: Dialect, new: Dialect) -> bytes:
    """Convert a field from one dialect to another."""
    return quoted_text(text_of(field, old).decode("utf-8", "replace"), new)
