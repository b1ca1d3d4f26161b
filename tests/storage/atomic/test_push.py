"""What becomes of an output's bytes on their way to the disk."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from parapply import Job, run
from parapply.model.errors import UsageError
from parapply.storage.atomic.output import Output
from parapply.storage.atomic.publishing import push
from parapply.storage.part import Part, read_table
from parapply.storage.registry import FILE_SYSTEMS


def test_what_was_pushed_is_not_pushed_again(tmp_path):
    path = tmp_path / "output"
    with open(path, "wb", buffering=0) as file:
        pushed = 0
        for size, wanted in ((3, 0), (6, 6), (8, 6), (12, 12)):
            file.write(b"x" * ((size << 20) - file.tell()))
            pushed = push(file.fileno(), pushed)
            assert pushed == wanted << 20
    assert path.read_bytes() == b"x" * (12 << 20)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system takes no advice")
def test_a_file_that_takes_no_advice_is_written_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    with open(tmp_path / "output", "wb", buffering=0) as file:
        file.write(b"x" * (5 << 20))
        assert push(file.fileno(), 0) == 5 << 20


@pytest.mark.parametrize("size", [0, 9, 10, 11])
def test_a_part_is_held_where_it_is_small_and_a_file_otherwise(tmp_path, size):
    part = Part(str(tmp_path / "part"), 10)
    part.write([b"x" * (size // 2), memoryview(b"x" * (size - size // 2))])
    if size < 10:
        assert part.held == b"x" * size
        assert not os.path.exists(part.path)
    else:
        assert part.held is None
        assert (tmp_path / "part").read_bytes() == b"x" * size


@pytest.mark.parametrize("small", [0, 1 << 14])
@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_a_table_that_is_held_is_read_as_one_in_a_file(tmp_path, small, rows):
    table = pa.table({"a": pa.array(range(rows), pa.int64()), "b": ["x"] * rows})
    part = Part(str(tmp_path / "part"), small)
    part.write_table(table)
    assert (part.held is None) == os.path.exists(part.path) == (small == 0 or rows == 5000)
    assert read_table(part.path if part.held is None else part.held).equals(table)


def test_a_name_with_a_scheme_that_nobody_knows_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x:").mkdir()
    (tmp_path / "x:" / "in.csv").write_text("a\n1\n")
    run(Job(expression="a + 1", into=("b",), inputs="x://in.csv", output="x://out.csv"))
    assert (tmp_path / "x:" / "out.csv").read_text() == "a,b\n1,2\n"


class Flat:
    """A file system of which nothing is asked before it is known to have no folders."""


def test_no_folder_is_written_where_a_file_system_has_none(tmp_path, monkeypatch):
    monkeypatch.setitem(FILE_SYSTEMS, "flat", f"{__name__}:Flat")
    with pytest.raises(UsageError, match=r"^flat://out/: no folder of part files can be written"):
        Output("flat://out/")
