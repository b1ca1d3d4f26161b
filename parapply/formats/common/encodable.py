"""Text that its encoding cannot hold: found in the worker, which knows row and column by name.

Only encodings that do not hold all of Unicode are asked. In the parent text is but encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from parapply.model.errors import UnencodableError

_FAR = "\U0010fffd\u0100\ufeff"  # what has these has all
Locate = Callable[[bytes, int], tuple[int, str]]  # the row and the column of a byte of a part


@cache
def holds_all(encoding: str | None) -> bool:
    """Whether an encoding (None: UTF-8) has every character."""
    try:
        _FAR.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def checked(buffers: Sequence[Any], encoding: str | None, locate: Locate) -> Sequence[Any]:
    """Return the text of a part, in UTF-8, as it is.

    Raises UnencodableError, by the row of the part, for a character that is not in `encoding`.
    """
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
    """Raise UnencodableError where a column's name cannot be written."""
    if encoding is None or holds_all(encoding):
        return
    try:
        name.encode(encoding)
    except UnicodeEncodeError as error:
        raise UnencodableError(-1, name, name[error.start], encoding) from error


def escaped(text: str | None, encoding: str | None) -> str | None:
    r"""Return what is said of a row, with `\\u20ac` for what its encoding cannot hold."""
    if text is None or encoding is None or holds_all(encoding):
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)
