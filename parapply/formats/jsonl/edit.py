"""JSON Lines to JSON Lines: new values are put into a line's own text, which otherwise stays.

Numbers are not parsed and written again: that keeps `1.10`, spaces, escapes, the order of keys, and
integers of any size.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from parapply.columns.text import json as text
from parapply.formats.jsonl.lines import SPACE
from parapply.formats.jsonl.parse import members
from parapply.formats.nouns import Arrangement, Keep
from parapply.model.records import record

_Made = dict[str, pa.Array]  # JSON texts


@record
class Edit:
    """How each line is edited."""

    names: tuple[str, ...]  # keys of the output, in order
    dropped: frozenset[str]
    ordered: bool  # in the input's order; otherwise objects are rebuilt

    @classmethod
    def of(cls, arrangement: Arrangement, columns: Sequence[str]) -> Edit:
        names = tuple(
            columns[column.position] if isinstance(column, Keep) else column.name
            for column in arrangement
        )
        there = {name: place for place, name in enumerate(columns)}
        places = [there.get(name, len(columns)) for name in names]
        ordered = all(one <= other for one, other in pairwise(places))
        return cls(names, frozenset(columns).difference(names), ordered)

    def lines(self, lines: list[str], made: _Made, keys: Collection[str]) -> list[str]:
        """Return the edited lines; `made` has a JSON text for each.

        `keys` are all keys of the lines, or more. Keys neither kept nor dropped stay: a stream may
        have some that its head lacks.
        """
        if not self.ordered:
            return self._each(lines, made, _composed)
        if self.dropped or not made.keys().isdisjoint(keys):
            return self._each(lines, made, _edited)
        added = text.members(list(made.items()))
        if added is None:
            return lines
        return [_added(*pair) for pair in zip(lines, added.to_pylist(), strict=True)]

    def _each(self, lines: list[str], made: _Made, edit: Any) -> list[str]:
        if not made:
            return [edit(line, self, {}) for line in lines]
        rows = zip(*(column.to_pylist() for column in made.values()), strict=True)
        return [
            edit(line, self, dict(zip(made, row, strict=True)))
            for line, row in zip(lines, rows, strict=True)
        ]


def _added(line: str, new: str) -> str:
    """Insert members before the closing brace."""
    brace = line.rindex("}")
    empty = line[:brace].rstrip(SPACE).endswith("{")
    return f"{line[:brace]}{'' if empty else ', '}{new}{line[brace:]}"


def _edited(line: str, edit: Edit, new: dict[str, str]) -> str:
    """Replace values in place, remove dropped keys, append the others."""
    found = members(line)
    pieces: list[str] = []
    end = found[0][1] if found else line.index("{") + 1
    first = line[:end]
    for key, start, position, stop in found:
        gap, end = line[end:start], stop
        if key not in edit.dropped:
            pair = line[start:position] + new[key] if key in new else line[start:stop]
            pieces.append(gap + pair if pieces else pair)
    there = {member[0] for member in found}
    rest = [text.member(name, value) for name, value in new.items() if name not in there]
    inner = "".join(pieces)
    if rest:
        inner = ", ".join([inner, *rest] if pieces else rest)
    return first + inner + line[end:]


def _composed(line: str, edit: Edit, new: dict[str, str]) -> str:
    """Rebuild an object in the order of the output's columns."""
    have = {key: line[start:stop] for key, start, _, stop in members(line)}
    have.update((name, text.member(name, value)) for name, value in new.items())
    inner = ", ".join(have[name] for name in edit.names if name in have)
    return line[: line.index("{") + 1] + inner + line[line.rindex("}") :]
