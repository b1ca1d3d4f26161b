"""What a worker may take: memory, and threads of the libraries that it calls."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

from parapply import Job, run
from parapply.backends import cores
from parapply.model.errors import RowError, UsageError, WorkerError

METHODS = ["fork", "forkserver", "spawn"]
every_method = pytest.mark.parametrize("method", METHODS)
linux = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA")
ROWS = 200
TOO_MUCH = 2 << 30  # bytes


def takes_memory(row):
    if row["number"] == 77:
        bytearray(TOO_MUCH)
    return row["number"]


def takes_arrow(row):
    import pyarrow as pa

    if row["number"] == 77:
        pa.allocate_buffer(TOO_MUCH)
    return row["number"]


def aborts(row):
    if row["number"] == 77:
        try:
            bytearray(TOO_MUCH)
        except MemoryError:
            os.kill(os.getpid(), signal.SIGKILL)  # as a library that cannot go on would
    return row["number"]


def takes_frame(df: pd.DataFrame):
    if (df["number"] == 77).any():
        bytearray(TOO_MUCH)
    return df["number"]


kept = []


def leaks(row):
    kept.append(bytearray(5 << 20))
    return row["number"]


class Large:
    def __init__(self):
        self.all = bytearray(TOO_MUCH)

    def __call__(self, row):
        return 1


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["number", *map(str, range(ROWS))]) + "\n")
    return path


def limit():
    """Enough for workers that are forked from these tests, however large they have grown."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    used = [int(line.split()[1]) >> 10 for line in lines if line.startswith("RssAnon:")]
    return f"{200 + 2 * sum(used)}M"


def result(table, function, **settings):
    target = table.with_name("out.csv")
    settings = {"memory_limit": limit(), "workers": 2, "only": True, "into": "x", **settings}
    report = run(Job(function=function, inputs=(table,), output=target, **settings))
    return target.read_text().split()[1:], report


@linux
@pytest.mark.parametrize(
    ("function", "method"),
    [
        *((takes_memory, method) for method in METHODS),
        (takes_arrow, "fork"),
        (aborts, "fork"),
        (takes_frame, "fork"),
    ],
)
def test_a_row_that_takes_too_much_memory_is_set_aside(table, function, method):
    found, report = result(table, function, on_error="skip", start_method=method)
    assert found == [str(number) for number in range(ROWS) if number != 77]
    (cause,) = report.causes
    assert cause.place.endswith("row 78")
    assert "Memory" in cause.text or "SIGKILL" in cause.text


@linux
def test_a_row_that_takes_too_much_memory_ends_the_run_and_names_the_limit(table):
    with pytest.raises(RowError, match=r"row 78: .* raised MemoryError .*--memory-limit \d+M"):
        result(table, takes_memory)


@linux
def test_rows_before_that_fill_the_worker_are_no_rows_fault(table):
    found, report = result(table, leaks, workers=1)
    assert found == list(map(str, range(ROWS)))
    assert report.failed == 0


@linux
def test_what_parapply_reads_may_run_out_of_memory_and_is_halved(table, monkeypatch):
    """Stands for a chunk whose columns do not fit."""
    from parapply.execute.tasks import ChunkTask

    whole = ChunkTask._open

    def short(task, chunk, data):
        if chunk.rows > 30:
            raise MemoryError
        return whole(task, chunk, data)

    monkeypatch.setattr(ChunkTask, "_open", short)
    for backend in ("processes", "threads"):
        most = limit() if backend == "processes" else None
        settings = {"backend": backend, "memory_limit": most, "chunk_size": ROWS}
        found, _ = result(table, lambda row: row["number"], start_method="fork", **settings)
        assert found == list(map(str, range(ROWS)))


@linux
@pytest.mark.parametrize("function", [takes_memory, takes_frame])
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_a_row_that_cannot_be_read_for_want_of_memory_ends_the_run(
    table, function, on_error, monkeypatch
):
    def short(task, chunk, data):
        raise MemoryError

    monkeypatch.setattr("parapply.execute.tasks.ChunkTask._open", short)
    with pytest.raises((RowError, WorkerError), match=r"row 1: .* ran out of memory"):
        result(table, function, start_method="fork", on_error=on_error, chunk_size=4, workers=1)


@linux
@every_method
def test_what_does_not_fit_at_the_start_is_said_once(table, method):
    with pytest.raises(WorkerError, match=r"out of memory as it started: Large\(\.\.\.\) raised"):
        result(table, Large, start_method=method)


@linux
def test_a_limit_below_what_a_worker_has_is_an_error(table):
    with pytest.raises(WorkerError, match="MB before its first row, more than 1 MB"):
        result(table, takes_memory, memory_limit="1M", start_method="fork")


@pytest.mark.parametrize("backend", ["serial", "threads"])
def test_memory_of_what_is_no_process_cannot_be_limited(table, backend):
    with pytest.raises(UsageError, match="needs worker processes"):
        result(table, takes_memory, backend=backend)


def test_a_limit_is_a_size(table):
    with pytest.raises(UsageError, match="--memory-limit much"):
        result(table, takes_memory, memory_limit="much")


# Threads


def test_libraries_get_a_share_of_the_cores():
    settings = cores.thread_settings(3, {})
    assert settings["OMP_NUM_THREADS"] == settings["OPENBLAS_NUM_THREADS"] == "3"
    assert settings["POLARS_MAX_THREADS"] == "3"


def test_what_the_user_has_set_stays():
    assert "POLARS_MAX_THREADS" not in cores.thread_settings(1, {"POLARS_MAX_THREADS": "8"})
    settings = cores.thread_settings(1, {"OMP_NUM_THREADS": "8"})
    assert not {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} & set(settings)


def test_a_share_is_a_whole_core_at_least(monkeypatch):
    monkeypatch.setattr(cores, "available_cores", lambda: 8)
    assert [cores.share(workers) for workers in (1, 3, 8, 100)] == [8, 2, 1, 1]


def threads(row):
    import pyarrow as pa

    return f"{os.environ['OMP_NUM_THREADS']} {pa.cpu_count()}"


@every_method
def test_workers_of_the_library_are_limited_and_their_parent_is_not(table, method, monkeypatch):
    for name in cores.thread_settings(1, {}):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cores, "available_cores", lambda: 6)
    result(table, threads, start_method=method, memory_limit=None)
    assert set(table.with_name("out.csv").read_text().splitlines()[1:]) == {"3 3"}
    assert "OMP_NUM_THREADS" not in os.environ


def test_the_command_limits_threads_before_libraries_are_loaded(parapply, tmp_path):
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    expression = "len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS']"
    (tmp_path / "look.py").write_text(f"import os\n\ndef look(row):\n    return {expression}\n")
    arguments = ("look.py:look", "--into", "n,blas", "--only", "-j", "64", "in.csv")
    done = parapply(*arguments)
    assert done.stdout.splitlines()[1].endswith(b",1"), done.stderr
    done = parapply(*arguments, environment={"OPENBLAS_NUM_THREADS": "5"})
    assert done.stdout.splitlines()[1].endswith(b",5")
