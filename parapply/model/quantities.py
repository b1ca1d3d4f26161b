"""Amounts as people write them: durations, sizes in bytes, counts and parts of a whole."""

from __future__ import annotations

import math
import re

from parapply.model.errors import UsageError

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}  # powers of two, with or without "iB"
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"


def duration(option: str, text: str | float) -> float:
    """Return seconds for "5s", "500ms", "2m", "1h" or a number of seconds; above 0."""
    found = re.fullmatch(_NUMBER + r"\s*([a-z]*)", str(text).strip().lower())
    seconds = float(found[1]) * _SECONDS[found[2]] if found and found[2] in _SECONDS else 0.0
    if seconds <= 0 or not math.isfinite(seconds):
        raise UsageError(f"{option} {text}: give a duration such as 5s, 500ms, 2m or 1h")
    return seconds


def size(option: str, text: str | int) -> int:
    """Return bytes for "2G", "500M", "64kB" (powers of two) or a number of bytes; above 0."""
    found = re.fullmatch(_NUMBER + r"\s*([kmgt]?)(?:i?b)?", str(text).strip().lower())
    amount = int(float(found[1]) * (1 << _BYTES[found[2]])) if found else 0
    if amount <= 0:
        raise UsageError(f"{option} {text}: give a size such as 2G or 500M")
    return amount


def limit(option: str, text: str | int) -> tuple[int | None, float | None]:
    """Return (count, None) for "100", (None, part of the whole) for "5%"."""
    written = str(text).strip()
    found = re.fullmatch(_NUMBER + r"\s*%", written)
    if found and float(found[1]) <= 100:
        return None, float(found[1]) / 100
    if written.isdecimal():
        return int(written), None
    raise UsageError(f"{option} {text}: give a number of rows, or a part of them such as 5%")
