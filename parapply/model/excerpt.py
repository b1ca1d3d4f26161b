"""Text of an input in a message: on one line, and not too long."""

from __future__ import annotations


def shown(text: str | bytes, most: int = 60) -> str:
    """Return text cut, with what cannot be printed as escapes."""
    if isinstance(text, bytes):
        text = text[: 5 * most].decode("utf-8", "replace")
    cut = text if len(text) <= most else text[: most - 3] + "..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)
