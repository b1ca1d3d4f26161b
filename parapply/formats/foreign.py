"""File signatures of other formats, so that such files are named instead of read as text."""

from __future__ import annotations

from parapply.model.errors import InputError
from parapply.model.records import record


@record
class _Kind:
    words: str
    way: str  # to convert it


_UNPACK = "unpack it first: {} | parapply ..."
_PANDAS = "write it as Parquet with pandas.{}"
_BEGINNINGS = {
    b"\x04\x22\x4d\x18": _Kind("compressed with lz4", _UNPACK.format("lz4 -dc FILE")),
    b"\x1f\x9d": _Kind("compressed with compress", _UNPACK.format("zcat FILE")),
    b"LZIP\x01": _Kind("compressed with lzip", _UNPACK.format("lzip -dc FILE")),
    b"\x89LZO": _Kind("compressed with lzop", _UNPACK.format("lzop -dc FILE")),
    b"\xff\x06\x00\x00sNaP": _Kind("compressed with snappy", _UNPACK.format("snzip -dc FILE")),
    b"7z\xbc\xaf\x27\x1c": _Kind("a 7z archive", _UNPACK.format("7z x -so FILE")),
    b"Obj\x01": _Kind("an Avro file", "write it as Parquet first"),
    b"ORC\x0a": _Kind("an ORC file", _PANDAS.format("read_orc")),
    b"SQLite f": _Kind(
        "an SQLite database", "sqlite3 -csv -header FILE 'SELECT ...' | parapply ..."
    ),
    b"\x89HDF\r\n\x1a\n": _Kind("an HDF5 file", _PANDAS.format("read_hdf")),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _Kind("an Excel workbook", "save it as CSV first"),
    b"\x93NUMPY": _Kind("a numpy array", "write it as CSV with numpy.savetxt"),
    b"\x80\x04\x95": _Kind("a pickle", _PANDAS.format("read_pickle")),
    b"\x80\x05\x95": _Kind("a pickle", _PANDAS.format("read_pickle")),
    b"<stata_d": _Kind("a Stata file", _PANDAS.format("read_stata")),
    b"%PDF-": _Kind("a PDF document", "it holds no table that could be read"),
}


def check(head: bytes, name: str) -> None:
    """Raise InputError for a file that begins with such a signature."""
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            raise InputError(f"{name} is {kind.words}, which is not read here: {kind.way}")
