"""Inputs that change, vanish or cannot be read while a run is at them; folders that refuse."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from parapply import Job, run
from parapply.model.errors import InputError, OutputError, ParapplyError
from tests.processes import wait_for

TEXT = "a\n" + "".join(f"{n}\n" for n in range(20))


def work(tmp_path, inputs, does, **settings):
    """Run over inputs; the third row does something to the world."""

    def function(row):
        if row.a == 2:
            does()
        return row.a

    settings = {"output": tmp_path / "out.csv", "backend": "serial", **settings}
    return run(Job(function=function, inputs=inputs, **settings))


def append(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"21\n")


@pytest.mark.parametrize("changed", ["one.csv", "two.csv"])
def test_each_of_several_inputs_is_watched(tmp_path, written, changed):
    paths = [written(name, TEXT) for name in ("one.csv", "two.csv")]
    with pytest.raises(InputError, match=f"{changed} changed while it was read"):
        work(tmp_path, paths, lambda: append(tmp_path / changed))
    assert not (tmp_path / "out.csv").exists()


def test_files_of_a_folder_are_watched(tmp_path):
    folder = tmp_path / "in" / "day=1"
    folder.mkdir(parents=True)
    (folder / "part.csv").write_text(TEXT)
    with pytest.raises(InputError, match=r"day=1/part\.csv changed"):
        work(tmp_path, tmp_path / "in", lambda: append(folder / "part.csv"))


def test_compressed_input_is_watched(tmp_path, written):
    path = written("in.csv.gz", gzip.compress(TEXT.encode()))
    with pytest.raises(InputError, match=r"in\.csv\.gz changed"):
        work(tmp_path, path, lambda: append(path))


def test_an_output_that_replaces_its_input_is_no_change(tmp_path, written):
    path = written("in.csv", TEXT)
    for _ in range(2):
        work(tmp_path, path, lambda: None, output=path)


def test_an_input_that_is_replaced_is_not_replaced_again(tmp_path, written):
    path = written("in.csv", TEXT)
    with pytest.raises(InputError, match="changed"):
        work(tmp_path, path, lambda: path.write_text(TEXT.replace("1", "2")), output=path)
    assert path.read_text() == TEXT.replace("1", "2")


def test_the_file_of_standard_input_is_watched(started, written, tmp_path):
    path = written("in.csv", TEXT)
    written("f.py", "import time, pathlib\ndef f(row):\n    pathlib.Path('started').touch()\n"
            "    while not pathlib.Path('go').exists():\n        time.sleep(0.01)\n")  # fmt: skip
    with open(path) as file:
        process = started("f.py:f", "-o", "out.csv", stdin=file, stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "started")
    append(path)
    (tmp_path / "go").touch()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said.startswith("parapply: error: standard input changed while it was read: 52 bytes")
    assert not (tmp_path / "out.csv").exists()


def test_an_input_that_cannot_be_read_is_one_line(fail, tmp_path):
    """The memory of a process begins with pages that are not there: EIO."""
    assert "/proc/self/mem: Input/output error" in fail(
        1, "-e", "1", "/proc/self/mem", "--from", "csv", "-o", "out.csv"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("settings", [{"output": "out.csv"}, {"temp_dir": "."}])
def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path, written, settings, monkeypatch):
    path = written("in.csv", TEXT)
    closed = tmp_path / "closed"
    closed.mkdir(0o555)
    monkeypatch.chdir(closed)
    with pytest.raises(OutputError, match=f"cannot write in {closed}: Permission denied"):
        work(tmp_path, path, lambda: None, **settings)


def test_a_folder_of_part_files_that_became_something_else_is_kept(tmp_path, written):
    path, out = written("in.csv", TEXT), tmp_path / "out"
    out.mkdir()
    with pytest.raises(ParapplyError, match="is a folder with mine in it"):
        work(tmp_path, path, lambda: (out / "mine").touch(), output=f"{out}/")
    assert [one.name for one in out.iterdir()] == ["mine"]


def test_a_file_of_errors_that_cannot_be_published_leaves_both(tmp_path, written):
    path = written("in.csv", TEXT)
    (tmp_path / "bad").mkdir()

    def fail():
        for one in (tmp_path / "bad").rglob("*"):
            one.unlink() if one.is_file() else None
        os.rename(tmp_path / "bad", tmp_path / "gone")
        raise ValueError

    with pytest.raises(ParapplyError, match="bad"):
        work(tmp_path, path, fail, errors_to=tmp_path / "bad" / "bad.csv")
    assert not (tmp_path / "out.csv").exists()
