"""The encodings of text, by the names that Python has for them, and byte order marks."""

from __future__ import annotations

import codecs

from parapply.model.errors import UsageError

_SOME = "there are utf-8, latin-1, cp1252, utf-16, ..."
MARKED = "utf-8-sig"  # UTF-8 with a byte order mark
_MARK = "\ufeff"
# Of names in DNS, of Python's literals, and what never works: commas and line ends get lost.
_NO_TABLES = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of_head(head: bytes) -> str | None:
    """Return the encoding that a byte order mark tells, where it is not UTF-8, or None."""
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def input_encoding(name: str | None) -> str | None:
    """Return the proper name of --encoding, None for UTF-8; raises UsageError for an unknown one.

    A mark at the start of UTF-8 is for who reads the head.
    """
    proper = _proper(name, "--encoding")
    return None if proper in ("utf-8", MARKED) else proper


def output_encoding(name: str | None) -> str | None:
    """Do as `input_encoding`, but for UTF-8 with a mark: the output gets one."""
    proper = _proper(name, "--to-encoding")
    return None if proper == "utf-8" else proper


def _proper(name: str | None, option: str) -> str | None:
    if name is None:
        return None
    try:
        proper = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise UsageError(f"{option} {name}: unknown; {_SOME}") from None
    try:
        "".encode(proper)  # not so for codecs that are no encodings of text: hex, rot13
        known = proper not in _NO_TABLES
    except (LookupError, UnicodeError):
        known = False
    if not known:
        raise UsageError(f"{option} {name}: no encoding of text files; {_SOME}")
    return proper


def begun(data: bytes, encoding: str | None) -> bytes:
    """Return what a file begins with, with one byte order mark where it has any."""
    mark = _MARK.encode()
    bare = data.removeprefix(mark)
    if encoding == MARKED:
        return mark + bare
    if bare is data or encoding is None:
        return data
    return data if _takes_mark(encoding) else bare


def _takes_mark(encoding: str) -> bool:
    """Whether an encoding has the mark as a character, and writes none of its own."""
    try:
        _MARK.encode(encoding)
    except UnicodeError:
        return False
    return not "".encode(encoding)
