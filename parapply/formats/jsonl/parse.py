"""The objects on lines of JSON text, by Python's own parser. Knows neither files nor columns."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Collection
from typing import Any

from parapply.formats.jsonl.lines import NOT_UTF_8, SPACE, LineError, Lines, find_lines
from parapply.model.excerpt import shown

_Object = dict[str, Any]
_Decode = Callable[[str, int], tuple[Any, int]]
Member = tuple[str, int, int, int]  # key; start of member and value, end of value
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SPACE = r"[ \t\r]*+"
# The value is empty where it is a list or an object.
_MEMBER = re.compile(rf'[ \t\r,]*+({_STRING}){_SPACE}:{_SPACE}({_STRING}|[^"\[{{}}\], \t\r]*+)')
_ESCAPED = re.compile("[\udc80-\udcff]")  # a byte that is not UTF-8, decoded by surrogateescape


def examine(lines: Lines) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Return the objects, {} for unreadable lines, and {row: message} of these."""
    bad: dict[int, str] = {}
    texts = lines.texts()
    objects = _parse(texts, _typed.raw_decode, bad)
    if not all(map(str.isascii, texts)):
        bad |= {row: NOT_UTF_8 for row, text in enumerate(texts) if _ESCAPED.search(text)}
    return objects, bad


def sound(data: bytes, *, lenient: bool) -> list[dict[str, Any]]:
    """Return a text's objects; raises LineError unless `lenient`, which skips unreadable lines."""
    if not lenient:
        return parse(find_lines(data).texts())
    objects, bad = examine(find_lines(data, lenient=True))
    return [row for place, row in enumerate(objects) if place not in bad] if bad else objects


_typed = json.JSONDecoder()
# Numbers as they are written, not distinguished from strings.
_literal = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def _int_or_text(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # too many digits: sys.set_int_max_str_digits
        return digits


_patient = json.JSONDecoder(parse_int=_int_or_text)


def parse(texts: list[str]) -> list[dict[str, Any]]:
    """Return the objects; of equal keys in one the last counts. Raises LineError."""
    return _parse(texts, _typed.raw_decode)


def parse_literal(texts: list[str]) -> list[dict[str, Any]]:
    """Return the objects with numbers as they are written."""
    return _parse(texts, _literal.raw_decode)


def _parse(texts: list[str], decode: _Decode, bad: dict[int, str] | None = None) -> list[_Object]:
    """Return the objects; `bad`, where given, collects messages about unreadable lines."""
    objects = []
    collected = gc.isenabled()
    gc.disable()  # so many new dicts make it scan them all: 40 % of the time
    try:
        for row, line in enumerate(texts):
            try:
                value, end = decode(line, 0)
            except (ValueError, RecursionError):
                value, end = None, 0
            if type(value) is not dict or (end != len(line) and line[end:].strip(SPACE)):
                try:
                    value = _object_on(row, line, decode)
                except LineError as error:
                    if bad is None:
                        raise
                    bad[row], value = error.why, {}
            objects.append(value)
    finally:
        if collected:
            gc.enable()
    return objects


def _object_on(row: int, line: str, decode: _Decode) -> _Object:
    """Parse a line with leading spaces, or an integer of thousands of digits; raises LineError."""
    text = line.strip(SPACE)
    try:
        value, end = decode(text, 0)
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        place = error.pos + len(line) - len(line.lstrip(SPACE)) + 1
        raise LineError(row, f"is not JSON: {what} at character {place}: {shown(text)}") from error
    except RecursionError as error:
        raise LineError(row, f"is nested too deeply: {shown(text)}") from error
    except ValueError:  # sys.set_int_max_str_digits
        value, end = _patient.raw_decode(text, 0)
    if text[end:].strip(SPACE):
        why = f"has more after its JSON value, at character {end + 1}: {shown(text)}"
        raise LineError(row, why)
    if type(value) is not dict:
        raise LineError(row, f"is JSON but not an object in braces: {shown(text)}")
    return value


def members(line: str) -> list[Member]:
    """Return where the members of the object stand on a line that `parse` has accepted."""
    found: list[Member] = []
    match, position = _MEMBER.match, line.index("{") + 1
    while (member := match(line, position)) is not None:
        start, end = member.span(1)
        value, position = member.span(2)
        if position == value:
            position = _typed.raw_decode(line, value)[1]
        key = line[start + 1 : end - 1]
        if "\\" in key:
            key = json.loads(line[start:end])
        found.append((key, start, value, position))
    return found


def values_of(objects: list[dict[str, Any]], name: str) -> list[Any]:
    """Return a key's values, None where it is missing."""
    try:
        return [row[name] for row in objects]
    except KeyError:
        return [row.get(name) for row in objects]


def without(values: list[Any], nulls: Collection[str]) -> list[Any]:
    """Replace texts and numbers that stand for missing values by None."""
    if not nulls:
        return values
    return [
        None if type(value) in (str, int, float) and str(value) in nulls else value
        for value in values
    ]
