"""Arrow scalars without pandas: `pa.scalar` and plain Python arguments of compute import it."""

from __future__ import annotations

from functools import cache

from parapply.model.deferred_imports import pa


@cache
def text(value: str) -> pa.StringScalar:
    """Return `value` as a string scalar."""
    builder = pa.lib.StringBuilder()
    builder.append(value)
    return builder.finish()[0]
