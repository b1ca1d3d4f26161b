"""Small, plain CSV files without numpy and Arrow, whose import takes as long as the rest of a run.

Results are those of parse.py, which reads the file if there is any doubt (dates, `007`, `+5`,
numbers in quotes beside text, blank lines, ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from parapply.columns.inference import FALSE, TRUE, TextKind
from parapply.formats.common.line_index import MARKS, Mark
from parapply.formats.csv.dialect import Dialect
from parapply.formats.nouns import Survey
from parapply.model.records import record

_DELIMITERS = b",;\t|"
_INTEGERS = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,17})\n)*+")
_NUMBER = r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,2})?"
_NUMBERS = re.compile(rf"(?:{_NUMBER}\n)*+", re.IGNORECASE)
_NO_TEXT = re.compile(r"inf|nan", re.IGNORECASE)  # what floats may begin with


def suits(dialect: Dialect) -> bool:
    """Whether lines of this dialect can be read here."""
    known = dialect.quote == ord('"') and dialect.delimiter in _DELIMITERS
    return known and dialect.plain and dialect.usual and dialect.escape is None


@record
class SmallLines:
    """Records of one line each, with equal line ends except perhaps the last."""

    lines: Sequence[str]
    end: str
    ended: bool  # the last one has a line end, too

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def text(self) -> bytes:
        tail = self.end if self.ended and self.lines else ""
        return (self.end.join(self.lines) + tail).encode()

    def pick(self, rows: Sequence[int]) -> SmallLines:
        ended = self.ended or not rows or rows[-1] < len(self) - 1
        return SmallLines([self.lines[row] for row in rows], self.end, ended)

    def cut(self, skip: int, rows: int) -> SmallLines:
        ended = self.ended or skip + rows < len(self)
        return SmallLines(self.lines[skip : skip + rows], self.end, ended)


def lines(text: bytes) -> SmallLines | None:
    """Return the records of text that begins and ends with one; None if it is not plain enough."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return None
    end, returns = "\n", decoded.count("\r")
    if returns:
        end = "\r\n"
        if not returns == decoded.count(end) == decoded.count("\n"):
            return None
    found = decoded.split(end)
    ended = not found[-1]
    if ended:
        del found[-1]
    return None if "" in found or "\0" in decoded else SmallLines(found, end, ended)


class Fields:
    """The fields of records that all have `width` of them."""

    def __init__(self, found: list[str], width: int, *, quoted: bool) -> None:
        self._found, self._width, self._quoted = found, width, quoted

    def raw(self, position: int) -> list[str]:
        """Return a column's fields as they stand."""
        return self._found[position :: self._width]

    def texts(self, position: int) -> list[str]:
        """Return the text of a column's fields, without quotes."""
        found = self.raw(position)
        if not self._quoted:
            return found
        return [t[1:-1].replace('""', '"') if t[:1] == '"' else t for t in found]


def fields(records: SmallLines, dialect: Dialect, width: int) -> Fields | None:
    """Return all records' fields; None where one lacks `width` fields or quotes are astray."""
    mark = chr(dialect.delimiter)
    text = "\n".join(records.lines)
    if '"' not in text:
        plain = {line.count(mark) for line in records.lines} == {width - 1}
        return Fields(text.replace("\n", mark).split(mark), width, quoted=False) if plain else None
    found: list[str] = []
    for line in records.lines:  # splitting lines without quotes takes a fifth of the time
        cut = _cut(line, mark) if '"' in line else line.split(mark)
        if len(cut) != width:
            return None
        found += cut
    return Fields(found, width, quoted=True)


def _cut(line: str, mark: str) -> list[str]:
    """Return the fields of a line with quotes; [] where a quote is astray."""
    found = _fields(mark).findall(line + "\n")
    return [field[:-1] for field in found] if sum(map(len, found)) == len(line) + 1 else []


@cache
def _fields(mark: str) -> re.Pattern[str]:
    """Match a field and its separator; text that is skipped is a stray quote."""
    end = f"[{re.escape(mark)}\n]"
    return re.compile(rf'"(?:[^"\n]|"")*+"{end}|[^"\n{re.escape(mark)}]*+{end}')


def kind(values: Sequence[str], nulls: Collection[str]) -> TextKind | None:
    """Return a column's kind; None if only parse.py can tell."""
    every = set(values)
    known = every.difference(nulls)
    missing = len(known) < len(every)
    text = "\n".join(known) + "\n"
    if not known:
        return TextKind("null", missing)
    if _INTEGERS.fullmatch(text):
        return TextKind("int", missing, "-" in text.replace("-0\n", ""))
    if _NUMBERS.fullmatch(text):
        return TextKind("float", missing)
    words = known.difference(TRUE, FALSE)
    if not words:
        return TextKind("bool", missing)
    if any(value[:1].isalpha() and not _NO_TEXT.match(value) for value in words):
        return TextKind("text", missing)
    return None


def survey(
    text: bytes, start: int, dialect: Dialect, width: int, positions: Sequence[int],
    nulls: Sequence[str],
) -> Survey | None:  # fmt: skip
    """Survey a whole file, whose records begin at byte `start`; None if that takes Arrow."""
    records = lines(text) if suits(dialect) else None
    found = fields(records, dialect, width) if records else None
    if records is None or found is None:
        return None
    kinds = []
    for position in positions:
        if (one := kind(found.texts(position), frozenset(nulls))) is None:
            return None
        kinds.append(one)
    return Survey(len(records), tuple(kinds), _marks(records, start))


def _marks(records: SmallLines, start: int) -> tuple[Mark, ...]:
    step = -(-len(records) // MARKS)
    found = []
    for row in range(0, len(records), step):
        found.append(Mark(row, start))
        start += len(records.cut(row, step).text)
    return tuple(found)


def values(
    texts: Sequence[str], type_: str, nulls: Collection[str], *, nullable: bool
) -> list[Any]:
    """Convert text to values of the type of a name; raises ValueError or KeyError."""
    convert = _VALUES[type_]
    if not nullable:
        return list(map(convert, texts))
    return [None if text in nulls else convert(text) for text in texts]


_VALUES: dict[str, Callable[[str], Any]] = {
    "int64": int,
    "double": float,
    "string": str,
    "bool": {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}.__getitem__,
}
