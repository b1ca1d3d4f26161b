"""Lines of JSON objects, made of columns of JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.arrays import text_data
from parapply.columns.scalars import text
from parapply.columns.text.json import members
from parapply.model.deferred_imports import pa


def objects(columns: Sequence[tuple[str, pa.Array]], rows: int, line_end: str) -> Any:
    """Return the bytes of `rows` lines with an object each."""
    if not rows:
        return b""
    inner = members(columns)
    if inner is None:
        return f"{{}}{line_end}".encode() * rows
    return text_data(pc.binary_join_element_wise(text("{"), inner, text("}" + line_end), text("")))
