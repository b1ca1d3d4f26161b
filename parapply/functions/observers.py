"""Who looks on while Python runs: a debugger, a profiler, coverage. Anywhere."""

from __future__ import annotations

import sys
import threading

_TOOLS = range(6)  # of sys.monitoring (Python 3.12), where each tool takes one of these numbers


def is_observed() -> bool:
    """Whether anybody does: they have the last word, when Python ends as it usually does."""
    looks = (sys.gettrace, sys.getprofile, threading.gettrace, threading.getprofile)
    return any(look() is not None for look in looks) or any(map(_tool, _TOOLS))


def is_debugged() -> bool:
    """Whether somebody looks at each line, and at what names stand for there."""
    return sys.gettrace() is not None or _tool(0) is not None  # 0: sys.monitoring.DEBUGGER_ID


def _tool(number: int) -> str | None:
    monitoring = getattr(sys, "monitoring", None)
    return None if monitoring is None else monitoring.get_tool(number)
