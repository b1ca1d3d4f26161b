"""How many workers to start: what the affinity mask and the container's quota leave us."""

from __future__ import annotations

import os
from pathlib import Path

from parapply.errors import UsageError


def count_workers(wish: int | str) -> int:
    """Return the number of workers for "auto", "50%" (of the cores there are), or a number.

    Raises UsageError for anything else.
    """
    text = str(wish).strip()
    if text == "auto":
        return available_cores()
    try:
        number = float(text.removesuffix("%")) if text.endswith("%") else int(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise UsageError(f"--workers {wish}: give a number, a percentage such as 50%, or auto")
    if text.endswith("%"):
        return max(1, round(available_cores() * number / 100))
    return int(number)


def available_cores() -> int:
    """Return the cores that this process may use, at least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    quota = cgroup_quota()
    return max(1, cores if quota is None else min(cores, int(quota)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the cores that the control group grants, as a fraction, or None without a limit."""
    try:
        limit, period = (root / "cpu.max").read_text().split()  # version 2
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit = (root / "cpu/cpu.cfs_quota_us").read_text()  # version 1
        period = (root / "cpu/cpu.cfs_period_us").read_text()
        return None if int(limit) <= 0 else int(limit) / int(period)
    except (OSError, ValueError):
        return None
