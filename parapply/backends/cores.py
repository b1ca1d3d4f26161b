"""How many workers to start, and how many threads each of them may have of its own.

That is what the affinity mask and the container's quota leave us. Imports nothing: it is asked
before any library is loaded that starts threads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from parapply.model.errors import UsageError

# Who reads which variable for the size of its thread pool. The first speaks for several: OpenMP,
# and unless their own is set, OpenBLAS, MKL, numexpr and Arrow. A user who sets it has decided.
_OPENMP = "OMP_NUM_THREADS"
_LIKE_OPENMP = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_OTHERS = ("VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
_ARROW_IO = "ARROW_IO_THREADS"  # they wait more than they work, and one may wait for another


def thread_settings(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set so that no library starts more threads than `count`.

    None of those that the user has set is among them.
    """
    names = _OTHERS if _OPENMP in environment else (_OPENMP, *_LIKE_OPENMP, *_OTHERS)
    settings = dict.fromkeys(names, str(count)) | {_ARROW_IO: str(max(2, count))}
    return {name: value for name, value in settings.items() if name not in environment}


def share(workers: int) -> int:
    """Return the cores that there are for each of so many workers, at least 1."""
    return max(1, available_cores() // workers)


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


def cgroup_quota(root: str = "/sys/fs/cgroup") -> float | None:
    """Return the cores that the control group grants, as a fraction, or None without a limit."""
    try:
        limit, period = read_setting(root, "cpu.max").split()  # version 2
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit = read_setting(root, "cpu/cpu.cfs_quota_us")  # version 1
        period = read_setting(root, "cpu/cpu.cfs_period_us")
        return None if int(limit) <= 0 else int(limit) / int(period)
    except (OSError, ValueError):
        return None


def read_setting(root: str, name: str) -> str:
    """Return what the control group says; raises OSError where it says nothing."""
    with open(os.path.join(root, name)) as file:
        return file.read()
