"""Type inference for text columns (CSV, names of folders), by the rules of pandas.read_csv.

The README names the differences: integers that a number does not hold stay text.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from parapply.columns import kernels as pc
from parapply.model.deferred_imports import at, pa
from parapply.model.records import record


def _spellings(word: str) -> tuple[str, ...]:
    return tuple(map("".join, product(*zip(word.lower(), word.upper(), strict=True))))


TRUE, FALSE = _spellings("true"), _spellings("false")
TYPES = {  # by kind; each kind holds those before it, but bool goes with none
    "null": "double",  # as read_csv types a column without values
    "bool": "bool",
    "int": "int64",
    "uint": "uint64",  # some integers need the 64th bit
    "digits": "string",  # some integers begin with zeros: 007
    "float": "double",
    "long": "string",  # some integers are beyond 64 bits
    "text": "string",
}
_ORDER = tuple(TYPES)
_SPACE = r"[\t-\r ]*"  # C's isspace; RE2's \s lacks one of these
_INTEGER = rf"^{_SPACE}[+-]?[0-9]+{_SPACE}$"
_ZERO_LED = rf"^{_SPACE}[+-]?0[0-9]+{_SPACE}$"
_NEGATIVE = rf"^{_SPACE}-0*[1-9]"
_WIDE = rf"^{_SPACE}[+-]?0*[1-9][0-9]{{18,}}{_SPACE}$"  # may be beyond 64 bits
_NUMBER = (
    rf"^{_SPACE}[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{_SPACE}$"
    r"|^[+-]?(?i:inf(?:inity)?)$|^(?:NaN|nan)$"  # missing, except in tools that tell NaN from null
)
_TRUTH = r"^(?i:true|false)$"


@record
class TextKind:
    """The kind (a key of TYPES) of a column in one piece of the input."""

    name: str
    nulls: bool  # some value is missing
    signed: bool = False  # some integer is negative

    @property
    def type(self) -> str:
        """The type's name; as in read_csv, uint64 beside negative or missing values is text."""
        mixed = self.name == "uint" and (self.nulls or self.signed)
        return "string" if mixed else TYPES[self.name]

    def join(self, other: TextKind) -> TextKind:
        """Return the kind of both pieces together; it commutes."""
        low, high = sorted((self.name, other.name), key=_ORDER.index)
        if low == "bool" and high != "bool":
            high = "text"
        elif low == "uint" and high in ("digits", "float"):
            high = "long"
        return TextKind(high, self.nulls or other.nulls, self.signed or other.signed)


def kind_of(texts: Any) -> TextKind:
    """Return the kind of an array of text; missing values are null."""
    name = _name(texts)
    signed = name in ("int", "uint") and bool(pc.any(_where(texts, _NEGATIVE)).as_py())
    return TextKind(name, texts.null_count > 0, signed)


def _name(texts: Any) -> str:
    if texts.null_count == len(texts):
        return "null"
    if not _every(texts, _NUMBER):
        return "bool" if _every(texts, _TRUTH) else "text"
    whole = _every(texts, _INTEGER)
    zero_led = whole and pc.any(_where(texts, _ZERO_LED)).as_py()
    beyond = [int(text) for text in _wide(texts).values() if _is_beyond(text)]
    if beyond:
        fits = whole and not zero_led and min(beyond) > 0 and max(beyond) < 2**64
        return "uint" if fits else "long"
    if not whole:
        return "float"
    return "digits" if zero_led else "int"


def misread(texts: pa.Array, type_: Any) -> list[int]:
    """Return the rows that would have changed a column's inferred type."""
    if at.is_boolean(type_):
        return _rows(pc.invert(_where(texts, _TRUTH)))
    if at.is_integer(type_):
        return _rows(pc.or_(pc.invert(_where(texts, _INTEGER)), _where(texts, _ZERO_LED)))
    if not at.is_floating(type_):
        return []
    beyond = {row for row, text in _wide(texts).items() if _is_beyond(text)}
    return sorted(beyond.union(_rows(pc.invert(_where(texts, _NUMBER)))))


def integers(texts: pa.Array) -> list[int]:
    """Return the rows whose text is an integer."""
    return _rows(_where(texts, _INTEGER))


def _where(texts: Any, pattern: str) -> Any:
    return pc.match_substring_regex(texts, pattern)


def _every(texts: Any, pattern: str) -> bool:
    return bool(pc.all(_where(texts, pattern)).as_py())


def _rows(where: Any) -> list[int]:
    return [row for row, holds in enumerate(where.to_pylist()) if holds]


def _wide(texts: Any) -> dict[int, str]:
    """Return integers of 19 digits and more, by row: 64 bits may not hold them."""
    where = _where(texts, _WIDE)
    values = texts.to_pylist() if pc.any(where).as_py() else []
    return {row: values[row] for row in _rows(where)} if values else {}


def _is_beyond(text: str) -> bool:
    return not -(2**63) <= int(text) < 2**63
