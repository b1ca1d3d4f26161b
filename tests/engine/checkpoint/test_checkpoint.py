"""Runs that were cut off go on: the bytes are those of an undisturbed run."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from parapply import Job, run
from parapply.backends.registry import BACKENDS
from parapply.engine.checkpoint.journal import checked
from parapply.model.errors import LockedError, RowError, UsageError
from tests.formats.registered import ONE_OF_EACH

ROWS = 300

FUNCTIONS = """
import os
import time
from pathlib import Path

import pandas as pd


def called(number):
    with open("calls", "a") as file:
        file.write(f"{number}\\n")


def scalar(row):
    called(row.number)
    if row.number == 200 and not Path("mended").exists():
        raise ValueError("not yet")
    return row.number * 2 if row.number < 250 else row.number / 2


def some_fail(row):
    called(row.number)
    if row.number % 50 == 7 and not Path("mended").exists():
        raise ValueError(row.number)
    return row.number * 2 if row.number != 57 else row.number / 2


def fields(row):
    result = some_fail(row)
    return {"twice": result, **({"late": True} if row.number == 299 else {})}


def pair(row):
    return some_fail(row), row.text


def items(row):
    return [some_fail(row)] * (row.number % 3)


def kept(row):
    return some_fail(row) % 4 < 2


def value(number):
    called(number)
    if number % 50 == 7 and not Path("mended").exists():
        raise ValueError(number)
    return number + 0.5


def column(df: pd.DataFrame):
    for number in df["number"]:
        called(number)
    if (df["number"] % 50 == 7).any() and not Path("mended").exists():
        raise ValueError
    return df["number"] * 2


def frame(df: pd.DataFrame):
    return df.assign(twice=column(df))


def slow(row):
    time.sleep(0.004)
    called(row.number)
    return row.number * 2 if row.number < 250 else row.number / 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_functions(FUNCTIONS)
    lines = [f"{number},t{number}" for number in range(ROWS)]
    (tmp_path / "table.csv").write_text("\n".join(["number,text", *lines]) + "\n")
    return tmp_path


def write_functions(source):
    """Write them as another process would find them: not imported yet."""
    Path("functions.py").write_text(source)
    for name in [*sys.modules]:  # the latter where the former is taken
        if name == "functions" or name.startswith("_parapply_functions"):
            del sys.modules[name]


def job(function, output="out.csv", **settings):
    settings = {"inputs": "table.csv", "backend": "serial", "checkpoint": "kept", **settings}
    return Job(**{"function": f"functions.py:{function}", "output": output, **settings})


def undisturbed(function, output="whole.csv", **settings):
    Path("mended").touch()
    run(job(function, output, checkpoint=None, **settings))
    Path("mended").unlink()
    Path("calls").unlink(missing_ok=True)
    return Path(output)


def calls():
    path = Path("calls")
    found = list(map(int, path.read_text().split())) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


@pytest.mark.parametrize("suffix", [*ONE_OF_EACH, "csv.gz"])
def test_a_run_that_failed_goes_on_where_it_was(folder, suffix):
    settings = {}
    if suffix == "csv.gz":  # read as a stream
        Path("table.csv.gz").write_bytes(gzip.compress(Path("table.csv").read_bytes()))
        settings = {"inputs": "table.csv.gz", "chunk_size": 20}
    whole, out = undisturbed("scalar", f"whole.{suffix}", **settings), Path(f"out.{suffix}")
    out.write_text("old")
    with pytest.raises(RowError, match="row 201"):
        run(job("scalar", str(out), **settings))
    assert out.read_text() == "old"
    first = calls()
    Path("mended").touch()
    report = run(job("scalar", str(out), resume=True, workers=3, **settings))
    assert out.read_bytes() == whole.read_bytes()
    assert report.rows_in == report.rows_out == ROWS
    second = calls()
    assert set(first) | set(second) == set(range(ROWS))
    assert len(second) < 150
    assert not Path("kept").exists()


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_a_run_that_was_killed_goes_on(folder, backend):
    whole = undisturbed("slow")
    command = [sys.executable, "-m", "parapply", "functions.py:slow", "table.csv", "-o", "out.csv",
               "--checkpoint", "kept", "--resume", "--backend", backend]  # fmt: skip
    generator = random.Random(7)
    for _ in range(4):
        process = subprocess.Popen(command)
        time.sleep(generator.uniform(0.5, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert Path("out.csv").read_bytes() == whole.read_bytes()


def test_to_a_folder_of_files(folder):
    with pytest.raises(RowError):
        run(job("scalar", "out/"))
    Path("mended").touch()
    run(job("scalar", "out/", resume=True))
    parts = [pd.read_csv(path) for path in sorted(Path("out").iterdir())]
    whole = pd.read_csv(undisturbed("scalar"))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_without_anything_to_go_on_with_it_starts(folder):
    whole = undisturbed("slow")
    run(job("slow", resume=True))
    assert Path("out.csv").read_bytes() == whole.read_bytes()
    run(job("slow", resume=True))
    assert len(calls()) == 2 * ROWS


def begun(**settings):
    with pytest.raises(RowError):
        run(job("scalar", **settings))
    calls()


def test_what_is_there_is_not_lost_by_mistake(folder):
    begun()
    with pytest.raises(UsageError, match="--resume goes on"):
        run(job("scalar"))
    Path("mended").touch()
    run(job("scalar", force=True))
    assert len(calls()) == ROWS


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"arguments": {"x": 1}}, None),
        ({"into": "twice"}, "the option --into"),
        ({"head": 100}, "the option --head"),
        ({"on_error": "skip"}, "the option --on-error"),
        ({"output_format": "tsv"}, "the option --output-format"),
    ],
)
def test_an_option_that_changed_is_named(folder, settings, what):
    begun()
    if what is None:
        source = Path("functions.py").read_text()
        write_functions(source.replace("def scalar(row)", "def scalar(row, x=0)"))
        what = "the function"
    with pytest.raises(UsageError, match=f"{what}.* has changed"):
        run(job("scalar", resume=True, **settings))
    assert calls() == []


def test_an_input_that_changed_is_named_and_never_mixed(folder):
    begun()
    Path("mended").touch()
    Path("table.csv").write_text(Path("table.csv").read_text().replace("t3\n", "u3\n", 1))
    with pytest.raises(UsageError, match=r"input .*table.csv has changed; --force starts afresh"):
        run(job("scalar", resume=True))
    run(job("scalar", resume=True, force=True))
    assert len(calls()) == ROWS
    assert Path("out.csv").read_bytes() == undisturbed("scalar").read_bytes()


@pytest.mark.parametrize("name", ["rates.csv", "rates"])
def test_shared_data_that_changed_is_named_and_never_mixed(folder, name):
    path = Path(name if name.endswith("csv") else "rates/one.csv")
    path.parent.mkdir(exist_ok=True)
    path.write_text("rate\n1\n")
    settings = {"share": {"rates": name}}
    with pytest.raises(RowError, match="row 201"):
        run(job("scalar", **settings))
    calls()
    os.utime(path, (0, 0))
    with pytest.raises(RowError, match="row 201"):  # it goes on
        run(job("scalar", resume=True, **settings))
    path.write_text("rate\n2\n")
    said = f"the shared file {path} has changed; --force starts afresh"
    with pytest.raises(UsageError, match=said):
        run(job("scalar", resume=True, **settings))


def test_a_function_that_was_mended_goes_on_if_forced(folder):
    begun()
    mended = FUNCTIONS.replace("row.number == 200", "False")
    write_functions(mended)
    with pytest.raises(UsageError, match="the function has changed; --force goes on"):
        run(job("scalar", resume=True))
    run(job("scalar", resume=True, force=True))
    assert len(calls()) < 150
    assert Path("out.csv").read_bytes() == undisturbed("scalar").read_bytes()


def test_copies_of_the_input_are_the_same_input(folder):
    begun()
    os.utime("table.csv", (0, 0))
    Path("mended").touch()
    run(job("scalar", resume=True))
    assert len(calls()) < 150


@pytest.mark.parametrize("seed", range(12))
def test_damaged_journals_and_parts_never_give_wrong_rows(folder, seed):
    whole = undisturbed("scalar", chunk_size=10)
    with pytest.raises(RowError):
        run(job("scalar", chunk_size=10))
    generator = random.Random(seed)
    files = [path for path in sorted(Path("kept").rglob("*")) if path.is_file()]
    for path in generator.sample(files, generator.choice([1, 1, 2, len(files)])):
        damage(path, generator)
    Path("mended").touch()
    try:
        run(job("scalar", chunk_size=10, resume=True))
    except UsageError as error:
        assert "job.json cannot be read" in str(error)
        run(job("scalar", chunk_size=10, force=True))
    assert Path("out.csv").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("rows", [-5, 0, 3, 10, 600])
@pytest.mark.parametrize("number", [[0], [1], [4], [4, 1], [999]])
def test_a_cut_from_another_journal_never_gives_wrong_rows(folder, number, rows):
    whole = undisturbed("scalar", chunk_size=10)
    with pytest.raises(RowError):
        run(job("scalar", chunk_size=10))
    with open("kept/journal.jsonl", "a") as file:
        file.write(checked(json.dumps({"split": number, "rows": rows})) + "\n")
    Path("mended").touch()
    run(job("scalar", chunk_size=10, resume=True))
    assert Path("out.csv").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("first", "second"), list(pairwise([*BACKENDS, next(iter(BACKENDS))])))
def test_another_backend_goes_on_with_the_same_chunks(folder, first, second):
    """How rows are cut has to depend on nothing that may change from one run to the next."""
    whole = undisturbed("scalar")
    start = {"workers": 2, "start_method": "fork"}
    with pytest.raises(RowError, match="row 201"):
        run(job("scalar", backend=first, **start))
    done = calls()
    Path("mended").touch()
    run(job("scalar", backend=second, resume=True, **start))
    assert Path("out.csv").read_bytes() == whole.read_bytes()
    again = calls()
    assert set(done) | set(again) == set(range(ROWS)) and len(again) < 250


@pytest.mark.parametrize("place", [[0, 10], [1, 0], None])
def test_a_part_of_other_rows_is_not_taken(folder, place):
    """As many rows under the same number may stand elsewhere, should rows be cut otherwise."""
    whole = undisturbed("scalar", chunk_size=10)
    with pytest.raises(RowError):
        run(job("scalar", chunk_size=10))
    path = Path("kept/journal.jsonl")
    lines = []
    for line in path.read_text().splitlines():
        entry = json.loads(line.partition(" ")[2] or "{}")
        if entry.get("done", {}).get("number") == [0]:
            assert entry["done"].pop("place") == [0, 0]
            entry["done"] |= {"place": place} if place else {}
            line = checked(json.dumps(entry))
        lines.append(line)
    path.write_text("\n".join(lines) + "\n")
    calls()
    Path("mended").touch()
    run(job("scalar", chunk_size=10, resume=True))
    assert Path("out.csv").read_bytes() == whole.read_bytes()
    assert set(range(10)) < set(calls())


def damage(path, generator):
    data = bytearray(path.read_bytes())
    kind = generator.choice(["cut", "flip", "swap", "gone", "twice", "noise"])
    if kind == "gone":
        path.unlink()
    elif kind == "cut":
        path.write_bytes(data[: generator.randrange(len(data) + 1)])
    elif kind == "flip" and data:
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        path.write_bytes(data)
    elif kind == "swap":
        lines = bytes(data).split(b"\n")
        generator.shuffle(lines)
        path.write_bytes(b"\n".join(lines))
    elif kind == "twice":
        path.write_bytes(data + data)
    else:
        path.write_bytes(generator.randbytes(100))


@pytest.mark.parametrize("on_error", ["skip", "null"])
@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("some_fail", {}),
        ("fields", {}),
        ("pair", {"into": ("a", "b")}),
        ("items", {"explode": True}),
        ("kept", {"filter": True}),
        ("value", {"columns": "number"}),
        ("column", {}),
        ("frame", {}),
        ("some_fail", {"inputs": "table.csv.gz"}),
    ],
)
def test_rows_that_failed_are_tried_again_alone(folder, function, settings, on_error):
    if settings.get("filter") and on_error == "null":
        pytest.skip("a filter has no result to leave empty")
    Path("table.csv.gz").write_bytes(gzip.compress(Path("table.csv").read_bytes()))
    settings = {"chunk_size": 40, **settings}
    whole = undisturbed(function, **settings)
    settings |= {"on_error": on_error, "errors_to": "bad.csv"}
    assert run(job(function, **settings)).failed == 6
    calls()
    Path("mended").touch()
    report = run(job(function, retry_failed=True, **settings))
    assert report.failed == 0
    assert Path("out.csv").read_bytes() == whole.read_bytes()
    assert len(Path("bad.csv").read_text().splitlines()) == 1
    failed = [number for number in range(ROWS) if number % 50 == 7]
    if function == "frame":  # its rows cannot be told apart: the whole chunk is run again
        assert set(calls()).issuperset(failed)
    else:
        assert sorted(calls()) == failed
    assert not Path("kept").exists()


def test_rows_that_fail_again_can_be_tried_again(folder):
    settings = {"on_error": "skip", "chunk_size": 40}
    run(job("some_fail", **settings))
    assert run(job("some_fail", retry_failed=True, **settings)).failed == 6
    Path("mended").touch()
    assert run(job("some_fail", retry_failed=True, **settings)).failed == 0
    assert Path("out.csv").read_bytes() == undisturbed("some_fail").read_bytes()


def test_after_a_run_with_failures_a_new_one_starts_afresh(folder):
    run(job("some_fail", on_error="skip"))
    calls()
    run(job("some_fail", on_error="skip", resume=True))
    assert len(calls()) == ROWS


def test_workers_that_die_are_remembered(folder):
    source = FUNCTIONS + (
        "\ndef dies(row):\n    called(row.number)\n"
        "    if row.number == 100 and not Path('mended').exists():\n        os._exit(3)\n"
        "    if row.number == 290 and not Path('mended').exists():\n        raise ValueError\n"
        "    return row.number\n"
    )
    write_functions(source)
    settings = {"backend": "processes", "on_error": "skip", "max_errors": 1, "workers": 1}
    with pytest.raises(RowError, match="--max-errors"):
        run(job("dies", **settings))
    calls()
    Path("mended").touch()
    run(job("dies", resume=True, **settings))
    assert len(calls()) < 20
    assert [int(line.split(",")[0]) for line in Path("out.csv").read_text().split()[1:]] == [
        number for number in range(ROWS) if number != 100
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"checkpoint": None, "resume": True}, "--resume needs --checkpoint"),
        ({"checkpoint": None, "retry_failed": True}, "--retry-failed needs --checkpoint"),
        ({"checkpoint": None, "force": True}, "--force needs --checkpoint"),
        ({"checkpoint": "functions.py"}, "is a file"),
        ({"checkpoint": "..", "output": "/dev/null"}, "in it: name a new or empty one"),
        ({"retry_failed": True}, "no run in kept"),
    ],
)
def test_what_makes_no_sense_is_said(folder, settings, message):
    with pytest.raises(UsageError, match=message):
        run(job("slow", **settings))
    assert calls() == []


def test_a_pipe_cannot_be_gone_on_with(folder):
    done = subprocess.run(
        [sys.executable, "-m", "parapply", "-e", "number", "--checkpoint", "kept"],
        input=b"number\n1\n", capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"a pipe cannot be read again" in done.stderr


def test_one_run_at_a_time(folder):
    from parapply.engine.checkpoint.checkpoint import Checkpoint

    with Checkpoint(job("slow")), pytest.raises(LockedError, match="another run") as caught:
        run(job("slow"))
    assert caught.value.exit_code == 75


def test_the_journal_is_json(folder):
    begun(chunk_size=10)
    lines = Path("kept/journal.jsonl").read_text().splitlines()
    assert len(lines) >= 19
    entry = json.loads(lines[0].partition(" ")[2])
    assert entry["done"]["rows_in"] == 10
