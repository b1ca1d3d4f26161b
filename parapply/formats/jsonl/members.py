"""Where the members of an object stand on its line."""

from __future__ import annotations

import json
import re

Member = tuple[
    str, int, int, int
]  # a key; where it starts, where its value does, and where it ends

_decoder = json.JSONDecoder()
_STRING = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
# In a line that was parsed before; the value is "" where it is a list or an object.
_MEMBER = re.compile(
    rf'[ \t\r,]*+(?P<start>){_STRING}[ \t\r]*+:[ \t\r]*+(?P<value>{_STRING}|[^"\[{{}}\], \t\r]*+)'
)


def members(line: str) -> list[Member]:
    """Return the members of the object on a line that `parse` has taken."""
    found: list[Member] = []
    match, position = _MEMBER.match, line.index("{") + 1
    while (member := match(line, position)) is not None:
        start, key, value = member.start(1), member[2], member.start(3)
        position = member.end()
        if position == value:
            position = _decoder.raw_decode(line, value)[1]
        if "\\" in key:
            key = json.loads(f'"{key}"')
        found.append((key, start, value, position))
    return found
