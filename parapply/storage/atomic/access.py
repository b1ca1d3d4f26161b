"""Access to an output: that of the output it replaces, never wider. In the parent.

Until it is complete it is 0600 in a 0700 folder. Then it gets the old one's owner, group, mode,
access control lists and extended attributes; if there is no old one, those of a new file that is
made there to see them (umask, default list). What cannot be kept narrows access, and is reported.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress

from parapply.model.records import record

# Extended attributes that are access control lists: of POSIX (acl(5)) and NFS 4.
_LISTS = ("system.posix_acl_access", "system.posix_acl_default", "system.nfs4_acl")
_KEPT = (*_LISTS, "user.", "security.", "trusted.")
# These belong to a file's content, which is another one now.
_OF_CONTENT = ("security.capability", "security.evm", "security.ima")
_OWNER = 0o700


@record
class Access:
    """The access of one file or folder; an attribute that cannot be read is None."""

    owner: int
    group: int
    mode: int
    attributes: tuple[tuple[str, bytes | None], ...]

    @property
    def has_list(self) -> bool:
        """Whether an access control list says more than the mode."""
        return any(name in _LISTS for name, _ in self.attributes)


def access_of(path: str) -> Access:
    """Return the access of a file or folder; raises FileNotFoundError."""
    found = os.stat(path)
    attributes = tuple((name, _value(path, name)) for name in sorted(_names(path)))
    return Access(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), attributes)


def usual(place: str, *, folder: bool) -> Access:
    """Return the access of a new file or folder in `place`: one is made, and removed."""
    path = os.path.join(place, f"part-{os.urandom(6).hex()}")
    if folder:
        os.mkdir(path, 0o777)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        return access_of(path)
    finally:
        (os.rmdir if folder else os.unlink)(path)


def shared_by(every: Iterable[Access]) -> Access | None:
    """Return an access no wider than any of these; None if there are none."""
    different = list(dict.fromkeys(every))
    if len(different) < 2:
        return different[0] if different else None
    mode = 0o7777
    for access in different:
        mode &= access.mode
    if any(access.has_list for access in different):
        mode &= _OWNER
    same = set.intersection(*(set(access.attributes) for access in different))
    kept = tuple(sorted(pair for pair in same if pair[0] not in _LISTS))
    return Access(different[0].owner, different[0].group, mode, kept)


def give(path: str, access: Access) -> list[str]:
    """Set the access of a file or folder that nobody else can reach yet.

    Returns what could not be kept, in words; raises OSError where the mode cannot be set.
    """
    have, mode, wanted, lost = access_of(path), access.mode, dict(access.attributes), list[str]()
    if have.group != access.group and not _chown(path, -1, access.group):
        mode = narrowed(mode) & (_OWNER if access.has_list else 0o7777)
        wanted = {name: value for name, value in wanted.items() if name not in _LISTS}
        if mode & 0o777 != access.mode & 0o777 or access.has_list:
            lost.append("its group")
    if have.owner != access.owner and not _chown(path, access.owner, -1):
        mode &= ~stat.S_ISUID
    failed = _set_attributes(path, dict(have.attributes), wanted)
    if any(name in _LISTS for name in failed):
        mode &= _OWNER
    lost += ["its access control list" if n in _LISTS else f"its attribute {n}" for n in failed]
    # Setting a list sets the mode too; chmod would change lists of NFS.
    if stat.S_IMODE(os.stat(path).st_mode) != mode:
        os.chmod(path, mode)
    return lost


def narrowed(mode: int) -> int:
    """Return a mode for a file whose group changed: group and others get what both had."""
    both = (mode >> 3) & mode & 0o7
    return mode & _OWNER | both << 3 | both


def _chown(path: str, owner: int, group: int) -> bool:
    # Only root may change the owner, and members the group, if it is known in this container.
    with suppress(OSError):
        os.chown(path, owner, group)
        return True
    return False


def _set_attributes(
    path: str, have: Mapping[str, bytes | None], wanted: Mapping[str, bytes | None]
) -> list[str]:
    """Set what differs, lists last, as they let others in; return what could not be set."""
    stale = [name for name in have if name in _LISTS and name not in wanted]  # the folder's
    new = [name for name, value in wanted.items() if value is None or have.get(name) != value]
    names = sorted([*stale, *new], key=lambda name: name in _LISTS)
    return [name for name in names if not _set(path, name, wanted.get(name), name in stale)]


def _set(path: str, name: str, value: bytes | None, stale: bool) -> bool:
    try:
        if stale:
            os.removexattr(path, name)
        elif value is not None:
            os.setxattr(path, name, value)
    except OSError:
        return False
    return stale or value is not None


def _names(path: str) -> list[str]:
    if not hasattr(os, "listxattr"):  # only Linux has it
        return []
    try:
        names = os.listxattr(path)
    except OSError:  # none on this file system
        return []
    return [name for name in names if name.startswith(_KEPT) and name not in _OF_CONTENT]


def _value(path: str, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name)
    except OSError:
        return None
