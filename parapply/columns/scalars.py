"""Arrow scalars without pandas, which `pa.scalar` and Python arguments of kernels import."""

from __future__ import annotations

from functools import cache

from parapply.model.deferred_imports import pa


@cache
def text(value: str) -> pa.StringScalar:
    """Return `value` as a string scalar."""
    builder = pa.lib.StringBuilder()
    builder.append(value)
    return builder.finish()[0]
