"""Rows that take longer than others stand together: idle workers take over what is not begun."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pandas.testing as pdt
import pytest

from parapply.engine import work_stealing
from parapply.engine.run import run
from parapply.engine.stages import apply
from parapply.execute.tasks import ChunkTask
from parapply.model.chunk import Chunk
from parapply.model.errors import RowError
from parapply.model.job import Job
from parapply.model.records import replace
from tests.processes import wait_for

ROWS, SLOW = 400, 60
FUNCTIONS = f"""
import os
import signal
import time
from pathlib import Path

from parapply import worker

def slow(row):
    if row["n"] < {SLOW}:
        time.sleep(0.01)
    return row["n"] * 2

def value(n):
    if n < {SLOW}:
        time.sleep(0.01)
    return n + 0.5 if n == {SLOW - 1} else n

def odd(row):
    return slow(row) % 4 == 2

def several(row):
    return [row["n"]] * (slow(row) % 3)

def fails(row):
    if slow(row) % 14 == 6:
        raise ValueError(row["n"])
    return row["text"]

def grows(row):
    slow(row)
    return {{"late": row["n"]}} if row["n"] == 50 else {{"early": row["n"]}}

def stops(row):
    slow(row)
    if row["n"] == 45:
        worker.stop()
    return row["n"]

def is_killed(row):
    if row["n"] == 40 and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return slow(row)
"""
FRAME = pd.DataFrame({"n": range(ROWS), "text": [f"t{n}" for n in range(ROWS)]})
DOUBLED = FRAME.assign(slow=FRAME["n"] * 2)
WAYS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "parquet": lambda frame, path: frame.to_parquet(path, index=False, row_group_size=150),
    "arrow": lambda frame, path: frame.to_feather(path, compression="uncompressed"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("f.py").write_text(FUNCTIONS)
    for suffix, write in WAYS.items():
        write(FRAME, Path(f"table.{suffix}"))
    return tmp_path


@pytest.fixture(params=["processes", "threads"])
def relieved(request, folder, monkeypatch):
    """Run a job on four workers, and by itself; relieve whoever can be, however little is left."""
    monkeypatch.setattr(work_stealing, "_WORTH_S", 1e-6)
    cuts = []
    halves = work_stealing.WorkStealing._halves
    monkeypatch.setattr(
        work_stealing.WorkStealing, "_halves", lambda *a: cuts.append(a[1].number) or halves(*a)
    )

    def both(function, source="table.csv", suffix="csv", expect_cuts=True, **settings):
        one = Job(function=f"f.py:{function}", inputs=source, output=f"one.{suffix}", **settings)
        run(replace(one, backend="serial"))
        for _ in range(3):  # on a machine that is busy a worker may be done before it is asked
            run(replace(one, output=f"two.{suffix}", backend=request.param, workers=4))
            if cuts:
                break
        assert bool(cuts) == expect_cuts
        one, two = Path(f"one.{suffix}").read_bytes(), Path(f"two.{suffix}").read_bytes()
        assert one == two
        return pd.read_csv("two.csv") if suffix == "csv" else None

    return both


@pytest.mark.parametrize("source", ["table.csv", "table.jsonl", "table.parquet", "table.arrow"])
def test_the_output_is_that_of_one_worker(relieved, source):
    made = relieved("slow", source)
    pdt.assert_frame_equal(made, DOUBLED)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "arrow"])
def test_in_any_format(relieved, suffix):
    relieved("slow", suffix=suffix)


def test_a_column_that_changes_its_type_late_is_written_anew(relieved):
    made = relieved("value", columns=("n",))
    assert made["n"].tolist() == [n + 0.5 if n == SLOW - 1 else n for n in range(ROWS)]


def test_keys_that_come_late(relieved):
    assert relieved("grows")["late"].count() == 1


@pytest.mark.parametrize("function", ["several", "odd"])
def test_rows_that_become_many_or_none(relieved, function):
    made = relieved(function, **{"explode": True} if function == "several" else {"filter": True})
    times = FRAME["n"] * 2 % 3 if function == "several" else (FRAME["n"] * 2 % 4 == 2).astype(int)
    assert made["n"].tolist() == FRAME["n"].repeat(times).tolist()


def test_rows_that_fail(relieved):
    relieved("fails", on_error="skip", errors_to="errors.csv")
    failed = pd.read_csv("errors.csv")
    wrong = [n for n in range(ROWS) if n * 2 % 14 == 6]
    assert failed["n"].tolist() == wrong and failed["_row"].tolist() == [n + 1 for n in wrong]


@pytest.mark.parametrize("source", ["table.csv", "table.jsonl", "table.parquet"])
@pytest.mark.parametrize("choice", [{"head": 70}, {"sample": 200, "seed": 3}])
def test_some_of_the_rows(relieved, source, choice):
    relieved("slow", source, **choice)


@pytest.mark.parametrize("source", ["table.csv", "table.parquet"])
def test_the_end_that_a_function_asks_for(relieved, source):
    assert relieved("stops", source)["n"].tolist() == list(range(46))


@pytest.mark.parametrize("source", ["table.csv", "table.jsonl", "table.parquet", "table.arrow"])
def test_rows_that_were_picked_are_picked_again(folder, source):
    """What comes after the end is cut from a sample, which is a choice of rows already."""
    made = []
    for seed in range(3):
        run(Job(function="f.py:stops", inputs=source, output="out.csv", sample=390, seed=seed))
        made.append(pd.read_csv("out.csv"))
    assert all((frame["n"] == frame["stops"]).all() for frame in made)
    assert all((frame["text"] == "t" + frame["n"].astype(str)).all() for frame in made)
    assert any(frame["n"].max() == 45 and len(frame) < 46 for frame in made)


@pytest.mark.parametrize("backend", ["processes", "threads"])
@pytest.mark.parametrize("settings", [{}, {"on_error": "skip", "max_errors": 1}])
def test_the_first_row_that_fails_is_found_though_others_wait_for_it(
    folder, backend, settings, monkeypatch
):
    """Workers are idle when a row has failed; the chunk that is waited for is not forgotten."""
    monkeypatch.setattr(apply, "_GRACE_S", 10)  # the machine may be busy
    source = FUNCTIONS.replace("time.sleep(0.01)", "time.sleep(0.02)")
    Path("early.py").write_text(
        source
        + """
def early(row):
    slow(row)
    if row["n"] in (40, 45, 390, 395):
        raise ValueError
"""
    )
    job = Job(
        function="early.py:early", inputs="table.csv", output="out.csv", workers=4,
        backend=backend, **settings,
    )  # fmt: skip
    with pytest.raises(RowError, match="row 41"):
        run(job)


def test_a_failed_chunk_of_rows_that_cannot_be_read_is_retried(folder):
    lines = Path("table.csv").read_text().splitlines()
    Path("table.csv").write_text("\n".join([*lines[:300], "1", "2", *lines[300:]]) + "\n")
    job = Job(
        function="f.py:slow", inputs="table.csv", output="out.csv", workers=2, chunk_size=2,
        on_error="skip", errors_to="errors.csv", checkpoint="kept",
    )  # fmt: skip
    assert run(job).failed == 2
    made = Path("out.csv").read_bytes()
    assert run(replace(job, retry_failed=True)).failed == 2
    assert Path("out.csv").read_bytes() == made


def test_the_last_line_keeps_its_end(relieved, folder):
    text = Path("table.csv").read_text()
    head, *lines = text.splitlines()
    Path("table.csv").write_text("\n".join([head, *lines[:SLOW]]))
    relieved("slow", chunk_size=SLOW)
    assert not Path("two.csv").read_text().endswith("\n")


def test_a_folder_has_a_file_for_each_chunk_as_planned(folder, monkeypatch):
    monkeypatch.setattr(work_stealing, "_WORTH_S", 1e-6)
    job = Job(function="f.py:slow", inputs="table.csv", output="out/", chunk_size=200, workers=4)
    run(job)
    assert len(list(Path("out").iterdir())) == 2


def test_a_worker_that_dies_afterwards_costs_nothing(folder, monkeypatch):
    monkeypatch.setattr(work_stealing, "_WORTH_S", 1e-6)
    run(Job(function="f.py:is_killed", inputs="table.csv", output="out.csv", workers=4))
    assert Path("killed").exists()
    assert pd.read_csv("out.csv")["is_killed"].tolist() == DOUBLED["slow"].tolist()


def test_a_pipe_too(succeed, folder):
    source = FUNCTIONS.replace("0.01", "0.02")
    Path("f.py").write_text(source)
    text = Path("table.csv").read_bytes()
    made = succeed("f.py:slow", "-j", "4", "--chunk-size", "100", stdin=text)
    assert made == DOUBLED.to_csv(index=False).encode()


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.45])
def test_a_run_goes_on_from_a_checkpoint_with_chunks_that_were_cut(started, folder, after_s):
    text = FUNCTIONS.replace("time.sleep(0.01)", "time.sleep(0.02); Path('began').touch()")
    Path("f.py").write_text(text)
    options = ("-o", "out.csv", "--checkpoint", "kept", "-j", "4")
    process = started("f.py:slow", "table.csv", *options, stderr=subprocess.PIPE)
    wait_for(Path("began"))
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    done = started("f.py:slow", "table.csv", *options, "--resume", stderr=subprocess.PIPE)
    assert done.communicate(timeout=20)[1] == b"" and done.returncode == 0
    assert Path("out.csv").read_text() == DOUBLED.to_csv(index=False)


def test_a_chunk_that_takes_long_is_cut_into_ones_that_do_not(folder, monkeypatch):
    monkeypatch.setattr(work_stealing, "_LONG_S", 0.1)
    job = Job(function="f.py:slow", inputs="table.csv", output="out.csv", workers=1)
    assert 3 <= run(replace(job, head=60, chunk_size=60)).chunks <= 12
    assert pd.read_csv("out.csv")["slow"].tolist() == [2 * n for n in range(60)]


class Session:
    """So many workers have nothing to do."""

    def __init__(self, idle):
        self._idle = idle

    def idle(self):
        return self._idle

    def relieve(self, rest, count):
        raise AssertionError("nobody is asked here")


CALL = SimpleNamespace(traits=SimpleNamespace(stealable=True), rate=None)


@pytest.mark.parametrize("idle", [0, 1, 2, 3, 7, 64])
@pytest.mark.parametrize("rows", [1, 2, 5, 99])
@pytest.mark.parametrize("row_s", [0.001, 0.1, 7.0])
def test_what_is_left_is_cut_for_all_that_are_idle(idle, rows, row_s):
    task = object.__new__(ChunkTask)
    task.sources, task.call = (None,), CALL
    split = {}
    cut = work_stealing.WorkStealing(Session(idle), task, {}, split.__setitem__).cut
    chunk = Chunk((3,), 0, None, 0, 100, True, pick=tuple(range(100)))
    chunks = cut(chunk, 100 - rows, row_s)
    assert [row for chunk in chunks for row in chunk.pick] == list(range(100))
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    sizes = [chunk.rows for chunk in chunks[1:]]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == 1 or max(sizes) * row_s <= work_stealing._LONG_S
    worth = min(rows, max(1, idle), math.ceil(rows * row_s / work_stealing._WORTH_S))
    assert len(sizes) >= worth
    numbers = [chunk.number for chunk in chunks]
    assert numbers == sorted(numbers) and numbers[0] == (3, 0)
    assert {number[:-1] for number in numbers} <= set(split)
    assert all(one != two[: len(one)] for one, two in pairwise(numbers))


def test_a_number_does_not_grow_for_ever():
    task = object.__new__(ChunkTask)
    task.sources, task.call = (None,), CALL
    this = work_stealing.WorkStealing(Session(1), task, {}, lambda number, rows: None)
    chunk = Chunk((3,), 0, None, 0, 10**6, True)
    assert this._rest(chunk, 2, 1.0) == 10**6 - 1
    assert this._rest(replace(chunk, number=(3, *[1] * 40)), 2, 1.0) == 0
