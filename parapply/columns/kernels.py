"""Arrow's compute functions without `pyarrow.compute`, which takes 30 ms to import: it makes a
Python function, with its documentation, of each of 300. (`Array.cast` and `.take` import it too.)

The names and meanings are those of `pyarrow.compute`; what is rare comes from there.
"""

from __future__ import annotations

from typing import Any

from parapply.model.deferred_imports import compute as _arrow
from parapply.model.deferred_imports import pa


def call(name: str, arguments: list[Any], options: Any = None) -> Any:
    """Call a function of Arrow's by its name."""
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


def if_else(condition: Any, one: Any, other: Any) -> Any:
    """Return `one` where the condition holds, else `other`."""
    return call("if_else", [condition, one, other])


def equal(one: Any, other: Any) -> Any:
    """Return where both are equal."""
    return call("equal", [one, other])


def floor(array: Any) -> Any:
    """Round down."""
    return call("floor", [array])


def is_nan(array: Any) -> Any:
    """Return where it is not a number."""
    return call("is_nan", [array])


def any(array: Any) -> Any:  # noqa: A001 - pyarrow.compute's name
    """Return whether any is true."""
    return call("any", [array])


def all(array: Any) -> Any:  # noqa: A001 - as above
    """Return whether all are true."""
    return call("all", [array])


def count_distinct(array: Any) -> int:
    """Return how many different values there are, null among them."""
    count: int = call("count_distinct", [array], _arrow.CountOptions("all")).as_py()
    return count


def min_max(array: Any) -> Any:
    """Return the extremes, as a struct."""
    return call("min_max", [array])


def binary_join_element_wise(*columns: Any) -> Any:
    """Join strings row by row with the last argument between them."""
    return call("binary_join_element_wise", list(columns))


def trim(array: Any) -> Any:
    """Take white space off both ends: what C's isspace says is that, and nothing of Unicode's."""
    return call("ascii_trim", [array], _arrow.TrimOptions(" \t\n\v\f\r"))


def match_substring_regex(array: Any, pattern: str) -> Any:
    """Return where a pattern is found."""
    return call("match_substring_regex", [array], _arrow.MatchSubstringOptions(pattern))


def replace_substring(array: Any, pattern: str, replacement: str) -> Any:
    """Replace every occurrence of a text."""
    return call("replace_substring", [array], _replacing(pattern, replacement))


def replace_substring_regex(array: Any, pattern: str, replacement: str) -> Any:
    """Replace every match of a pattern."""
    return call("replace_substring_regex", [array], _replacing(pattern, replacement))


def _replacing(pattern: str, replacement: str) -> Any:
    return _arrow.ReplaceSubstringOptions(pattern, replacement)


def __getattr__(name: str) -> Any:
    import pyarrow.compute

    return getattr(pyarrow.compute, name)
