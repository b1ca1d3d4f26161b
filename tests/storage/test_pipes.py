"""Inputs that are read once: named pipes, `<(...)`, /dev/stdin, several of them and with files."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import time

import pytest

from parapply.model.errors import InputError, OutputError
from parapply.storage import pipes
from parapply.storage.atomic import places
from tests.processes import COMMAND

ONE, TWO = b"a,b\n1,x\n2,y\n", b"a,b\n3,z\n4,007"  # no newline at the end of the second
BOTH = b"a,b,c\n1,x,2\n2,y,4\n3,z,6\n4,007,8"
TASK = ["-e", "a * 2", "--into", "c", "-j", "2"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "1.csv").write_bytes(ONE)
    (tmp_path / "2.csv").write_bytes(TWO)
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(TWO))
    (tmp_path / "1.jsonl").write_text('{"a": 1, "b": "x"}\n{"a": 2}\n')
    (tmp_path / "2.jsonl").write_text('{"z": 0, "a": 3}\n')
    return tmp_path


def bash(folder, script: str, **settings) -> subprocess.CompletedProcess[bytes]:
    words = " ".join(f"'{word}'" for word in [*COMMAND, *TASK])
    return subprocess.run(
        ["bash", "-c", script.replace("RUN", words)], cwd=folder, capture_output=True, timeout=60,
        **{"stdin": subprocess.DEVNULL, **settings},
    )  # fmt: skip


@pytest.mark.parametrize(
    "inputs",
    [
        "1.csv 2.csv",
        "<(cat 1.csv) <(cat 2.csv)",
        "<(cat 1.csv) 2.csv",
        "1.csv <(cat 2.csv)",
        "1.csv.copy/ <(cat 2.csv)",
        "<(cat 1.csv) 2.csv.gz",
        "<(gzip -c 1.csv) <(cat 2.csv.gz)",
        "- 2.csv < 1.csv",
        "/dev/stdin <(cat 2.csv) < 1.csv",
        "1.csv /dev/fd/3 3< 2.csv",
        "/proc/self/fd/3 - 3< 1.csv < <(cat 2.csv)",
    ],
)
def test_streams_and_files_are_one_table(folder, inputs):
    (folder / "1.csv.copy").mkdir()
    (folder / "1.csv.copy" / "1.csv").write_bytes(ONE)
    done = bash(folder, f"RUN {inputs}")
    assert (done.returncode, done.stdout, done.stderr) == (0, BOTH, b"")


@pytest.mark.parametrize("inputs", ["<(cat 1.jsonl) <(cat 2.jsonl)", "1.jsonl <(cat 2.jsonl)"])
def test_streams_of_json_may_have_other_keys(folder, inputs):
    expected = bash(folder, "RUN 1.jsonl 2.jsonl").stdout
    assert expected.count(b'"c"') == 3
    assert bash(folder, f"RUN {inputs}").stdout == expected


def test_named_pipes_are_read_in_their_order(folder):
    os.mkfifo(folder / "one.csv")
    os.mkfifo(folder / "two")
    script = "(sleep 0.3; cat 1.csv > one.csv) & (sleep 0.1; cat 2.csv > two) & RUN one.csv two"
    done = bash(folder, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, BOTH, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/stdin opens the file again on Linux")
def test_a_file_behind_a_descriptor_is_a_file(folder):
    done = bash(folder, "RUN /dev/stdin --sample 1 < 1.csv")
    assert done.returncode == 0
    with open(folder / "1.csv", "rb") as file:
        file.seek(0, os.SEEK_END)  # of one that somebody has begun to read the rest is wanted
        done = bash(folder, "RUN /dev/stdin", stdin=file)
    assert done.returncode == 1
    assert b"is empty" in done.stderr


def test_rows_of_endless_streams_come_at_once(folder):
    script = "RUN <(echo a,b; yes 3,t) <(echo a,b; yes 4,t) | head -3; exit ${PIPESTATUS[0]}"
    done = bash(folder, script)
    assert (done.returncode, done.stdout) == (141, b"a,b,c\n3,t,6\n3,t,6\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("/dev/null", 1, "/dev/null is empty: it has no header"),
        ("/dev/fd/77", 2, "/dev/fd/77: No such file or directory"),
        ("- /dev/stdin < <(cat 1.csv)", 2, "/dev/stdin is named twice, and can be read once"),
        ("<(cat 1.csv) --sample 1", 2, "write what comes through a pipe to a file first"),
        ("<(cat 1.csv) 2.csv --checkpoint kept -o o.csv", 2, "a pipe cannot be read again"),
        ("<(cat 1.csv) 1.jsonl", 2, "is csv and 1.jsonl is jsonl: convert one first"),
        ("<(cat 1.csv) <(echo c,d)", 1, "are not parts of one table"),
    ],
)
def test_what_cannot_be_is_one_line(folder, words, code, message):
    done = bash(folder, f"RUN {words}")
    assert (done.returncode, done.stdout) == (code, b"")
    (line,) = done.stderr.decode().splitlines()
    assert message in line


def test_a_checkpoint_needs_what_can_be_read_again_in_any_format(folder):
    script = "import pandas; pandas.read_csv('1.csv').to_parquet('1.parquet')"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    done = bash(folder, "RUN <(cat 1.parquet) --checkpoint kept -o o.csv")
    assert done.returncode == 2
    assert b"a pipe cannot be read again" in done.stderr
    assert bash(folder, "RUN <(cat 1.parquet) <(cat 1.parquet) --to csv").stdout.count(b"\n") == 5


def test_nobody_waits_for_ever_for_a_writer(folder):
    path = str(folder / "pipe")
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"^pipe: nobody has opened .* for 0.2 s; .*cat pipe \|"):
        pipes.opened(path, "pipe", 0.2)


def test_nobody_waits_for_ever_for_a_reader(folder):
    path = str(folder / "pipe")
    os.mkfifo(path)
    with pytest.raises(OutputError, match=r"^pipe: nobody has opened .* for reading for 0.2 s"):
        places.opened(path, "pipe", 0.2)


def test_a_named_pipe_is_written_when_its_reader_comes(folder):
    os.mkfifo(folder / "pipe")
    done = bash(folder, "(sleep 0.5; cat pipe > found) & RUN 1.csv 2.csv -o pipe --to csv; wait")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (folder / "found").read_bytes() == BOTH


def test_what_is_shared_may_come_through_a_pipe(folder):
    (folder / "f.py").write_text(
        "from parapply import worker\n\ndef f(row):\n    return len(worker.shared['table'])\n"
    )
    words = " ".join(COMMAND)
    for given in ("<(cat 1.csv 1.csv)", "/dev/stdin < 1.csv"):
        done = bash(folder, f"{words} f.py:f --into n --select a 1.csv --share table={given}")
        rows = 5 if "cat" in given else 2
        assert (done.returncode, done.stdout) == (0, f"a,n\n1,{rows}\n2,{rows}\n".encode())


def test_a_writer_that_writes_nothing_is_an_empty_input(folder):
    os.mkfifo(folder / "pipe")
    done = bash(folder, "(sleep 0.2; : > pipe) & RUN pipe")
    assert (done.returncode, done.stderr) == (
        1, b"parapply: error: pipe is empty: it has no header\n",
    )  # fmt: skip


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_a_wait_for_a_writer_is_interrupted(folder, signal):
    os.mkfifo(folder / "pipe")
    began = time.monotonic()
    done = bash(folder, f"timeout --preserve-status -s {signal} 1.5 RUN pipe")
    assert done.returncode in (-2, -15, 130, 143)
    assert re.fullmatch(rb"parapply: (interrupted|ended by SIGTERM)\n", done.stderr)
    assert time.monotonic() - began < 20
