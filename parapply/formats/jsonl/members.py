"""Where the members of an object stand on its line."""

from __future__ import annotations

import json
import re

Member = tuple[str, int, int, int]  # key, where it starts, where its value starts, where that ends

_decoder = json.JSONDecoder()
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SPACE = r"[ \t\r]*+"
# The value is empty where it is a list or an object.
_MEMBER = re.compile(rf'[ \t\r,]*+({_STRING}){_SPACE}:{_SPACE}({_STRING}|[^"\[{{}}\], \t\r]*+)')


def members(line: str) -> list[Member]:
    """Return the members of the object on a line that `parse` has taken."""
    found: list[Member] = []
    match, position = _MEMBER.match, line.index("{") + 1
    while (member := match(line, position)) is not None:
        start, end = member.span(1)
        value, position = member.span(2)
        if position == value:
            position = _decoder.raw_decode(line, value)[1]
        key = line[start + 1 : end - 1]
        if "\\" in key:
            key = json.loads(line[start:end])
        found.append((key, start, value, position))
    return found
