"""Characters that the output's encoding lacks: found in workers, which know row and column;
the parent only encodes. Encodings that hold all of Unicode are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from parapply.model.errors import UnencodableError

_FAR = "\U0010fffd\u0100\ufeff"  # an encoding with these has every character
Locate = Callable[[bytes, int], tuple[int, str]]  # byte position in a part -> row, column


@cache
def holds_all(encoding: str | None) -> bool:
    """Whether an encoding (None: UTF-8) can represent every character."""
    try:
        _FAR.encode(encoding or "utf-8")
        return True
    except UnicodeEncodeError:
        return False


def checked(buffers: Sequence[Any], encoding: str | None, locate: Locate) -> Sequence[Any]:
    """Return a part's UTF-8 text; raises UnencodableError for a character `encoding` lacks."""
    if encoding is None or holds_all(encoding):
        return buffers
    data = b"".join(buffers)
    text = data.decode()
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        row, column = locate(data, len(text[: error.start].encode()))
        raise UnencodableError(row, column, text[error.start], encoding) from error
    return [data]


def check_name(name: str, encoding: str | None) -> None:
    """Raise UnencodableError where a column's name cannot be encoded."""
    if encoding is None or holds_all(encoding):
        return
    try:
        name.encode(encoding)
    except UnicodeEncodeError as error:
        raise UnencodableError(-1, name, name[error.start], encoding) from error


def escaped(text: str | None, encoding: str | None) -> str | None:
    r"""Return a message about a row, with `\\u20ac` for characters that the encoding lacks."""
    if text is None or encoding is None or holds_all(encoding):
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)
