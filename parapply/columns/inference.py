"""What a column of text is, by the rules of pandas.read_csv: of a CSV file, or of folders' names.

Text alone tells: a number is what pandas takes for one, with white space of ASCII around it. The
differences that the README names are here, too: integers that a number does not hold stay text.
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
TYPES = {  # by kind, each of which holds those before it, but for bool, which goes with none
    "null": "double",  # what read_csv makes of a column without a value
    "bool": "bool",
    "int": "int64",
    "uint": "uint64",  # integers of which some need the 64th bit for their value
    "digits": "string",  # integers, of which some begin with zeros: 007
    "float": "double",
    "long": "string",  # numbers, of which some are integers that a number would not hold
    "text": "string",
}
_ORDER = tuple(TYPES)
_SPACE = r"[\t-\r ]*"  # what C's isspace says, and RE2's \s all but says
_INTEGER = rf"^{_SPACE}[+-]?[0-9]+{_SPACE}$"
_ZERO_LED = rf"^{_SPACE}[+-]?0[0-9]+{_SPACE}$"
_NEGATIVE = rf"^{_SPACE}-0*[1-9]"
_WIDE = rf"^{_SPACE}[+-]?0*[1-9][0-9]{{18,}}{_SPACE}$"  # may be beyond 64 bits
_NUMBER = (
    rf"^{_SPACE}[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{_SPACE}$"
    r"|^[+-]?(?i:inf(?:inity)?)$|^(?:NaN|nan)$"  # a missing value, but to tools that tell the two
)
_TRUTH = r"^(?i:true|false)$"


@record
class TextKind:
    """What a column holds in one piece of the input.

    `nulls`: some value is missing; `signed`: some integer is negative.
    """

    name: str
    nulls: bool
    signed: bool = False

    @property
    def type(self) -> str:
        """The name of the type, where this is all of the column.

        As read_csv has it, large integers are text beside a negative or missing one.
        """
        mixed = self.name == "uint" and (self.nulls or self.signed)
        return "string" if mixed else TYPES[self.name]

    def join(self, other: TextKind) -> TextKind:
        """Return the kind of both pieces together; the order does not matter."""
        low, high = sorted((self.name, other.name), key=_ORDER.index)
        if low == "bool" and high != "bool":
            high = "text"
        elif low == "uint" and high in ("digits", "float"):
            high = "long"
        return TextKind(high, self.nulls or other.nulls, self.signed or other.signed)


def kind_of(texts: Any) -> TextKind:
    """Return what text is, all of it together; null is what is missing."""
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
    """Return the rows that would have made a column of an inferred type another, or text."""
    if at.is_boolean(type_):
        return _rows(pc.invert(_where(texts, _TRUTH)))
    if at.is_integer(type_):
        return _rows(pc.or_(pc.invert(_where(texts, _INTEGER)), _where(texts, _ZERO_LED)))
    if not at.is_floating(type_):
        return []
    beyond = [row for row, text in _wide(texts).items() if _is_beyond(text)]
    return sorted({*_rows(pc.invert(_where(texts, _NUMBER))), *beyond})


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
    """Return integers that 64 bits may not hold, by their rows."""
    where = _where(texts, _WIDE)
    values = texts.to_pylist() if pc.any(where).as_py() else []
    return {row: values[row] for row in _rows(where)} if values else {}


def _is_beyond(text: str) -> bool:
    return not -(2**63) <= int(text) < 2**63
