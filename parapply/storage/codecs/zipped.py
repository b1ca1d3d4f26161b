"""A zip archive of one file, as the plain bytes in that. In the parent.

Its directory stands at the end, so that one that comes through a pipe is written to a file first.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from zipfile import ZipInfo

_SHOWN = 3  # names in a message


class Zipped:
    """Reads the one file of an archive; `folder` is for what comes through a pipe.

    Raises OSError for what is no archive, or has more or less than one file that can be read.
    """

    def __init__(self, file: BinaryIO, folder: str | None) -> None:
        self._file, self._folder = file, folder
        self._member: Any = None

    @property
    def inner_name(self) -> str:
        """What the file in the archive is called."""
        return str(self._opened().name)

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, b"" only at the end."""
        from zipfile import BadZipFile

        try:
            data: bytes = self._opened().read(size)
        except BadZipFile as error:
            raise OSError(str(error)) from error
        return data

    def close(self) -> None:
        """Close the member; the archive is closed by whoever opened it."""
        if self._member is not None:
            self._member.close()

    def _opened(self) -> Any:
        if self._member is None:
            self._member = _only(self._seekable())
        return self._member

    def _seekable(self) -> BinaryIO:
        if self._file.seekable():
            return self._file
        copy = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - goes with this object
        shutil.copyfileobj(self._file, copy, 1 << 20)
        return copy


def _only(file: BinaryIO) -> Any:
    """Open the one file in an archive."""
    from zipfile import BadZipFile, ZipFile

    try:
        archive = ZipFile(file)
        inside = [one for one in archive.infolist() if not _is_beside(one)]
        if len(inside) != 1:
            names = ", ".join(one.filename for one in inside[:_SHOWN])
            more = f" and {len(inside) - _SHOWN:,} more" if len(inside) > _SHOWN else ""
            raise OSError(
                f"it is a zip archive of {len(inside)} files, not one ({names}{more}); "
                "unzip -p ARCHIVE FILE | parapply ... reads one of them"
            )
        if inside[0].flag_bits & 1:
            raise OSError(f"{inside[0].filename} in it is encrypted; unzip it first")
        return archive.open(inside[0])
    except (BadZipFile, NotImplementedError) as error:
        raise OSError(str(error)) from error


def _is_beside(entry: ZipInfo) -> bool:
    """Whether an entry is a folder, or what a Mac puts beside each file."""
    return bool(entry.is_dir()) or entry.filename.startswith("__MACOSX/")
