"""Tracebacks of the user's code, without the frames of ours."""

from __future__ import annotations

import importlib
import os
import traceback
from types import CodeType, TracebackType


def user_traceback(error: BaseException) -> str:
    """Format `error` with the user's own frames only: none of parapply's or the import system's."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append((trace.tb_frame.f_code, trace.tb_lasti))
        trace = trace.tb_next
    key = tuple(places[-_SHOWN:])
    if key not in _formatted:  # many rows fail at one place: its lines are looked up once
        if len(_formatted) >= _KEPT:
            _formatted.clear()
        _formatted[key] = _format_frames(error.__traceback__)
    said = "".join(traceback.format_exception_only(error)).rstrip()
    text = _formatted[key] + shortened(said, _LONGEST)
    return text.encode(errors="backslashreplace").decode()


def whole_traceback(error: BaseException) -> str:
    """Format `error` with all frames and causes, and what it says as far as anybody reads that."""
    return shortened("".join(traceback.format_exception(error, limit=-1000)), _LONGEST_OF_ALL)


def shortened(text: str, most: int) -> str:
    """Leave the middle of a text out where it has more than `most` characters."""
    if len(text) <= most:
        return text
    left = f" ... ({len(text) - most:,} characters) ... "
    return text[: most // 2] + left + text[-(most // 2) :]


_LONGEST, _LONGEST_OF_ALL = 2_000, 100_000  # characters: an exception may hold a server's page
_SHOWN = 60  # frames: of an endless recursion the last ones tell enough
_KEPT = 100
_formatted: dict[tuple[tuple[CodeType, int], ...], str] = {}


def _format_frames(trace: TracebackType | None) -> str:
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    machinery = os.path.dirname(importlib.__file__)
    frames = [
        frame
        for frame in traceback.extract_tb(trace, limit=-_SHOWN)
        if not frame.filename.startswith((ours, machinery, "<frozen importlib"))
    ]
    lines = "".join(traceback.format_list(frames))
    return f"Traceback (most recent call last):\n{lines}" if frames else ""
