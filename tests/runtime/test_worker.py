"""The worker's side of whole runs through the command: in processes, threads and serial."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
import time

import pandas as pd
import pyarrow as pa
import pytest

import parapply as library
from parapply import Job, run, worker

BACKENDS = [
    ("--backend", "serial"),
    ("--backend", "threads"),
    ("--start-method", "fork"),
    ("--start-method", "spawn"),
]
every_backend = pytest.mark.parametrize("backend", BACKENDS[:3], ids=lambda given: given[1])
every_start = pytest.mark.parametrize("backend", BACKENDS, ids=lambda given: given[1])
FEW = ("-j", "2", "--chunk-size", "4")

FUNCTIONS = """
from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from parapply import worker

if TYPE_CHECKING:
    import pandas


def setup():
    worker.state.factor = 10 + worker.rank
    worker.count("setups")


def times(row):
    assert worker.state.factor == 10 + worker.rank
    return row.number * 10


def broken_setup():
    raise OSError("no database")


def where(row):
    return f"{worker.chunk}:{worker.row}"


def where_number(row):
    return worker.row, row.number


def where_value(value):
    return worker.row


def where_chunk(df: pandas.DataFrame):
    return df["number"] * 0 + worker.row


def who(row):
    threading.Barrier(1).wait()
    time.sleep(0.02)
    name = Path(f"/proc/self/task/{threading.get_native_id()}/comm").read_text().strip()
    return worker.rank, worker.name, name, multiprocessing.current_process().name, worker.pid


class Closing:
    def __init__(self):
        worker.count("made")

    def __call__(self, row):
        return row.number

    def half(self, row):
        return row.number / 2

    def close(self):
        worker.count("closed")
        Path(f"closed-{worker.rank}").touch()


class Entered(Closing):
    close = None

    def __enter__(self):
        worker.count("entered")
        return self

    def __exit__(self, kind, error, trace):
        assert kind is None
        worker.count("closed")


class NotClosing(Closing):
    def close(self):
        raise ValueError("the last batch was refused")


class SlowClosing(Closing):
    def close(self):
        time.sleep(60)


def halt(row):
    if row.number == 13:
        worker.stop()
    return row.number * 2


def halt_often(row):
    if row.number % 5 == 4:
        worker.stop()
    return {"a": row.number} if row.number % 2 else {"b": row.number}


def halt_and_fail_later(row):
    if row.number == 13:
        time.sleep(0.2)
        worker.stop()
    assert row.number < 16
    return row.number


def halt_value(value):
    if value == 13:
        worker.stop()
    return value


def halt_chunk(df: pandas.DataFrame):
    if (df["number"] == 13).any():
        worker.stop()
    return df["number"]


def halt_list(row):
    if row.number == 13:
        worker.stop()
    return [row.number] * (row.number % 3)


def talk(row):
    print("one", row.number)
    print("two", row.number, "x" * 5000, file=sys.stderr)
    logging.warning("three %s", row.number)
    worker.log.info("four %s", row.number)
    print("no end", end="")
    return row.number


def send(row):
    for number in range(100):
        worker.put("numbers", row.number * 100 + number)
    return row.number


def receive(name, value):
    with open("received", "a") as file:
        file.write(f"{name} {value} {worker.name if worker.row else '-'}\\n")


class Receiver:
    def __init__(self):
        self.values = []

    def __call__(self, name, value):
        self.values.append(value)

    def close(self):
        Path("received").write_text(str(sum(self.values)))


def refuse(name, value):
    raise KeyError(value)


def die_once(row):
    with worker.lock("all"), worker.limit("few", 1):
        worker.rate("some", 1000)
        worker.count("rows")
        if row.number == 7 and not worker.event("died").is_set():
            worker.event("died").set()
            worker.put("dies", worker.rank)
            os.kill(os.getpid(), signal.SIGKILL)
    return row.number


def price(row):
    prices = worker.shared["prices"]
    return prices.set_index("code")["price"].get(f"{row.number:03d}")


def primes():
    import numpy as np
    return np.array([2, 3, 5, 7, 11])


def table():
    import pyarrow as pa
    return pa.table({"x": [1, 2]})


def is_prime(row):
    primes = worker.shared["primes"]
    assert not primes.flags.writeable
    return row.number in primes, worker.shared["table"].num_rows, sorted(worker.shared)


def names():
    return {number: f"name{number}" for number in range(200_000)}


def private():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))


def grown(row):
    before = private()
    assert worker.shared["names"][row.number] == row.name
    return private() - before


def has_pandas(row):
    return "pandas" in sys.modules


def unpicklable():
    return lambda: "pandas" in sys.modules


def frame():
    import pandas as pd
    return pd.DataFrame({"x": [1]})


def writes(row):
    worker.shared["primes"] = 3


def broken_share():
    raise OSError("no file")
"""


@pytest.fixture
def table(written):
    written("f.py", FUNCTIONS)
    lines = [f"name{number},{number}" for number in range(24)]
    return written("table.csv", "\n".join(["name,number", *lines, ""]))


@pytest.fixture
def job(parapply, table):
    """Run a function of f.py on the table; return the rows as text and what was said."""

    def work(function, *arguments, code=0):
        done = parapply(f"f.py:{function}", "--only", *FEW, *arguments, "table.csv")
        assert done.returncode == code, done.stderr
        return done.stdout.decode().splitlines()[1:], done.stderr

    return work


def counts(said: str) -> dict[str, int]:
    (line,) = re.findall(r"^parapply: ((?:\w+ [\d,]+(?:, )?)+)$", said, re.M)
    return {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", line)}


# Start, state, end.


@every_start
def test_init_is_called_once_in_each_worker(job, backend):
    rows, said = job("times", "--init", "f.py:setup", "-v", *backend)
    assert rows == [str(number * 10) for number in range(24)]
    assert 1 <= counts(said)["setups"] <= 2


def test_an_init_that_fails_is_named(fail, table):
    said = fail(1, "f.py:times", "--init", "f.py:broken_setup", "table.csv")
    assert said.startswith("parapply: error: --init f.py:broken_setup raised OSError: no database")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--init", "f.py:nothing"), "--init f.py:nothing: there is no 'nothing'"),
        (("--init", "f.py:times"), "--init f.py:times(row) cannot be called"),
        (("--on-message", "f.py:times"), "cannot be called with two values"),
        (("--init", "f.py:Closing.half"), "is a method: name a function"),
        (("--share", "x=nowhere.csv"), "--share x=nowhere.csv: no such file, and no file.py:NAME"),
        (("--share", "x"), "'x' is not NAME=FILE"),
        (("--share", "x=f.py:nothing"), "--share x=f.py:nothing: there is no 'nothing'"),
        (("--share", "x=f.py:primes", "--share", "x=table.csv"), "'x' is given twice"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_done(fail, table, options, said):
    assert said in fail(2, "f.py:times", *options, "table.csv")


@pytest.mark.parametrize(
    ("backend", "name"),
    [(BACKENDS[0], "Closing"), (BACKENDS[1], "Entered"), (BACKENDS[2], "Closing.half"),
     (BACKENDS[2], "Entered")],
)  # fmt: skip
def test_a_class_is_made_once_and_closed_once_in_each_worker(job, backend, name):
    found = counts(job(name, "-v", *backend)[1])
    assert 1 <= found["made"] == found["closed"] <= 2
    assert found["closed"] == found.get("entered", found["closed"])


@every_backend
def test_a_close_that_fails_fails_the_run(fail, table, backend, tmp_path):
    said = fail(1, "f.py:NotClosing", "table.csv", "-o", "out.csv", *FEW, *backend)
    assert "NotClosing.close raised ValueError: the last batch was refused" in said
    assert not (tmp_path / "out.csv").exists()


def test_a_close_that_takes_too_long_fails_the_run(table, monkeypatch, tmp_path):
    monkeypatch.setattr("parapply.engine.resolve.pool._CLOSE_S", 0.3)
    with pytest.raises(library.ParapplyError, match=r"before close\(\) of its function returned"):
        run(Job(function=f"{tmp_path}/f.py:SlowClosing", inputs=(table,), output="/dev/null"))


# Who and where.


@every_backend
def test_chunk_and_row_are_those_that_are_worked_on(job, backend):
    expected = [f"{number // 4 + 1}:{number + 1}" for number in range(24)]
    assert job("where", "--into", "x", *backend)[0] == expected


def test_row_is_known_to_all_kinds_of_functions(job):
    numbers = [str(number + 1) for number in range(24)]
    assert job("where_value", "-c", "number")[0] == numbers
    assert job("where_chunk")[0] == [str(number // 4 * 4 + 1) for number in range(24)]
    for pair in job("where_number", "--sample", "5", "--into", "x,y")[0]:
        row, _, number = pair.partition(",")
        assert int(row) == int(number) + 1


def test_row_is_the_one_also_when_two_columns_are_given(job):
    rows = job("where_value", "-c", "number,name")[0]
    assert rows == [f"{number + 1},{number + 1}" for number in range(24)]


@pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="there is no /proc here")
@pytest.mark.parametrize("backend", BACKENDS[1:], ids=lambda given: given[1])
def test_processes_and_threads_are_called_by_their_rank(job, backend):
    threads = "threads" in backend
    for row in job("who", "--into", "rank,name,comm,process,pid", *backend)[0]:
        rank, name, comm, process, _ = row.split(",")
        assert rank in "01"
        assert name == comm == f"parapply-{rank}"
        assert process == ("MainProcess" if threads else name)


# The end that a function asks for.


@pytest.mark.parametrize(
    ("backend", "size"), [(BACKENDS[0], "5"), (BACKENDS[1], "1"), (BACKENDS[2], "1"),
                          (BACKENDS[2], "5")],
)  # fmt: skip
def test_stop_ends_the_output_with_its_row(parapply, table, tmp_path, backend, size):
    done = parapply(
        "f.py:halt", "table.csv", "-o", "out.csv", "-j", "3", "--chunk-size", size, *backend
    )
    assert done.returncode == 0
    assert done.stderr == ("parapply: the function ended the run with worker.stop(): 14 rows in\n")
    assert pd.read_csv(tmp_path / "out.csv")["halt"].tolist() == list(range(0, 28, 2))


def test_stop_works_for_all_kinds_of_functions(job):
    numbers = list(map(str, range(14)))
    assert job("halt_value", "-c", "number")[0] == numbers
    assert job("halt_chunk")[0] == [*numbers, "14", "15"], "a chunk is one call"
    assert job("halt_list", "--explode")[0] == [str(n) for n in range(14) for _ in range(n % 3)]


def test_of_several_rows_that_stop_the_first_ends_the_output(parapply, table, tmp_path):
    for size in ("1", "7"):
        done = parapply(
            "f.py:halt_often", "table.csv", "-o", "out.parquet", "-j", "3", "--chunk-size", size,
            "--only", "-q",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert pd.read_parquet(tmp_path / "out.parquet")["b"].tolist()[::2] == [0, 2, 4]


def test_stop_ends_a_run_on_a_pipe_that_stays_open(table, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "parapply", "f.py:halt", "--from", "csv", "-o", "out.csv"],
        cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(table.read_bytes() + b"x,1\n" * (1 << 19))
    process.stdin.flush()
    assert process.wait(30) == 0
    process.stdin.close()
    assert len(pd.read_csv(tmp_path / "out.csv")) == 14


def test_a_row_after_the_end_may_fail(job):
    assert job("halt_and_fail_later", "--chunk-size", "2")[0] == list(map(str, range(14)))


def test_stop_ends_apply_too(table):
    frame = pd.DataFrame({"x": range(1000)}, index=range(1000, 2000))

    def halt(row):
        if row.x == 500:
            worker.stop()
        return -row.x

    result = library.apply(frame, halt, workers=2, chunk_size=100, start_method="fork")
    assert result["halt"].tolist() == [-x for x in range(501)]
    assert result.index[-1] == 1500


# Deaths.


def test_a_worker_killed_with_everything_in_its_hands_holds_nobody_up(job, tmp_path):
    rows, said = job("die_once", "--on-message", "f.py:receive", "-v")
    assert rows == list(map(str, range(24)))
    assert counts(said)["rows"] >= 24
    assert (tmp_path / "received").read_text().startswith("dies ")


# Messages.


@every_start
def test_messages_reach_the_handler_in_the_parent(job, backend, tmp_path):
    job("send", "--on-message", "f.py:receive", *backend)
    received = [line.split() for line in (tmp_path / "received").read_text().splitlines()]
    assert sorted(int(value) for _, value, _ in received) == list(range(2400))
    assert {name for name, _, _ in received} == {"numbers"}


def test_a_handler_may_be_a_class(job, tmp_path):
    job("send", "--on-message", "f.py:Receiver")
    assert (tmp_path / "received").read_text() == str(sum(range(2400)))


@every_backend
def test_a_handler_that_fails_fails_the_run(fail, table, backend):
    said = fail(
        1,
        "f.py:send",
        "--on-message",
        "f.py:refuse",
        *FEW,
        *backend,
        "table.csv",
        "-q",
        "-o",
        "o.csv",
    )
    assert said.startswith("parapply: error: --on-message f.py:refuse raised KeyError")


def test_without_a_handler_it_is_said(fail, table):
    assert "needs a handler: --on-message" in fail(1, "f.py:send", "table.csv")


# Shared data.


@every_backend
def test_a_table_is_shared_with_the_types_of_the_rows(job, written, backend):
    written("prices.csv", "code,price\n" + "".join(f"{n:03d},{n / 4}\n" for n in range(24)))
    rows, _ = job("price", "--share", "prices=prices.csv", *backend)
    assert list(map(float, rows)) == [number / 4 for number in range(24)]


@every_start
def test_what_a_function_returns_is_shared(job, backend):
    rows, said = job("is_prime", "--into", "p,n,names", "--share", "primes=f.py:primes",
                     "--share", "table=f.py:table", *backend)  # fmt: skip
    assert said == ""
    assert [number for number, row in enumerate(rows) if row.startswith("True")] == [2, 3, 5, 7, 11]
    assert rows[0] == 'False,2,"[""primes"", ""table""]"'


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="no smaps_rollup here")
def test_an_object_without_buffers_is_in_memory_once(job):
    rows, _ = job("grown", "--share", "names=f.py:names", "--start-method", "fork")
    assert max(map(int, rows)) < 2000  # KB; it has 20 times that


def test_what_shared_objects_need_is_imported_once(job):
    rows, _ = job("has_pandas", "--share", "x=f.py:frame", "--start-method", "fork")
    assert rows == ["True"] * 24


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_tables_of_other_formats_are_shared(succeed, job, written, suffix):
    written("prices.csv", "code,price\n" + "".join(f"{n:03d},{n / 4}\n" for n in range(24)))
    succeed("--filter", "-e", "True", "prices.csv", "-o", f"prices.{suffix}")
    assert float(job("price", "--share", f"prices=prices.{suffix}")[0][-1]) == 23 / 4


def test_objects_are_shared_from_python(table, tmp_path):
    report = run(
        Job(
            function=f"{tmp_path}/f.py:is_prime", inputs=(table,), output=f"{tmp_path}/out.csv",
            into=("p", "n", "names"), share={"primes": primes, "table": pa.table({"x": [1]})},
        )
    )  # fmt: skip
    assert report.rows_out == 24


def test_an_object_that_cannot_be_pickled_is_named(table, tmp_path):
    with pytest.raises(library.ParapplyError, match="share 'gate': it cannot be pickled: "):
        run(
            Job(
                function=f"{tmp_path}/f.py:price", inputs=(table,), output="/dev/null",
                share={"gate": threading.Lock()},
            )
        )  # fmt: skip


def primes():
    import numpy as np

    return np.array([2, 3])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("writes", "--share", "primes=f.py:primes"), "worker.shared cannot be written to"),
        (("price",), "nothing is shared as 'prices': --share prices=FILE"),
        (
            ("price", "--share", "x=f.py:broken_share"),
            "--share x=f.py:broken_share raised OS",
        ),
        (
            ("price", "--share", "x=f.py:unpicklable"),
            "--share x=f.py:unpicklable: what it returns cannot be pickled: ",
        ),
        (("price", "--share", "x=f.py:primes"), "'prices': --share prices=FILE; there is x"),
        (("price", "--share", "x=ragged.csv"), "--share x=ragged.csv: ragged.csv: row 2 has 3"),
        (("price", "--share", "x=bad.parquet"), "--share x=bad.parquet: it cannot be read: "),
    ],
)
def test_what_is_wrong_with_shared_data_is_said(fail, table, written, options, said):
    written("ragged.csv", "a,b\n1,2\n1,2,3\n")
    written("bad.parquet", "PAR1")
    function, *rest = options
    assert said in fail(1, f"f.py:{function}", *rest, "table.csv")


# Lines.


def whole(line: str) -> bool:
    shapes = (
        r"one \d+", r"(no end)*two \d+ x{5000}", r"(no end)*one \d+", r"no end",
        r"WARNING:root:three \d+", r"(INFO:parapply.worker|INFO): ?four \d+",
        r"(no end)*two \d+ x{5000}",
    )  # fmt: skip
    return any(re.fullmatch(rf"parapply-[01]: {shape}", line) for shape in shapes)


@every_start
def test_lines_arrive_whole_with_the_name_of_the_worker(job, backend):
    said = job("talk", *backend)[1].splitlines()
    assert [line[:60] for line in said if not whole(line)] == []
    for word in ("one", "two", "three", "four"):
        assert sum(f"{word} " in line for line in said) == 24, word


def test_a_log_file_takes_the_lines(job, tmp_path):
    (tmp_path / "log").write_text("before\n")
    assert job("talk", "--log-file", "log")[1] == ""
    before, *lines = (tmp_path / "log").read_text().splitlines()
    assert before == "before"
    assert [
        line for line in lines if not re.match(r"\d{4}-\d\d-\d\d [\d:.]{12} parapply-", line)
    ] == []
    assert [line[:60] for line in lines if not whole(line[24:])] == []


def test_a_log_file_that_cannot_be_written_is_named(fail, table):
    assert "--log-file no/log: No such file" in fail(
        1, "f.py:talk", "--log-file", "no/log", "table.csv"
    )


def test_a_stream_of_lines_that_nobody_needs_leaves_the_closed_one_beneath_alone():
    code = (
        "import io; from parapply.runtime.printed_lines import PrintedLines; "
        "beneath = io.TextIOWrapper(io.BytesIO()); lines = PrintedLines(beneath); "
        "beneath.close(); del lines"
    )
    # From Python 3.13 on what a finalizer raises is always said, before with `-X dev` alone.
    done = subprocess.run([sys.executable, "-X", "dev", "-c", code], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_lines_take_the_place_of_the_bar_on_a_terminal(table, tmp_path):
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "parapply", "f.py:talk", "table.csv", "-o", "out.csv", *FEW],
        cwd=tmp_path, stdin=child, stdout=child, stderr=child, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(child)
    said = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(parent)
    assert process.wait(30) == 0
    for line in said.split(b"\n")[:-1]:
        shown = line.rpartition(b"\x1b[K")[2].rpartition(b"\r")[2] or line
        assert (
            b"parapply-" not in line or b"\x1b[Kparapply-" in line or line.startswith(b"parapply-")
        )
        assert not (b"rows/s" in shown and b"parapply-" in shown)


def test_the_library_gives_the_streams_back(table, tmp_path, capsys):
    before = sys.stdout, sys.stderr
    run(Job(function=f"{tmp_path}/f.py:where", inputs=(table,), output=f"{tmp_path}/out.csv",
            backend="threads", into=("x",)))  # fmt: skip
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("", "")


# What it costs.


def test_nothing_of_it_is_imported_where_it_is_not_used(parapply, table, written):
    written("g.py", "import sys\ndef f(row):\n    return 'parapply.worker' in sys.modules\n")
    done = parapply("g.py:f", "--only", "table.csv")
    assert set(done.stdout.decode().split()[1:]) == {"False"}


def test_nothing_is_left_behind(table, tmp_path, parapply):
    (tmp_path / "tmp").mkdir()
    for function, code in (("die_once", 1), ("talk", 0), ("halt", 0), ("NotClosing", 1)):
        done = parapply(
            f"f.py:{function}", *FEW, "table.csv", environment={"TMPDIR": str(tmp_path / "tmp")}
        )
        assert done.returncode == code, done.stderr
    time.sleep(0.1)
    assert os.listdir(tmp_path / "tmp") == []
