"""Rows on which the function fails: set aside, kept empty, tried again, or the end of the run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from parapply import Job, ParapplyError, apply, run
from parapply.backends.registry import BACKENDS
from parapply.engine import setup as engine
from parapply.engine.tally import Tally
from parapply.execute.tasks import ChunkTask
from parapply.execute.write import PartWriter
from parapply.model.errors import RowError, UsageError
from parapply.model.outcome import Cause
from parapply.model.records import replace
from tests.processes import COMMAND

ROWS = 100
BAD = [row for row in range(ROWS) if row % 7 == 3]


def by_row(row):
    if row["number"] % 7 == 3:
        raise ValueError(f"no {row['text']}")
    return row["number"] * 2


def by_value(value):
    if value % 7 == 3:
        raise ValueError("no")
    return value * 2


def by_chunk(df: pd.DataFrame):
    if (df["number"] % 7 == 3).any():
        raise ValueError("no")
    return df["number"] * 2


def to_frame(df: pd.DataFrame):
    return df.assign(twice=by_chunk(df))


def exploded(row):
    yield row["number"]
    if row["number"] % 7 == 3:
        raise ValueError("no")
    yield -row["number"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    lines = [f"{number},t{number}" for number in range(ROWS)]
    path.write_text("\n".join(["number,text", *lines]) + "\n")
    return path


def result(table, output="out.csv", **settings):
    target = table.with_name(output)
    settings = {"backend": "serial", "chunk_size": 9, "start_method": "fork", **settings}
    report = run(Job(inputs=(table,), output=target, **settings))
    return target.read_text(), report


def lines_of(rows, *, keep=lambda number: f"{number},t{number}"):
    return [keep(number) for number in rows]


GOOD = [number for number in range(ROWS) if number not in BAD]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("chunk_size", [1, 9, None])
def test_rows_that_fail_are_left_out(table, backend, chunk_size):
    text, report = result(
        table, function=by_row, into="x", on_error="skip", backend=backend, chunk_size=chunk_size
    )
    assert text.splitlines()[1:] == [f"{n},t{n},{2 * n}" for n in GOOD]
    assert (report.failed, report.rows_in, report.rows_out) == (len(BAD), ROWS, len(GOOD))


@pytest.mark.parametrize("chunk_size", [1, 9, None])
def test_rows_that_fail_are_kept_without_a_result(table, chunk_size):
    text, _ = result(table, function=by_row, into="x", on_error="null", chunk_size=chunk_size)
    expected = [f"{n},t{n}," + ("" if n in BAD else str(2 * n)) for n in range(ROWS)]
    assert text.splitlines()[1:] == expected


@pytest.mark.parametrize("chunk_size", [1, 9, None])
@pytest.mark.parametrize("settings", [{"columns": "number"}, {"columns": ("number",)}])
def test_values_that_fail_are_kept_without_a_result(table, chunk_size, settings):
    text, _ = result(
        table, function=by_value, on_error="null", chunk_size=chunk_size,
        into=("a", "b") if len(settings["columns"]) == 2 else "a", drop="number", **settings,
    )  # fmt: skip
    results = ["" if n in BAD else str(2 * n) for n in range(ROWS)]
    times = 2 if len(settings["columns"]) == 2 else 1
    expected = [",".join([f"t{n}", *[x] * times]) for n, x in enumerate(results)]
    assert text.splitlines()[1:] == expected


def test_a_row_fails_where_one_of_its_values_does(table):
    def second(value):
        if value == "t5":
            raise ValueError
        return value

    text, report = result(table, function=second, columns=("number", "text"), on_error="skip")
    assert [line.split(",")[0] for line in text.splitlines()[1:7]] == ["0", "1", "2", "3", "4", "6"]
    assert report.failed == 1


@pytest.mark.parametrize("chunk_size", [1, 9, 50, 100])
def test_a_chunk_that_fails_is_halved_to_its_bad_rows(table, chunk_size):
    text, report = result(
        table, function=by_chunk, into="x", on_error="skip", chunk_size=chunk_size
    )
    assert text.splitlines()[1:] == [f"{n},t{n},{2 * n}" for n in GOOD]
    assert report.failed == len(BAD)
    text, _ = result(table, function=by_chunk, into="x", on_error="null", chunk_size=chunk_size)
    expected = [f"{n},t{n}," + ("" if n in BAD else str(2 * n)) for n in range(ROWS)]
    assert text.splitlines()[1:] == expected
    text, _ = result(table, function=to_frame, on_error="skip", chunk_size=chunk_size)
    assert text.splitlines()[1:] == [f"{n},t{n},{2 * n}" for n in GOOD]


def test_what_fails_while_a_result_is_taken_is_the_rows_failure(table):
    class Unclear:
        def __init__(self, number):
            self.number = number

        def __bool__(self):
            if self.number % 7 == 3:
                raise ValueError("no")
            return True

    text, _ = result(table, function=lambda row: Unclear(row.number), filter=True, on_error="skip")
    assert text.splitlines()[1:] == lines_of(GOOD)
    text, _ = result(table, function=exploded, explode=True, only=True, on_error="skip")
    assert text.splitlines()[1:] == [str(x) for n in GOOD for x in (n, -n)]


@pytest.mark.parametrize("into", ["x", ("x", "y")])
def test_results_that_no_column_holds_are_failures(table, into):
    def odd(row):
        if row.number % 7 == 3:
            return object()
        return row.number if into == "x" else (row.number, 1)

    text, report = result(table, function=odd, into=into, only=True, on_error="skip")
    assert [int(line.split(",")[0]) for line in text.splitlines()[1:]] == GOOD
    assert report.failed == len(BAD)


def test_results_that_are_not_of_the_forced_type_are_failures(table):
    text, report = result(
        table, function=lambda row: "no" if row.number % 7 == 3 else row.number, into="x",
        dtypes={"x": "int"}, only=True, on_error="null",
    )  # fmt: skip
    assert text.split("\n")[1:-1] == ['""' if n in BAD else str(n) for n in range(ROWS)]
    assert report.failed == len(BAD)


def test_failed_rows_are_written_as_they_were_and_can_be_fed_again(table):
    table.write_text(table.read_text().replace("3,t3\n", '"3","t,3"\n', 1))
    result(table, function=by_row, into="x", errors_to=table.with_name("bad.csv"))
    first, second, *_ = table.with_name("bad.csv").read_text().split("\n")
    assert first == "number,text,_row,_error,_traceback"
    assert second.startswith('"3","t,3",4,"ValueError: no t,3","Traceback')
    bad = pd.read_csv(table.with_name("bad.csv"))
    assert bad["_row"].tolist() == [number + 1 for number in BAD]
    assert bad["_traceback"].str.contains("raise ValueError").all()
    again, _ = result(
        table.with_name("bad.csv"), "again.csv", expression="number", into="x",
        drop=("_row", "_error", "_traceback"),
    )  # fmt: skip
    assert again.splitlines()[1] == '"3","t,3",3'


def test_without_failures_the_file_of_errors_is_empty(table):
    path = table.with_name("bad.csv")
    path.write_text("old")
    result(table, expression="number", errors_to=path)
    assert path.read_text() == "number,text,_row,_error,_traceback\n"


@pytest.mark.parametrize("backend", ["serial", "processes"])
@pytest.mark.parametrize("most", [3, "3%"])
def test_too_many_failures_end_the_run(table, most, backend):
    target = table.with_name("out.csv")
    target.write_text("old")
    with pytest.raises(RowError, match=r"--max-errors.*row 4"):
        result(table, function=by_row, max_errors=most, backend=backend)
    assert target.read_text() == "old"
    result(table, function=by_row, max_errors=len(BAD))
    result(table, function=by_row, max_errors="14%")


def test_the_traceback_is_that_of_the_row_that_is_named(table):
    def differs(row):
        return int(f"x{row['number']}")

    with pytest.raises(RowError, match=r"--max-errors.*row 1: .*'x0'") as raised:
        result(table, function=differs, max_errors=3, workers=1)
    assert "'x0'" in raised.value.details
    assert "'x0'" in raised.value.full


def test_the_first_of_too_many_failures_is_waited_for(table):
    def late_or_early(row):
        if row.number == 3:
            time.sleep(0.4)
        if row.number == 3 or row.number % 5 == 0 < row.number:
            raise ValueError("no")

    apart = {"backend": "processes", "workers": 2}
    with pytest.raises(RowError, match=r"more than --max-errors 3; the first: .* row 4:"):
        result(table, function=late_or_early, max_errors=3, chunk_size=5, **apart)


def test_the_same_error_is_counted(table):
    def one_of_two(row):
        raise [ValueError, KeyError][row.number % 2]("no")

    _, report = result(table, function=one_of_two, on_error="skip", max_errors="100%")
    found = {cause.text: (cause.rows, cause.place.rpartition(": ")[2]) for cause in report.causes}
    assert found == {"ValueError: no": (50, "row 1"), "KeyError: no": (50, "row 2")}


@pytest.mark.parametrize("policy", [{"on_error": "skip"}, {"on_error": "null"}, {"errors_to": "b"}])
def test_a_run_of_which_all_rows_failed_has_failed(table, tmp_path, policy):
    if "errors_to" in policy:
        policy = {"errors_to": tmp_path / "bad.csv"}

    def fails(row):
        raise ValueError(row.number)

    with pytest.raises(RowError, match="all 100 rows failed, which --max-errors 100% allows; the "):
        result(table, function=fails, **policy)
    assert not (tmp_path / "bad.csv").exists()
    _, report = result(table, function=fails, **policy, max_errors="100%")
    assert report.failed == ROWS == 100


def test_errors_that_all_differ_are_counted_together_after_a_hundred(table):
    def differs(row):
        raise ValueError(row.number)

    table.write_text("number,text\n" + "".join(f"{n},x\n" for n in range(1000)))
    _, report = result(table, function=differs, on_error="skip", max_errors="100%", chunk_size=150)
    assert sum(cause.rows for cause in report.causes) == report.failed == 1000
    assert report.causes[0].text == "ValueError: 0"
    assert (len(report.causes), report.causes[-1].text) == (101, "other errors")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_error_of_any_text_can_be_written(table, suffix):
    def odd(row):
        if row.number == 5:
            raise ValueError("\udcff\0\n\x1b" + "x" * 1_000_000)

    path = table.with_name(f"bad.{suffix}")
    _, report = result(table, function=odd, errors_to=path, backend="processes")
    assert report.causes[0].text.startswith("ValueError: \\udcff\0\n\x1bxxx")
    assert path.stat().st_size > 10_000


def test_an_endless_recursion_is_told_at_once(table):
    import sys

    def deep(row):
        def deeper(level):
            return deeper(level + 1)

        return deeper(0) if row.number == 5 else 1

    before, limit = time.monotonic(), sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        _, report = result(table, function=deep, errors_to=table.with_name("bad.csv"))
    finally:
        sys.setrecursionlimit(limit)
    assert report.causes[0].text.startswith("RecursionError")
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_whatever_is_raised_is_a_failure(table, error, backend):
    def raises(row):
        if row.number == 5:
            raise error
        return 1

    _, report = result(table, function=raises, on_error="skip", backend=backend)
    assert [cause.text.partition(":")[0] for cause in report.causes] == [error.__name__]


def test_an_error_that_cannot_be_shown_or_sent_is_a_failure(table):
    class BrokenError(Exception):
        def __init__(self, one, two):
            super().__init__()

        def __str__(self):
            raise RuntimeError

    def raises(row):
        raise BrokenError(1, 2)

    allowed = {"on_error": "skip", "max_errors": "100%"}
    _, report = result(table, function=raises, backend="processes", **allowed)
    assert [(cause.text, cause.rows) for cause in report.causes] == [("BrokenError", ROWS)]
    with pytest.raises(RowError, match="raised BrokenError"):
        result(table, function=raises, backend="processes")


@pytest.mark.parametrize("function", [by_row, by_chunk, to_frame])
def test_apply_leaves_rows_out_of_a_frame(function):
    frame = pd.DataFrame({"number": range(ROWS), "text": "t"}, index=range(1000, 1000 + ROWS))
    made = apply(frame, function, into=() if function is to_frame else "x", on_error="skip",
                 start_method="fork")  # fmt: skip
    name = "twice" if function is to_frame else "x"
    assert made[name].tolist() == [2 * number for number in GOOD]
    assert made["number"].tolist() == GOOD
    if function is not to_frame:
        assert made.index.tolist() == [1000 + number for number in GOOD]


# Rows that cannot be read


RAGGED = b"a,b\n1,2\n\n3\n4,5,6\n7,8"


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("chunk_size", [1, 2, None])
def test_ragged_rows_are_set_aside(tmp_path, chunk_size, piped):
    path, bad = tmp_path / "ragged.csv", tmp_path / "bad.csv"
    path.write_bytes(RAGGED)
    if piped:  # a compressed file is read as a stream
        import gzip

        path = tmp_path / "ragged.csv.gz"
        path.write_bytes(gzip.compress(RAGGED))
    text, report = result(path, expression="a + 1", into="x", errors_to=bad, chunk_size=chunk_size)
    assert text == "a,b,x\n1,2,2\n\n7,8,8"
    assert report.failed == 2
    assert bad.read_text().splitlines()[1:] == [
        '3,,2,"has 1 field, the header has 2: 3",',
        '4,5,3,"has 3 fields, the header has 2: 4,5,6",',
    ]


def test_ragged_rows_are_set_aside_where_nothing_is_parsed(tmp_path):
    path = tmp_path / "ragged.csv"
    path.write_bytes(RAGGED)
    text, _ = result(path, expression="True", filter=True, on_error="skip", chunk_size=None)
    assert text == "a,b\n1,2\n\n7,8"


LINES = b'{"a":1}\n\nnope\n{"a":"x\xff"}\n[1]\n{"a":5}'


@pytest.mark.parametrize("chunk_size", [1, 2, None])
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_lines_that_are_not_json_are_set_aside(tmp_path, chunk_size, suffix):
    path, bad = tmp_path / "odd.jsonl", tmp_path / f"bad.{suffix}"
    path.write_bytes(LINES)
    text, report = result(
        path, "out.jsonl", expression="a + 1", into="x", errors_to=bad, chunk_size=chunk_size
    )
    assert text == '{"a":1, "x": 2}\n\n{"a":5, "x": 6}'
    assert report.failed == 3
    read = pd.read_csv(bad) if suffix == "csv" else pd.read_json(bad, lines=True)
    assert read["_row"].tolist() == [2, 3, 4]
    assert read["_error"].str.partition(":")[0].tolist() == [
        "is not JSON", "is not UTF-8 text; name its --encoding (latin-1?)",
        "is JSON but not an object in braces",
    ]  # fmt: skip
    text, _ = result(path, "out.jsonl", expression="True", filter=True, on_error="skip",
                     chunk_size=chunk_size)  # fmt: skip
    assert text == '{"a":1}\n\n{"a":5}'


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_text_that_is_not_utf_8_is_set_aside(tmp_path, suffix):
    path = tmp_path / "odd.csv"
    path.write_bytes(b"a,b\n1,\xff\n2,x\n3,y\n")
    errors = tmp_path / f"bad.{suffix}"
    text, report = result(path, expression="b + '!'", into="x", errors_to=errors)
    assert text == "a,b,x\n2,x,x!\n3,y,y!\n"
    assert report.failed == 1
    if suffix == "csv":
        assert errors.read_bytes().splitlines()[1].startswith(b"1,\xff,1,column 'b'")
    if suffix == "parquet":
        assert pd.read_parquet(errors)["_row"].tolist() == [1]


# Time


def sleeps(row):
    if row["number"] == 5:
        time.sleep(60)
    return row["number"]


def loops(row):
    while row["number"] == 5:
        pass
    return row["number"]


def stubborn(row):
    while row["number"] == 5:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001
            continue
    return row["number"]


def stuck(row):
    if row["number"] == 5:
        import ctypes

        ctypes.CDLL(None, use_errno=True).pause()
        ctypes.CDLL(None).usleep(60_000_000)
    return row["number"]


def blocked(row):
    """Stands for code in C that no signal ends."""
    if row["number"] == 5:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(60)
    return row["number"]


@pytest.mark.parametrize(
    ("function", "backend"),
    [
        (sleeps, "processes"),
        (loops, "processes"),
        (stubborn, "processes"),
        (stuck, "processes"),
        (blocked, "processes"),
        (sleeps, "serial"),
        (loops, "serial"),
        (loops, "threads"),
        (stuck, "threads"),
    ],
)
def test_a_row_that_takes_too_long_is_set_aside(table, function, backend):
    text, report = result(
        table, function=function, into="x", timeout="200ms", on_error="skip", backend=backend
    )
    assert text.splitlines()[1:] == [f"{n},t{n},{n}" for n in range(ROWS) if n != 5]
    assert [cause.text for cause in report.causes] == ["TimeoutError: took longer than 0.2 s"]


@pytest.mark.parametrize("function", [sleeps, blocked])
def test_a_row_that_takes_too_long_ends_the_run(table, function):
    with pytest.raises(RowError, match=r"row 6: \w+ took longer than 0.2 s"):
        result(table, function=function, timeout=0.2, backend="processes")


def test_a_row_with_an_alarm_of_its_own_leaves_the_time_limit_to_others(table):
    def own(row):
        if row["number"] % 10 == 2:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(60 if row["number"] == 5 else 0.03)
        return row["number"]

    _, report = result(table, function=own, timeout="300ms", on_error="skip", head=40,
                       backend="processes")  # fmt: skip
    assert [cause.text for cause in report.causes] == ["TimeoutError: took longer than 0.3 s"]
    assert report.failed == 1


def test_a_chunk_that_takes_too_long_is_halved(table):
    def waits(df: pd.DataFrame):
        if (df["number"] == 5).any():
            time.sleep(60)
        return df["number"]

    _, report = result(table, function=waits, timeout="100ms", on_error="skip", backend="processes")
    assert [cause.place.rpartition(": ")[2] for cause in report.causes] == ["row 6"]


# Other tries


class Flaky:
    """Fails the first times that it is called for a row."""

    def __init__(self, times, error=OSError):
        self.times, self.error, self.calls = times, error, {}

    def __call__(self, row):
        self.calls[row.number] = self.calls.get(row.number, 0) + 1
        if row.number == 5 and self.calls[row.number] <= self.times:
            raise self.error("not yet")
        return self.calls[row.number]


def test_a_row_that_fails_is_tried_again_alone(table):
    flaky = Flaky(2)
    text, report = result(table, function=flaky, into="x", only=True, retries=2)
    assert text.split()[1:] == ["3" if n == 5 else "1" for n in range(ROWS)]
    assert report.failed == 0


@pytest.mark.parametrize(("names", "good"), [("OSError", True), ("ValueError", False)])
def test_other_tries_are_for_some_errors(table, names, good):
    flaky = Flaky(1, ConnectionResetError)  # an OSError
    settings = {"function": flaky, "retries": 1, "retry_on": names}
    if good:
        result(table, **settings)
    else:
        with pytest.raises(RowError, match="row 6"):
            result(table, **settings)
    assert flaky.calls[5] == (2 if good else 1)


def test_a_row_that_takes_too_long_is_tried_again(table):
    seen = []

    def slow_once(row):
        if row.number == 5 and not seen:
            seen.append(1)
            time.sleep(60)
        return 1

    _, report = result(table, function=slow_once, timeout="100ms", retries=1)
    assert report.failed == 0


# Workers that die


def dies(row):
    if row["number"] in (5, 6, 60):
        os.kill(os.getpid(), signal.SIGKILL)
    return row["number"]


@pytest.mark.parametrize("chunk_size", [1, 9, 100])
@pytest.mark.parametrize("columns", [(), "number"])
def test_rows_that_kill_workers_are_set_aside(table, chunk_size, columns):
    function = (lambda value: dies({"number": value})) if columns else dies
    text, report = result(
        table, function=function, columns=columns, into="x", only=True, on_error="skip",
        backend="processes", chunk_size=chunk_size, errors_to=table.with_name("bad.csv"),
    )  # fmt: skip
    assert text.split()[1:] == [str(n) for n in range(ROWS) if n not in (5, 6, 60)]
    assert [(c.text, c.rows) for c in report.causes] == [("the worker was killed by SIGKILL", 3)]
    assert pd.read_csv(table.with_name("bad.csv"))["_row"].tolist() == [6, 7, 61]


def test_chunks_that_kill_workers_are_halved(table):
    def ends(df: pd.DataFrame):
        if df["number"].isin([5, 60]).any():
            os._exit(3)
        return df["number"]

    text, _ = result(
        table, function=ends, into="x", only=True, on_error="null", backend="processes",
        chunk_size=50,
    )  # fmt: skip
    assert text.split("\n")[1:-1] == ['""' if n in (5, 60) else str(n) for n in range(ROWS)]


def test_a_worker_that_dies_while_it_counts_is_no_rows_fault(table, tmp_path):
    def dies_twice(row):
        if row["number"] in (5, 17) and not Path(tmp_path / str(row["number"])).exists():
            Path(tmp_path / str(row["number"])).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return row["number"]

    _, report = result(
        table, function=dies_twice, on_error="skip", backend="processes", chunk_size=100
    )
    assert report.failed == 0


# What makes no sense


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"on_error": "ignore"}, "fail, skip, null"),
        ({"on_error": "fail", "max_errors": 3}, "--max-errors needs"),
        ({"on_error": "fail", "errors_to": "e.csv"}, "--errors-to needs"),
        ({"on_error": "null", "filter": True}, "use skip"),
        ({"max_errors": "many"}, "--max-errors many"),
        ({"max_errors": "200%"}, "--max-errors 200%"),
        ({"timeout": "soon"}, "--timeout soon"),
        ({"timeout": 0}, "--timeout 0"),
        ({"retries": -1}, "--retries -1"),
        ({"retry_on": "OSError"}, "--retries N"),
        ({"max_tasks_per_worker": 0, "backend": "processes"}, "worker 0"),
        ({"max_tasks_per_worker": 3, "backend": "threads"}, "needs worker processes"),
        ({"errors_to": "bad/"}, "name a file"),
        ({"errors_to": "bad"}, "bad: the name does not say"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_run(table, settings, message):
    with pytest.raises(UsageError) as caught:
        result(table, expression="number", **settings)
    assert message in str(caught.value)
    assert not table.with_name("out.csv").exists()


def test_output_and_errors_cannot_be_one_file(table):
    with pytest.raises(ParapplyError, match="errors"):
        result(table, expression="number", errors_to=table.with_name("out.csv"))


# Workers that die by chance, whatever row they are at.


@pytest.mark.parametrize("step", [(ChunkTask, "_open"), (PartWriter, "write")])
@pytest.mark.parametrize("function", [by_row, by_chunk])
@pytest.mark.parametrize("chunk_size", [1, 9])
def test_no_row_is_guilty_of_a_death_beside_the_function(
    table, tmp_path, monkeypatch, function, step, chunk_size
):
    """Reading a chunk and writing its part may take longer than its rows: it is hit there often."""
    original, bullets = getattr(*step), tmp_path / "bullets"
    bullets.mkdir()
    for number in range(8):
        (bullets / str(number)).touch()

    def hit(self, *arguments):
        with suppress(FileNotFoundError):
            (bullets / min(os.listdir(bullets), default="none")).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, *arguments)

    monkeypatch.setattr(*step, hit)
    settings = {"function": function, "into": "x", "on_error": "skip", "backend": "processes"}
    text, report = result(table, chunk_size=chunk_size, workers=1, **settings)
    assert text.splitlines()[1:] == [f"{n},t{n},{2 * n}" for n in GOOD]
    assert report.failed == len(BAD)


def test_errors_that_are_equally_frequent_come_by_row():
    tally = Tally(None, None)
    for number in (7, 3, 5):
        tally.add((number,), 1, [Cause(f"at {number}", 1, "", "")], 1)
    tally.add((9,), 2, [Cause("often", 2, "", "")], 1)
    assert [cause.text for cause in tally.causes] == ["often", "at 3", "at 5", "at 7"]


ENDING = """
def no_more(value):
    if value == 100:
        raise StopIteration("no more")
    return value

def some(row):
    return no_more(row["x"])

def handed_on(row):
    return some(dict(row))

def positive(row):
    return no_more(row["x"]) >= 0

def many(row):
    return [no_more(row["x"])]
"""


@pytest.mark.parametrize("timeout", [None, "9s"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("some", {"into": "y"}),
        ("handed_on", {"into": "y"}),
        ("positive", {"filter": True}),
        ("many", {"explode": True, "into": "y"}),
        ("no_more", {"columns": "x"}),
    ],
)
def test_a_stop_iteration_is_an_error_like_others(tmp_path, monkeypatch, name, options, timeout):
    """It would end the loop over rows without a word, and the others would be lost."""
    monkeypatch.setattr(engine, "SPREAD_ROWS", 0)
    monkeypatch.chdir(tmp_path)
    Path("ending.py").write_text(ENDING)
    Path("in.csv").write_text("x\n" + "".join(f"{n}\n" for n in range(300)))
    job = Job(
        function=f"ending.py:{name}", inputs="in.csv", output="out.csv", backend="serial",
        timeout=timeout, **options,
    )  # fmt: skip
    with pytest.raises(RowError, match=r"row 101: .* raised StopIteration: no more") as error:
        run(job)
    assert "ending.py" in error.value.details
    assert run(replace(job, on_error="skip")).failed == 1
    assert len(Path("out.csv").read_text().splitlines()) == 300


@pytest.mark.parametrize("end", ["raise ValueError(text)", "raise KeyError('k') from Long(text)"])
@pytest.mark.parametrize(
    "options", [[], ["-v"], ["--errors-to", "bad.csv", "--max-errors", "100%"]], ids=len
)
def test_megabytes_in_an_exception_are_cut(tmp_path, end, options):
    (tmp_path / "f.py").write_text(
        f"class Long(Exception): ...\n\ndef f(row):\n    text = 'x' * 5_000_000\n    {end}\n"
    )
    (tmp_path / "in.csv").write_text("a\n1\n")
    done = subprocess.run(
        [*COMMAND, "f.py:f", "in.csv", *options], cwd=tmp_path, capture_output=True, timeout=60
    )  # fmt: skip
    assert 0 < len(done.stderr) < 110_000
    if (bad := tmp_path / "bad.csv").exists():
        assert bad.stat().st_size < 30_000
