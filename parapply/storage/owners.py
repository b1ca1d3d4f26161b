"""Which run a folder belongs to, and whether that run is dead. In the parent.

A note of host, boot and process stands in a file's *name*: so it is there whole or not at all, on
any file system, however its writer ends. Locks cannot say it alone: where they always succeed, or
are those of one host (network file systems mounted so), whoever asks has them.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import NamedTuple

_TEXT = re.compile(r"([0-9a-f]*)-([0-9a-f]*)-([\d.]*)-([1-9]\d{0,8})-(\d*)-([\w.-]*)", re.ASCII)
_DIGITS = 12  # of an identity that has 32
_FIRST = "4026531836."  # the namespace of process ids that a kernel begins with: no container's


class Owner(NamedTuple):
    """The process that a run is in; what is not known is empty."""

    machine: str
    boot: str
    spaces: str  # the namespaces that process ids, and the clock of their starts, are of
    pid: int
    start: str  # in ticks since the boot: process ids are used again
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
    """Return a note, as it stands in a file's name."""
    return "-".join(map(str, owner))


def owner_of(text: str) -> Owner | None:
    """Return whom a note names; None where it is none."""
    if (found := _TEXT.fullmatch(text)) is None:
        return None
    machine, boot, spaces, pid, start, host = found.groups()
    return Owner(machine, boot, spaces, int(pid), start, host)


def is_dead(owner: Owner) -> bool:
    """Whether it is certain that a process is no more.

    It is on the same host, and that has been booted since, or it is in the same boot and the same
    namespaces, and there is no process of that id and start. Of another host nothing is certain,
    nor of another container, nor of a boot of what was a container: their names are given to
    others. Without /proc (not on Linux) a process is certain to be dead where its id is free.
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
    """Whether this process would see that one, if it lived."""
    me = mine()
    return owner == me or (bool(me.spaces) and owner[:3] == me[:3] and owner.host == me.host)


def _has_ended(owner: Owner) -> bool:
    found = _state_and_start(owner.pid)
    if found is None or not owner.start:
        return _is_free(owner.pid)
    state, start = found
    return start != owner.start or state in "ZX"  # dead, and nobody has asked how it ended


def _is_free(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """Return fields 3 and 22 of proc(5); a command's name before them may hold anything."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _spaces() -> str:
    numbers = []
    for kind in ("pid", "time"):
        number = ""
        with suppress(OSError):  # there were none of time before Linux 5.6
            number = re.sub(r"\D", "", os.readlink(f"/proc/self/ns/{kind}"))
        numbers.append(number)
    return ".".join(numbers) if numbers[0] else ""


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 4096).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)
