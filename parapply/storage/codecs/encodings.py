"""Text encodings, by their Python names, and byte order marks."""

from __future__ import annotations

import codecs

from parapply.model.errors import UsageError

_SOME = "there are utf-8, latin-1, cp1252, utf-16, ..."
MARKED = "utf-8-sig"  # UTF-8 with a byte order mark
_MARK = "\ufeff"
# For DNS names, Python literals and nothing: they lose commas and line ends.
_NO_TABLES = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of_head(head: bytes) -> str | None:
    """Return the encoding of a byte order mark other than UTF-8's, or None."""
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def input_encoding(name: str | None) -> str | None:
    """Return --encoding's canonical name, None for UTF-8, marked or not; raises UsageError."""
    proper = _proper(name, "--encoding")
    return None if proper in ("utf-8", MARKED) else proper


def output_encoding(name: str | None) -> str | None:
    """Do as `input_encoding` for --to-encoding, but keep UTF-8 with a mark: it is written."""
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
        "".encode(proper)  # fails for codecs that encode no text: hex, rot13
        known = proper not in _NO_TABLES
    except (LookupError, UnicodeError):
        known = False
    if not known:
        raise UsageError(f"{option} {name}: no encoding of text files; {_SOME}")
    return proper


def begun(data: bytes, encoding: str | None) -> bytes:
    """Return a file's first bytes with at most one byte order mark, as `encoding` wants it."""
    mark = _MARK.encode()
    bare = data.removeprefix(mark)
    if encoding == MARKED:
        return mark + bare
    if bare is data or encoding is None:
        return data
    return data if _takes_mark(encoding) else bare


def _takes_mark(encoding: str) -> bool:
    """Whether an encoding can encode the mark, and writes none by itself."""
    try:
        _MARK.encode(encoding)
    except UnicodeError:
        return False
    return not "".encode(encoding)
