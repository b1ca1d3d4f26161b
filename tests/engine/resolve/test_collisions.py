"""What a run would write over is refused before anything is read, by whatever name it goes."""

from __future__ import annotations

import os
import subprocess

import pytest

import parapply
from parapply import Job
from parapply.engine.resolve.collisions import _spot
from parapply.model.errors import UsageError
from tests.processes import COMMAND

INPUT, OUTPUT = "that is an input", "that is where the output goes"
FUNCTION, SHARED = "the file of the function", "that is what --share names reads"
KEPT, PARTS = "in the folder of --checkpoint", "in the folder of the output"
FOLDER = "in the folder in, which is an input"
ERRORS, LOG = ("--errors-to",), ("--log-file",)
RUNS = "def f(row):\n    open('ran', 'w').close()\n    return 1 // row.a\n"
BOTH = (*ERRORS, *LOG)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of files by many names, in which the test runs."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "table.csv").write_text("a\n1\n0\n")
    (tmp_path / "table.csv").symlink_to("in/table.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "in" / "table.csv")
    (tmp_path / "f.py").write_text(
        "def f(row):\n    open('ran', 'w').close()\n    return 1 // row.a\n"
    )
    (tmp_path / "link.py").symlink_to("f.py")
    (tmp_path / "names.csv").write_text("n\n1\n")
    (tmp_path / "here").symlink_to(".")
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES = [
    (BOTH, "in/table.csv", {}, INPUT),
    (BOTH, "table.csv", {}, INPUT),
    (BOTH, "hard.csv", {}, INPUT),
    (BOTH, "here/in/../table.csv", {}, INPUT),
    (BOTH, "in/new.csv", {"inputs": "in"}, FOLDER),
    (BOTH, "here/in/new.csv", {"inputs": "in"}, FOLDER),
    ((*BOTH, "-o"), "f.py", {}, FUNCTION),
    ((*BOTH, "-o"), "link.py", {}, FUNCTION),
    ((*BOTH, "-o"), "f.py", {"function": "f:f"}, FUNCTION),
    ((*BOTH, "-o"), "f.py", {"expression": "1", "function": None, "init": "f.py:f"}, "of --init"),
    (BOTH, "names.csv", {"share": {"names": "here/names.csv"}}, SHARED),
    (BOTH, "in/new.csv", {"share": {"names": "here/in"}}, SHARED),
    (BOTH, "out.csv", {}, OUTPUT),
    (BOTH, "here/out.csv", {}, OUTPUT),
    (BOTH, "out/bad.csv", {"output": "out/"}, PARTS),
    (BOTH, "here/out/part-0.csv", {"output": "out/"}, PARTS),
    (BOTH, "kept/bad.csv", {"checkpoint": "kept"}, KEPT),
    (("-o",), "kept/out.csv", {"checkpoint": "kept"}, KEPT),
    (("--checkpoint",), "out/kept", {"output": "out/"}, PARTS),
    (LOG, "bad.csv", {"errors_to": "here/bad.csv"}, "that is where --errors-to goes"),
]


@pytest.mark.parametrize(
    ("option", "path", "settings", "said"),
    [(option, *case) for options, *case in CASES for option in options],
)
def test_a_file_that_is_read_or_written_already_is_refused(place, option, path, settings, said):
    before = _listed(place)
    name = {"-o": "output"}.get(option, option[2:].replace("-", "_"))
    job = {"function": "f.py:f", "inputs": "table.csv", "output": "out.csv", **settings, name: path}
    with pytest.raises(UsageError) as caught:
        parapply.run(Job(backend="serial", **job))
    assert str(caught.value).startswith(f"{option} {path}: ")
    assert said in str(caught.value)
    assert _listed(place) == before, "nothing was run, or written"


@pytest.mark.parametrize("option", BOTH)
@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_a_file_that_a_standard_stream_is_redirected_to_is_refused(place, option, stream):
    arguments = [*([] if stream == "stdin" else ["table.csv"]), "-e", "1 // a"]
    with open(place / "in" / "table.csv", "r+b") as file:
        path = "in/table.csv"
        if stream == "stdout":
            path = "said.csv"
            file = open(place / path, "w+b")  # noqa: SIM115
        with file:
            done = parapply_in(place, [*arguments, option, path], **{stream: file})
    assert done.returncode == 2
    assert f"{option} {path}: that is" in done.stderr
    assert (place / "table.csv").read_text() == "a\n1\n0\n"


def parapply_in(place, arguments, **streams):
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=place, stderr=subprocess.PIPE, text=True, **streams
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"errors_to": "bad.csv", "log_file": "log.txt"},
        {"output": "table.csv", "errors_to": "bad.csv"},
        {"output": "/dev/null", "errors_to": "/dev/null", "log_file": "/dev/null"},
        {"inputs": "in", "errors_to": "in/_bad.csv", "log_file": "in/.log"},
        {"output": "out/", "errors_to": "output.csv", "log_file": "out.log"},
        {"errors_to": "OUT.CSV"},
    ],
)
def test_what_is_apart_is_not_refused(place, settings):
    if os.path.lexists(place / "TABLE.CSV"):
        pytest.skip("names that differ by case are one here")
    settings = {"inputs": "table.csv", "output": "out.csv", "on_error": "skip", **settings}
    assert parapply.run(Job(function="f.py:f", backend="serial", **settings)).rows_in == 2


def test_where_case_makes_no_difference_two_spellings_are_one_file(tmp_path, monkeypatch):
    names = [tmp_path / name for name in ("out.csv", "OUT.csv", "other.csv")]
    out, twin, other = (_spot(str(name)) for name in names)
    assert out.is_same(twin), "of an empty folder nobody knows"
    (tmp_path / "table.csv").touch()
    assert not out.is_same(twin)
    (tmp_path / "TABLE.CSV").touch()  # as a file system says that knows no case
    assert out.is_same(twin)
    assert not out.is_same(other)


def _listed(place):
    return {path: path.lstat().st_mtime_ns for path in place.rglob("*")}
