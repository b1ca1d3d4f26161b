"""Functions of `pyarrow.compute` without its import of 30 ms; `Array.cast` and `.take` import it.

Names and meanings are those of `pyarrow.compute`, where rare ones come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parapply.model.deferred_imports import compute as _arrow
from parapply.model.deferred_imports import pa


def call(name: str, arguments: list[Any], options: Any = None) -> Any:
    """Call an Arrow compute function by name."""
    return _arrow.call_function(name, arguments, options)


def cast(array: Any, type_: Any, *, safe: bool = True) -> Any:
    """Return `array` as another type."""
    options = _arrow.CastOptions.safe(type_) if safe else _arrow.CastOptions.unsafe(type_)
    return call("cast", [array], options)


def take(array: Any, positions: pa.Array) -> Any:
    """Return the values at `positions`."""
    return call("take", [array, positions], _arrow.TakeOptions(boundscheck=True))


def fill_null(array: Any, value: pa.Scalar) -> Any:
    """Return `array` with `value`, of its type, where it has none."""
    return call("coalesce", [array, value]) if array.null_count else array


def _kernel(name: str) -> Callable[..., Any]:
    return lambda *arguments: call(name, list(arguments))


if_else, equal, floor, is_nan = map(_kernel, ("if_else", "equal", "floor", "is_nan"))
any, all, min_max = map(_kernel, ("any", "all", "min_max"))  # noqa: A001 - pyarrow.compute's names
binary_join_element_wise = _kernel("binary_join_element_wise")  # the separator comes last


def count_distinct(array: Any) -> int:
    """Return the number of distinct values, null included."""
    count: int = call("count_distinct", [array], _arrow.CountOptions("all")).as_py()
    return count


def trim(array: Any) -> Any:
    """Strip white space of C's isspace, none of Unicode's, from both ends."""
    return call("ascii_trim", [array], _arrow.TrimOptions(" \t\n\v\f\r"))


def match_substring_regex(array: Any, pattern: str) -> Any:
    """Return where a regular expression matches."""
    return call("match_substring_regex", [array], _arrow.MatchSubstringOptions(pattern))


def replace_substring(array: Any, pattern: str, replacement: str) -> Any:
    """Replace every occurrence of a text."""
    options = _arrow.ReplaceSubstringOptions(pattern, replacement)
    return call("replace_substring", [array], options)


def replace_substring_regex(array: Any, pattern: str, replacement: str) -> Any:
    """Replace every match of a regular expression."""
    options = _arrow.ReplaceSubstringOptions(pattern, replacement)
    return call("replace_substring_regex", [array], options)


def __getattr__(name: str) -> Any:
    import pyarrow.compute

    return getattr(pyarrow.compute, name)
