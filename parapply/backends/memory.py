"""How much memory a run may take: what the machine has, or its control group grants."""

from __future__ import annotations

import os

from parapply.backends.cores import read_setting


def available_bytes(root: str = "/sys/fs/cgroup") -> int:
    """Return the bytes of memory that there are, whoever has them now."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    granted = [_granted(root, name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min(machine, *(limit for limit in granted if limit is not None), machine)


def _granted(root: str, name: str) -> int | None:
    try:
        return int(read_setting(root, name))
    except (OSError, ValueError):  # none is granted: "max"
        return None
