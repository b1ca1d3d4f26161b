"""Text to values of a given type: the same for CSV, JSON and names of folders.

For all but text and bytes, ASCII white space at both ends and a number's plus are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from parapply.columns import kernels as pc
from parapply.columns.fit import fit
from parapply.columns.scalars import text as scalar
from parapply.columns.values.convert import to_array
from parapply.model.deferred_imports import at, pa

_TRUE, _FALSE = r"^(?i:true|t|yes|y|on|1)$", r"^(?i:false|f|no|n|off|0)$"
_CLOCK = r"^[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?$"
_DURATION = (
    r"(?:(?P<days>[+-]?[0-9]+) days?,?)?(?: ?(?P<sign>[+-]?)"
    r"(?P<hours>[0-9]+):(?P<minutes>[0-5][0-9]):(?P<seconds>[0-5][0-9])(?:\.(?P<rest>[0-9]{1,9}))?)?"
)
_TICKS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # in nanoseconds


def from_text(texts: pa.Array, type_: Any) -> pa.Array:
    """Return text, null where missing, as an array of `type_`.

    Raises pyarrow.ArrowInvalid for other text, ArrowNotImplementedError for types without text.
    """
    return next(convert for check, convert in _converters() if check(type_))(texts, type_)


def is_direct(type_: Any) -> bool:
    """Whether Arrow's CSV reader has the same rules for a type."""
    return not (at.is_time(type_) or at.is_duration(type_) or at.is_decimal(type_))


def _truth(texts: pa.Array, type_: Any) -> pa.Array:
    bare = pc.trim(texts)
    true = pc.match_substring_regex(bare, _TRUE)
    _check(texts, pc.or_(true, pc.match_substring_regex(bare, _FALSE)), type_)
    return true


def _number(texts: pa.Array, type_: Any) -> pa.Array:
    bare = pc.replace_substring_regex(pc.trim(texts), r"^\+([0-9.iIn])", r"\1")
    if at.is_unsigned_integer(type_):
        bare = pc.replace_substring_regex(bare, "^-(0+)$", r"\1")
    return fit(bare, type_)


def _clock(texts: pa.Array, type_: Any) -> pa.Array:
    """Go through a timestamp: Arrow has no cast from text to time."""
    bare = pc.trim(texts)
    _check(texts, pc.match_substring_regex(bare, _CLOCK), type_)
    whole = pc.binary_join_element_wise(scalar("1970-01-01"), bare, scalar(" "))
    return pc.cast(pc.cast(whole, pa.timestamp(type_.unit)), type_)


def _duration(texts: pa.Array, type_: Any) -> pa.Array:
    ticks = [None if text is None else _ticks(text, type_) for text in texts.to_pylist()]
    return pc.cast(pc.cast(to_array(ticks), pa.int64()), type_)


def _ticks(text: str, type_: Any) -> int:
    """Return the ticks of a text like `1 days 00:00:05`, as pandas reads and we write it."""
    found = re.fullmatch(_DURATION, text.strip(" \t\n\v\f\r"))
    if not found or not found[0]:
        raise pa.ArrowInvalid(f"{text!r} is no {type_}")
    days, sign, *clock, rest = found.groups()
    hours, minutes, seconds = (int(part or 0) for part in clock)
    size = (hours * 3600 + minutes * 60 + seconds) * 10**9 + int((rest or "").ljust(9, "0"))
    whole = int(days or 0) * 86400 * 10**9 + (-size if sign == "-" else size)
    ticks, odd = divmod(whole, _TICKS[type_.unit])
    if odd or not -(2**63) < ticks < 2**63:
        raise pa.ArrowInvalid(f"{text!r} does not go into {type_}")
    return ticks


def _check(texts: pa.Array, fits: pa.Array, type_: Any) -> None:
    if pc.any(pc.invert(fits)).as_py():
        raise pa.ArrowInvalid(f"{texts[pc.index(fits, False).as_py()]} is no {type_}")


@cache
def _converters() -> tuple[tuple[Callable[[Any], bool], Callable[[Any, Any], Any]], ...]:
    return (
        (at.is_boolean, _truth),
        (lambda t: at.is_integer(t) or at.is_floating(t) or at.is_decimal(t), _number),
        (at.is_time, _clock),
        (at.is_duration, _duration),
        (at.is_dictionary, lambda texts, type_: pc.cast(texts.dictionary_encode(), type_)),
        (at.is_date, lambda texts, type_: pc.cast(pc.trim(texts), type_)),
        (at.is_timestamp, lambda texts, type_: pc.cast(pc.trim(texts), type_)),
        (lambda t: True, pc.cast),
    )
