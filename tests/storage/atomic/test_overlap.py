"""Runs that were killed, and runs at the same time: what they leave, and what they publish."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from parapply import Job, run
from parapply.model.errors import LockedError, OutputError, UsageError
from parapply.storage.atomic.output import Output
from parapply.storage.atomic.staging import Staging, sweep

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def script(tmp_path):
    """Run lines of Python in another process until they say "ready"; killed in the end."""
    running = []

    def start(text: str) -> subprocess.Popen[bytes]:
        lines = "import os, sys, time\nfrom parapply.storage.atomic.output import Output\n"
        lines += textwrap.dedent(text)
        lines += "\nprint('ready', flush=True)\ntime.sleep(60)\n"
        process = subprocess.Popen(
            [sys.executable, "-c", lines], cwd=tmp_path, stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        running.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.wait(10)
        process.stdout.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)


# What is left of a run that was killed.


@pytest.mark.parametrize("output", ["out.csv", "out/", "-"])
def test_the_next_run_removes_what_a_killed_one_left(script, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kill(script(f"Output({output!r}).__enter__()"))
    assert len(names(tmp_path)) == 1
    with Output(output):
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == []


def test_the_next_run_removes_the_socket_of_a_killed_ones_forkserver(tmp_path, empty_path):
    (tmp_path / "table.csv").write_text("number\n1\n2\n")
    (tmp_path / "f.py").write_text(
        "import time\ndef slow(row):\n    open('began', 'w')\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "parapply", "table.csv", "-o", "out.csv"]
    place = {"cwd": tmp_path, "env": {**os.environ, "TMPDIR": str(empty_path)}}
    slow = subprocess.Popen(
        [*command[:3], "f.py:slow", *command[3:], "--start-method", "forkserver"], **place
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "began").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(slow)
    assert list(empty_path.glob("parapply-*/listener-*"))
    subprocess.run([*command, "-e", "number"], check=True, timeout=60, **place)
    assert names(empty_path) == []


@pytest.fixture
def empty_path():
    """A folder whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        yield Path(path)


def test_what_a_run_that_lives_has_there_stays(script, tmp_path):
    script("Output('out.csv').__enter__()")
    before = names(tmp_path)
    with Output(str(tmp_path / "out.csv")):
        assert set(before) < set(names(tmp_path))
    assert names(tmp_path) == before


def test_a_folder_is_free_when_its_maker_is_dead_though_forked_children_live(script, tmp_path):
    process = script("""
        Output('out.csv', lock=True).__enter__()
        if (child := os.fork()) == 0:
            time.sleep(5)
            os._exit(0)
        open('child', 'w').write(str(child))
    """)
    kill(process)
    with Output(str(tmp_path / "out.csv"), lock=True):
        pass
    assert names(tmp_path) == ["child"]
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_folders_of_other_outputs_and_files_of_other_names_stay(tmp_path):
    others = [
        ".out.csv.parapply-0123456789abcde",
        ".my.out.csv.parapply-0123456789abcdef",
        "out.csv.d",
    ]
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / ".out.csv.parapply-0123456789abcdff").write_text("a file")
    before = names(tmp_path)
    with Output(str(tmp_path / "out.csv")):
        pass
    assert names(tmp_path) == before


def test_the_temporary_files_of_a_killed_run_are_removed_from_temp_dir(script, tmp_path):
    (tmp_path / "temp").mkdir()
    kill(script("Output('out.csv', temp_dir='temp').__enter__()"))
    assert len(names(tmp_path / "temp")) == 1
    with Output("-", temp_dir=str(tmp_path / "temp")):
        assert len(names(tmp_path / "temp")) == 1
    assert names(tmp_path / "temp") == []


def _make_and_sweep(folder: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with Staging(folder, "x-") as path:
            Path(path, "file").touch()
            sweep(folder, "x-")
            os.unlink(os.path.join(path, "file"))


def test_a_folder_that_is_being_made_is_not_taken_for_one_that_was_left(tmp_path):
    together(6, _make_and_sweep, str(tmp_path), 2.0)
    assert names(tmp_path) == []


def together(count: int, function, *arguments) -> None:
    """Call a function in so many processes at once; all have to return."""
    processes = [FORK.Process(target=function, args=arguments) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count


# --lock.


def test_a_second_run_with_lock_fails_at_once(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.csv").symlink_to("out.csv")
    process = script("Output('out.csv', lock=True).__enter__()")
    began = time.monotonic()
    with pytest.raises(LockedError, match=r"^link\.csv: another run holds the lock"):
        Output("link.csv", lock=True).__enter__()
    assert time.monotonic() - began < 1
    kill(process)
    with Output("out.csv", lock=True):
        pass
    assert names(tmp_path) == ["link.csv"]


def test_a_run_without_lock_heeds_none_and_removes_one_that_was_left(script, tmp_path):
    process = script("Output('out.csv', lock=True).__enter__()")
    with Output(str(tmp_path / "out.csv")):
        pass
    assert ".out.csv.parapply-lock" in names(tmp_path)
    kill(process)
    with Output(str(tmp_path / "out.csv")):
        pass
    assert names(tmp_path) == []


def test_the_command_exits_with_75(script, tmp_path, fail, table):
    script("Output('out.csv', lock=True).__enter__()")
    before = names(tmp_path)
    message = fail(75, "--lock", "-e", "number", "table.csv", "-o", "out.csv")
    assert message == "parapply: error: out.csv: another run holds the lock; nothing was done"
    assert names(tmp_path) == before


@pytest.mark.parametrize("output", ["-", "/dev/stdout", "/dev/null"])
def test_lock_is_for_files(table, output):
    with pytest.raises(UsageError, match="--lock is for files"):
        run(Job(expression="number", inputs=table, output=output, lock=True))


def _count_alone(folder: str, rounds: int) -> None:
    """Add to a number in a file, under the lock: what is read must still be there when written."""
    done = 0
    number = Path(folder, "number")
    while done < rounds:
        with suppress(LockedError), Output(os.path.join(folder, "out.csv"), lock=True):
            before = int(number.read_text())
            time.sleep(0.001)
            number.write_text(str(before + 1))
            done += 1


def test_only_one_of_many_runs_has_the_lock(tmp_path):
    (tmp_path / "number").write_text("0")
    together(4, _count_alone, str(tmp_path), 25)
    assert (tmp_path / "number").read_text() == "100"
    assert names(tmp_path) == ["number"]


# Without --lock.


def _publish_folders(folder: str, rounds: int, swaps: bool) -> None:
    for _ in range(rounds):
        with Output(os.path.join(folder, "out/")) as output:
            for place in range(3):
                Path(output.parts, f"part-{place}").write_text(str(os.getpid()))
            output.prepare()
            output.publish()
        assert not swaps or os.path.isdir(os.path.join(folder, "out"))  # at every moment


@pytest.mark.parametrize("swaps", [True, False])
def test_runs_at_once_leave_one_whole_folder(tmp_path, monkeypatch, swaps):
    if not swaps:
        monkeypatch.setattr("parapply.storage.atomic.renaming.exchange", lambda one, other: False)
    together(3, _publish_folders, str(tmp_path), 40, swaps)
    assert names(tmp_path) == ["out"]
    assert len({path.read_text() for path in (tmp_path / "out").iterdir()}) == 1


def _run_often(folder: str, output: str, rounds: int) -> None:
    text = str(os.getpid())
    job = Job(
        expression=f"[1 / (number - 5), '{text}'][1]", inputs=f"{folder}/table.csv",
        output=f"{folder}/{output}", errors_to=f"{folder}/bad.csv", backend="serial",
        into=f"p{text}", chunk_size=7,
    )  # fmt: skip
    for _ in range(rounds):
        run(job)


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_real_runs_at_once_leave_one_whole_output(tmp_path, table, output):
    together(3, _run_often, str(tmp_path), output, 12)
    out = tmp_path / output
    texts = [path.read_text() for path in (sorted(out.iterdir()) if out.is_dir() else [out])]
    headers = {text.splitlines()[0] for text in texts}
    assert len(headers) == 1
    (pid,) = {header.rpartition(",p")[2] for header in headers}
    rows = [line for text in texts for line in text.splitlines()[1:]]
    assert [row.split(",")[1] for row in rows] == [str(n) for n in range(20) if n != 5]
    assert {row.rpartition(",")[2] for row in rows} == {pid}
    assert names(tmp_path) == ["bad.csv", out.name, "table.csv"]


def _publish_pairs(folder: str, rounds: int) -> None:
    from parapply.engine.publication import take_names
    from parapply.storage.atomic.publishing import turn

    for count in range(rounds):
        pair = [Output(os.path.join(folder, name)) for name in ("bad.csv", "out.csv")]
        with pair[0], pair[1], turn(folder):
            for output in pair:
                output.open().write(f"{os.getpid()} {count}".encode())
                output.prepare()
            take_names(pair)
            texts = {Path(folder, name).read_text() for name in ("bad.csv", "out.csv")}
            assert texts == {f"{os.getpid()} {count}"}


def test_the_errors_are_those_of_the_run_whose_output_is_there(tmp_path):
    together(3, _publish_pairs, str(tmp_path), 40)
    assert (tmp_path / "bad.csv").read_text() == (tmp_path / "out.csv").read_text()


# --no-clobber and --temp-dir.


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_no_clobber_keeps_an_output_that_is_there(tmp_path, table, output):
    job = Job(expression="number", inputs=table, output=f"{tmp_path}/{output}", no_clobber=True)
    run(job)
    before = (tmp_path / output).stat()
    table.unlink()  # nothing is read
    with pytest.raises(UsageError, match="is there already, and --no-clobber keeps it"):
        run(job)
    assert (tmp_path / output).stat().st_mtime_ns == before.st_mtime_ns
    assert names(tmp_path) == [output.rstrip("/")]


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_no_clobber_keeps_an_output_that_came_meanwhile(tmp_path, table, output):
    other = tmp_path / output

    def come(row):
        other.mkdir(exist_ok=True) if output[-1] == "/" else other.write_text("other")
        (other / "part-0" if output[-1] == "/" else other).touch()

    job = Job(
        function=come, inputs=table, output=f"{tmp_path}/{output}", no_clobber=True,
        backend="serial",
    )  # fmt: skip
    with pytest.raises(OutputError, match="is there now, though it was not"):
        run(job)
    assert names(tmp_path) == [output.rstrip("/"), "table.csv"]


def test_no_clobber_allows_what_is_not_replaced(succeed, table):
    assert succeed("--no-clobber", "-e", "number", "table.csv").startswith(b"name,")
    succeed("--no-clobber", "-e", "number", "table.csv", "-o", "/dev/null")


def test_no_clobber_in_one_line(fail, table):
    message = fail(2, "--no-clobber", "-e", "number", "table.csv", "-o", "table.csv")
    assert message == "parapply: error: table.csv is there already, and --no-clobber keeps it"


@pytest.mark.parametrize("output", ["out.csv", "out/", "-"])
def test_parts_go_to_temp_dir(tmp_path, table, output):
    temp = tmp_path / "temp"
    temp.mkdir()
    seen = []

    def look(row):
        seen.append(names(temp))
        return row.number

    with open(os.devnull, "wb") as null:
        target = output if output == "-" else f"{tmp_path}/{output}"
        job = Job(function=look, inputs=table, output=target, temp_dir=temp, backend="threads")
        run(job, stdout=null.fileno())
    assert all(len(found) == 1 and found[0].startswith("parapply-") for found in seen)
    assert names(temp) == []


def test_a_temp_dir_that_is_not_there_is_one_line(fail, table):
    message = fail(2, "--temp-dir", "none", "-e", "number", "table.csv", "-o", "out.csv")
    assert message == "parapply: error: --temp-dir none: there is no such folder"
