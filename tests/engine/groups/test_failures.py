"""Groups that fail, kill their workers or take too long; and memory that one group may not have."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys

import pytest

ROWS = [(n, "abc"[n % 3] if n != 8 else "z") for n in range(30)]
TABLE = "id,k\n" + "".join(f"{n},{k}\n" for n, k in ROWS)
FUNCTIONS = """
import os
import signal
import time

from parapply import Group, worker


def bad(group: Group):
    if group.key == "b":
        raise ValueError("not b")
    return len(group)

def all_bad(group: Group):
    raise ValueError(group.key)

def kill(group: Group):
    if group.key == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return len(group)

def slow(group: Group):
    if group.key == "b":
        time.sleep(30)
    return len(group)

def stop(group: Group):
    if group.key == "b":
        worker.stop()
    return len(group)

def flaky(group: Group):
    path = f"tried-{group.key}"
    if not os.path.exists(path):
        open(path, "w").close()
        raise OSError("not yet")
    return len(group)
"""


@pytest.fixture(autouse=True)
def files(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "f.py").write_text(FUNCTIONS)


def test_a_failing_group_is_named_by_its_key(fail):
    said = fail(1, "f.py:bad", "--group-by", "k", "t.csv").splitlines()[0]
    assert said == ("parapply: error: t.csv: group k='b' (10 rows): bad raised ValueError: not b")


@pytest.mark.parametrize("function", ["bad", "kill"])
@pytest.mark.parametrize("options", [(), ("--each",), ("--keys-as-met",)])
def test_one_that_fails_is_left_out_or_has_no_result(parapply, function, options):
    run = (f"f.py:{function}", "--group-by", "k", "t.csv", *options, "--into", "x")
    for choice in ("skip", "null"):
        done = parapply(*run, "--on-error", choice)
        assert done.returncode == 0, done.stderr
        assert "1 of 4 groups failed" in done.stderr
        rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
        failed = [row for row in rows if row["k"] == "b"]
        count = len(ROWS) if "--each" in options else 4
        of_b = 10 if "--each" in options else 1
        assert len(rows) == (count if choice == "null" else count - of_b)
        assert all(row["x"] == "" for row in failed)
        assert all(row["x"] for row in rows if row["k"] != "b")


def test_a_group_that_kills_its_worker_is_named(fail):
    said = fail(1, "f.py:kill", "--group-by", "k", "t.csv")
    assert "t.csv: group k='b' (10 rows): the worker was killed by SIGKILL on this group" in said


def test_a_time_limit_is_for_each_group(parapply):
    done = parapply("f.py:slow", "--group-by", "k", "t.csv", "--timeout", "300ms")
    assert done.returncode == 1
    assert "group k='b' (10 rows): slow took longer than 0.3 s" in done.stderr


@pytest.mark.parametrize("options", [(), ("--each",)])
def test_rows_of_failed_groups_are_written_as_they_were(parapply, tmp_path, options):
    done = parapply("f.py:bad", "--group-by", "k", "t.csv", "--errors-to", "bad.csv", *options)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "bad.csv").read_text())))
    wanted = [(n, k) for n, k in ROWS if k == "b"]
    assert [(int(row["id"]), row["k"]) for row in rows] == wanted
    assert [int(row["_row"]) for row in rows] == [n + 1 for n, _ in wanted]
    assert {row["_group"] for row in rows} == {"k='b' (10 rows)"}
    assert {row["_error"] for row in rows} == {"ValueError: not b"}


def test_when_every_group_fails_nothing_is_written(fail):
    said = fail(1, "f.py:all_bad", "--group-by", "k", "t.csv", "--on-error", "skip")
    assert "all 4" in said


def test_max_errors_counts_groups(parapply):
    run = ("f.py:bad", "--group-by", "k", "t.csv", "--on-error", "skip", "--max-errors")
    assert parapply(*run, "1").returncode == 0
    assert parapply(*run, "0").returncode == 1
    assert parapply(*run, "25%").returncode == 0
    assert parapply(*run, "24%").returncode == 1


def test_a_group_is_tried_again(succeed):
    out = succeed("f.py:flaky", "--group-by", "k", "t.csv", "--retries", "1")
    assert out == b"k,flaky\na,10\nb,10\nc,9\nz,1\n"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_function_can_end_the_run_after_its_group(parapply, jobs):
    done = parapply("f.py:stop", "--group-by", "k", "t.csv", "-j", jobs)
    assert (done.returncode, done.stdout) == (0, b"k,stop\na,10\nb,10\n")


def test_a_group_that_memory_cannot_hold_is_an_error_that_says_what_helps(fail, succeed, tmp_path):
    rows = [f"{n},{'many' if n % 10 else n}\n" for n in range(40_000)]
    (tmp_path / "t.csv").write_text("id,k\n" + "".join(rows))
    run = ("-e", "len(id)", "--group-by", "k", "t.csv", "-j", "2")
    said = fail(1, *run, "--memory", "2M")
    assert "t.csv: group k='many' has 36,000 rows, " in said
    assert "--memory SIZE allows more" in said
    whole = succeed(*run)
    assert whole.count(b"\n") == 4002
    assert succeed(*run, "--memory", "40M") == whole


def test_nothing_is_left_behind(fail, tmp_path):
    fail(1, "f.py:bad", "--group-by", "k", "t.csv", "-o", "out.csv")
    fail(1, "f.py:bad", "--group-by", "k", "t.csv", "-o", "out.csv", "--each")
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"t.csv", "f.py"}


def test_a_disk_that_fills_up_with_runs_is_named(tmp_path):
    rows = [f"{n},{n % 7}\n" for n in range(20_000)]
    (tmp_path / "t.csv").write_text("id,k\n" + "".join(rows))
    command = f"{sys.executable} -m parapply -e 'len(id)' --group-by k t.csv -o out.csv"
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; ulimit -f 30; exec {command}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(
        r"parapply: error: out\.csv: cannot write in .*: File too large \(--temp-dir DIR puts "
        r"temporary files elsewhere\)\n", done.stderr,
    )  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"t.csv", "f.py"}
