"""Which process owns a folder, and whether it is dead. In the parent.

Host, boot and process stand in a file's *name*: that is atomic on any file system. Locks do not
suffice: on some network file systems they always succeed, or exclude one host's processes only.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import NamedTuple

_TEXT = re.compile(r"([0-9a-f]*)-([0-9a-f]*)-([\d.]*)-([1-9]\d{0,8})-(\d*)-([\w.-]*)", re.ASCII)
_DIGITS = 12  # kept of an identity's 32
_FIRST = "4026531836."  # the kernel's initial pid namespace: no container's


class Owner(NamedTuple):
    """A run's process; unknown fields are empty."""

    machine: str
    boot: str
    spaces: str  # the namespaces of `pid` and of the clock of `start`
    pid: int
    start: str  # ticks since boot, as process ids are reused
    host: str


def mine() -> Owner:
    """Return this process."""
    global _mine
    if _mine is None or _mine.pid != os.getpid():
        _mine = _look()
    return _mine


_mine: Owner | None = None


def _look() -> Owner:
    machine = _read("/etc/machine-id")
    boot = _read("/proc/sys/kernel/random/boot_id").replace("-", "")
    pid = os.getpid()
    _, start = _state_and_start(pid) or ("", "")
    host = re.sub(r"[^\w.-]", "_", os.uname().nodename, flags=re.ASCII)[:64]
    return Owner(machine[:_DIGITS], boot[:_DIGITS], _spaces(), pid, start, host)


def text_of(owner: Owner) -> str:
    """Return an owner as part of a file name."""
    return "-".join(map(str, owner))


def owner_of(text: str) -> Owner | None:
    """Return the owner that `text_of` wrote; None for other text."""
    if (found := _TEXT.fullmatch(text)) is None:
        return None
    machine, boot, spaces, pid, start, host = found.groups()
    return Owner(machine, boot, spaces, int(pid), start, host)


def is_dead(owner: Owner) -> bool:
    """Whether a process has certainly ended.

    That is so on the same host after a reboot, or in the same boot and namespaces where no process
    has that id and start. Nothing is certain of other hosts, other containers, or a container's
    earlier boot: their names are reused. Without /proc (not on Linux) a free id is certainty.
    """
    me = mine()
    if (owner.machine, owner.host) != (me.machine, me.host):
        return False
    if not (owner.boot and me.boot):
        return owner.boot == me.boot and sys.platform != "linux" and _is_free(owner.pid)
    if owner.boot != me.boot:
        firsts = owner.spaces.startswith(_FIRST) and me.spaces.startswith(_FIRST)
        return bool(me.machine) and firsts
    return is_seen(owner) and _has_ended(owner)


def is_seen(owner: Owner) -> bool:
    """Whether this process could see that one, were it alive."""
    me = mine()
    return owner == me or (bool(me.spaces) and owner[:3] == me[:3] and owner.host == me.host)


def _has_ended(owner: Owner) -> bool:
    found = _state_and_start(owner.pid)
    if found is None or not owner.start:
        return _is_free(owner.pid)
    state, start = found
    return start != owner.start or state in "ZX"  # a zombie


def _is_free(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:  # or a process of another user
        return isinstance(error, ProcessLookupError)
    return False


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """Return fields 3 and 22 of proc(5); the command name before them may hold anything."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _spaces() -> str:
    numbers = []
    for kind in ("pid", "time"):
        number = ""
        with suppress(OSError):  # time namespaces came with Linux 5.6
            number = re.sub(r"\D", "", os.readlink(f"/proc/self/ns/{kind}"))
        numbers.append(number)
    return ".".join(numbers) if numbers[0] else ""


def _read(path: str) -> str:
    try:
        with open(path, "rb", 0) as file:
            return file.read(4096).decode("ascii", "replace").strip()
    except OSError:
        return ""
