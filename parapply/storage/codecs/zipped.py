"""Reading the one file of a zip archive. In the parent.

The directory is at the archive's end, so archives from a pipe are copied to a file first.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from zipfile import ZipInfo

_SHOWN = 3  # names in a message


class Zipped:
    """Reads an archive's one file; `folder` is for archives from a pipe.

    Raises OSError for other files, and archives that have not one readable file.
    """

    def __init__(self, file: BinaryIO, folder: str | None) -> None:
        self._file, self._folder = file, folder
        self._member: Any = None

    @property
    def inner_name(self) -> str:
        return str(self._opened().name)

    def read(self, size: int = -1) -> bytes:
        from zipfile import BadZipFile

        try:
            data: bytes = self._opened().read(size)
        except BadZipFile as error:
            raise OSError(str(error)) from error
        return data

    def close(self) -> None:
        """Close the member; the caller closes the archive."""
        if self._member is not None:
            self._member.close()

    def _opened(self) -> Any:
        if self._member is None:
            file: Any = self._file
            if not file.seekable():
                file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - goes with this
                shutil.copyfileobj(self._file, file, 1 << 20)
            self._member = _only(file)
        return self._member


def _only(file: BinaryIO) -> Any:
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
    """Whether an entry is a folder, or metadata that macOS adds."""
    return bool(entry.is_dir()) or entry.filename.startswith("__MACOSX/")
