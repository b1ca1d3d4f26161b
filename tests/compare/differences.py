"""Tells in words, and with the lines or bytes in question, how two outcomes differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tests.compare.runs import HANGS, Outcome

AROUND = 60  # bytes that are shown on either side of the first that differs


def between(old: Outcome, new: Outcome) -> list[str]:
    """Return what differs; nothing where both are the same and none hangs."""
    return list(_between(old, new))


def _between(old: Outcome, new: Outcome) -> Iterator[str]:
    for name, one in (("old", old), ("new", new)):
        if one.code == HANGS:
            yield f"the {name} one hangs"
    if old.code != new.code:
        yield f"exit code {old.code} is now {new.code}"
    if old.stdout != new.stdout:
        yield "standard output: " + _bytes(old.stdout, new.stdout)
    if old.said != new.said:
        lines = difflib.unified_diff(
            old.said.splitlines(), new.said.splitlines(), "old", "new", lineterm="", n=1
        )
        yield "standard error:\n" + "\n".join(lines)
    for name in sorted(old.files.keys() | new.files.keys()):
        before, after = old.files.get(name), new.files.get(name)
        if before is None or after is None:
            yield f"{name}: {'not ' * (before is None)}there, now {'not ' * (after is None)}there"
        elif before != after:
            yield f"{name}: {_bytes(before, after)}"


def _bytes(old: bytes, new: bytes) -> str:
    """Show the place where they part."""
    shorter = min(len(old), len(new))
    place = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    start = max(0, place - AROUND)
    shown = [f"    {name} {one[start : place + AROUND]!r}" for name, one in
             (("old", old), ("new", new))]  # fmt: skip
    return "\n".join((f"{len(old)} and {len(new)} bytes, from byte {place} on:", *shown))
