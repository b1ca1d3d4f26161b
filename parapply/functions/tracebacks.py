"""Tracebacks of the user's code, without the frames of ours."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
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
    text = _formatted[key] + "".join(traceback.format_exception_only(error)).rstrip()
    return text.encode(errors="backslashreplace").decode()


_SHOWN = 60  # frames: of an endless recursion the last ones tell enough
_KEPT = 100
_formatted: dict[tuple[tuple[CodeType, int], ...], str] = {}


def _format_frames(trace: TracebackType | None) -> str:
    ours = str(Path(__file__).parents[1])
    machinery = str(Path(importlib.__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(trace, limit=-_SHOWN)
        if not frame.filename.startswith((ours, machinery, "<frozen importlib"))
    ]
    lines = "".join(traceback.format_list(frames))
    return f"Traceback (most recent call last):\n{lines}" if frames else ""
