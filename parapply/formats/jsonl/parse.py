"""The objects on lines of JSON text, with Python's own parser. Knows neither files nor columns."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Collection
from typing import Any

from parapply.formats.jsonl.lines import NOT_UTF_8, SPACE, LineError, Lines, find_lines
from parapply.model.excerpt import shown

_ESCAPED = re.compile("[\udc80-\udcff]")  # a byte that is not UTF-8, as Python reads it


def examine(lines: Lines) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Return the objects, empty ones for lines that hold none, and what is wrong with those."""
    bad: dict[int, str] = {}
    texts = lines.texts()
    objects = _parse(texts, _typed.raw_decode, bad)
    if not all(map(str.isascii, texts)):
        bad |= {row: NOT_UTF_8 for row, text in enumerate(texts) if _ESCAPED.search(text)}
    return objects, bad


def sound(data: bytes, *, lenient: bool) -> list[dict[str, Any]]:
    """Return the objects of a text; `lenient`: of those lines that hold one, else LineError."""
    if not lenient:
        return parse(find_lines(data).texts())
    objects, bad = examine(find_lines(data, lenient=True))
    return [row for place, row in enumerate(objects) if place not in bad] if bad else objects


_typed = json.JSONDecoder()
# Numbers as they are written; they are not told from strings then.
_literal = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def _int_or_text(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more of them than Python reads: sys.set_int_max_str_digits
        return digits


_patient = json.JSONDecoder(parse_int=_int_or_text)


def parse(texts: list[str]) -> list[dict[str, Any]]:
    """Return the objects; of equal keys in one the last counts. Raises LineError."""
    return _parse(texts, _typed.raw_decode)


def parse_literal(texts: list[str]) -> list[dict[str, Any]]:
    """Return the objects with numbers as the text that stands there."""
    return _parse(texts, _literal.raw_decode)


def _parse(
    texts: list[str],
    decode: Callable[[str, int], tuple[Any, int]],
    bad: dict[int, str] | None = None,
) -> list[dict[str, Any]]:
    """Return the objects; where `bad` is given it takes what is wrong with lines."""
    objects = []
    collected = gc.isenabled()
    gc.disable()  # that many new dicts make it look through all of them: 40 % of the time
    try:
        for row, line in enumerate(texts):
            try:
                value, end = decode(line, 0)
            except (ValueError, RecursionError):
                value, end = None, 0
            if type(value) is not dict or (end != len(line) and line[end:].strip(SPACE)):
                value = _parse_odd(row, line, decode, bad)
            objects.append(value)
    finally:
        if collected:
            gc.enable()
    return objects


def _parse_odd(
    row: int, line: str, decode: Callable[[str, int], tuple[Any, int]], bad: dict[int, str] | None
) -> dict[str, Any]:
    try:
        return _object_on(row, line, decode)
    except LineError as error:
        if bad is None:
            raise
        bad[row] = error.why
        return {}


def _object_on(
    row: int, line: str, decode: Callable[[str, int], tuple[Any, int]]
) -> dict[str, Any]:
    """Parse a line with spaces before it, or with an integer of thousands of digits; or raise."""
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
        raise LineError(
            row, f"has more after its JSON value, at character {end + 1}: {shown(text)}"
        )
    if type(value) is not dict:
        raise LineError(row, f"is JSON but not an object in braces: {shown(text)}")
    return value


def values_of(objects: list[dict[str, Any]], name: str) -> list[Any]:
    """Return the values of a key, None where it is missing."""
    try:
        return [row[name] for row in objects]
    except KeyError:
        return [row.get(name) for row in objects]


def without(values: list[Any], nulls: Collection[str]) -> list[Any]:
    """Return `values` without the texts and numbers that stand for missing ones."""
    if not nulls:
        return values
    return [
        None if type(value) in (str, int, float) and str(value) in nulls else value
        for value in values
    ]
