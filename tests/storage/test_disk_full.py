"""A full disk: one line names the file and the option that are concerned, and old files stay."""

from __future__ import annotations

import errno
import os
import re

import pytest

import parapply as package
from parapply import Job
from parapply.model.errors import OutputError
from parapply.storage.disk_errors import _is_in
from parapply.storage.private import Naming, create, write
from tests.formats.registered import ONE_OF_EACH

FULL = os.strerror(errno.ENOSPC)
HINT = r" \(--temp-dir DIR puts temporary files elsewhere\)"
FORMATS = [*ONE_OF_EACH, "csv.gz"]


@pytest.fixture
def run_full(table, tmp_path, monkeypatch):
    """Run a job while files of a certain name cannot be made; return what is said."""
    monkeypatch.setattr("parapply.engine.chunking.SMALL", 0)
    original = os.open

    def run(full, output="out.csv", **settings):
        def opened(path, flags, *rest, **more):
            if flags & os.O_CREAT and re.search(full, str(path)):
                raise OSError(errno.ENOSPC, FULL, path)
            return original(path, flags, *rest, **more)

        monkeypatch.setattr(os, "open", opened)
        monkeypatch.chdir(tmp_path)
        (tmp_path / output).write_text("old")
        settings = {"expression": "1 // (number - 7)", "on_error": "skip", **settings}
        with pytest.raises(OutputError) as caught:
            package.run(
                Job(**{"inputs": str(table), "output": output, "backend": "serial", **settings})
            )
        assert (tmp_path / output).read_text() == "old"
        assert not [name for name in os.listdir(tmp_path) if "parapply-" in name]
        return str(caught.value)

    return run


@pytest.mark.parametrize("format_", FORMATS)
def test_where_the_output_cannot_be_opened(run_full, tmp_path, format_):
    said = run_full(r"/output$", f"out.{format_}")
    assert said == f"out.{format_}: cannot write in {tmp_path}: {FULL}"


def test_where_the_output_of_columns_that_are_copied_cannot_be_opened(
    run_full, tmp_path, flights_parquet
):
    said = run_full(r"/output$", "out.parquet", inputs=str(flights_parquet), expression="hour * 2")
    assert said == f"out.parquet: cannot write in {tmp_path}: {FULL}"


@pytest.mark.parametrize("format_", FORMATS)
def test_where_the_file_of_errors_cannot_be_opened(run_full, tmp_path, format_):
    (tmp_path / f"bad.{format_}").write_text("old")
    assert run_full(r"bad.*/output$", errors_to=f"bad.{format_}") == (
        f"--errors-to bad.{format_}: {FULL}"
    )
    assert (tmp_path / f"bad.{format_}").read_text() == "old"


@pytest.mark.parametrize("format_", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, rf"out\.\w+: cannot write in .*: {FULL}{HINT}"),
        ({"temp_dir": "."}, rf"--temp-dir \.: {FULL}"),
        ({"checkpoint": "kept"}, f"--checkpoint kept: {FULL}"),
        ({"errors_to": "bad.csv"}, rf"out\.\w+: cannot write in .*: {FULL}{HINT}"),
    ],
    ids=str,
)
def test_where_a_part_cannot_be_written(run_full, format_, settings, said):
    name = r"/0000\d+\.\d+" + (r"\.aside$" if "errors_to" in settings else "$")
    assert re.fullmatch(said, run_full(name, f"out.{format_}", **settings))


def test_a_copy_of_what_comes_names_itself_and_not_where_that_comes_from(tmp_path):
    with pytest.raises(OSError, match="/dev/full"), Naming("standard input"):
        write("/dev/full", b"x" * (1 << 20))
    copy = create(str(tmp_path / "copy"))
    with pytest.raises(OSError, match="standard input"), Naming("standard input"), copy:
        copy.write(b"x")
        raise OSError(errno.EIO, os.strerror(errno.EIO))


PRINTS = "def prints(row):\n    print('line', row.number)\n    return row.number\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_what_cannot_be_logged_is_said_and_no_row_fails_of_it(parapply, written, table, tmp_path):
    written("prints.py", PRINTS)
    done = parapply("prints.py:prints", "table.csv", "-o", "out.csv", "--log-file", "/dev/full")
    assert done.returncode == 0
    first, *lines = done.stderr.splitlines()
    assert first == f"parapply: warning: --log-file /dev/full: {FULL}; lines come here"
    said = {line.partition(": ")[2] for line in lines}
    assert said >= {f"line {number}" for number in range(20)}
    assert (tmp_path / "out.csv").read_text().count("\n") == 21


def test_an_output_that_was_begun_anew_is_known_by_the_name_of_before():
    for path, inside in {
        "/a/output": True, "/a/output+": True, "/a/output/part": True, "/a/output++/part": True,
        "/a/outputs": False, "/a/output+s": False, "/a": False,
    }.items():  # fmt: skip
        assert _is_in(path, "/a/output+") is inside
