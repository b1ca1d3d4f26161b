"""Signals at any moment: all gone within a second, the old output or the new one, and no litter."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.processes import content, wait_for

FUNCTIONS = """
import os, signal, sys, time
from pathlib import Path

def waits(row):
    Path("started").touch()
    time.sleep(60)

def is_stuck(row):
    Path("started").touch()
    sum(range(10**12))  # C code that keeps the GIL

def fails_and_waits(row):
    if row["number"] < 5:
        raise ValueError
    waits(row)

def goes_on(row):
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    return row["number"]

class WaitsAtStart:
    def __init__(self):
        waits({})

    def __call__(self, row):
        pass

def half(row):
    return 10 // (row["number"] - 3)
"""

# In the parent, as the function's file is loaded there first: a signal at just that moment.
AT = """
import os, shutil, signal
from half import half

def signalled(function, before):
    def wrapped(*arguments, **settings):
        if before:
            os.kill(os.getpid(), signal.SIGTERM)
        done = function(*arguments, **settings)
        if not before:
            os.kill(os.getpid(), signal.SIGTERM)
        return done

    return wrapped

{module}.{name} = signalled({module}.{name}, {before})
"""

INTERRUPTED = "parapply: interrupted; nothing was written\n"
TERMINATED = "parapply: ended by SIGTERM; nothing was written\n"


@pytest.fixture
def module(written):
    written("half.py", FUNCTIONS)
    return written("functions.py", FUNCTIONS)


def ended(process, number, *, seconds=3.0):
    """Wait for its death of a signal; return what it said."""
    began = time.monotonic()
    _, said = process.communicate(timeout=10)
    assert time.monotonic() - began < seconds
    assert process.returncode == -number
    return said


PIPED = {"stderr": subprocess.PIPE, "text": True}


@pytest.mark.parametrize(
    "options",
    [
        ["--backend", "processes"],
        ["--backend", "threads"],
        ["--backend", "serial"],
    ],
    ids=lambda options: options[-1],
)
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, INTERRUPTED),
        (signal.SIGTERM, TERMINATED),
        (signal.SIGHUP, "parapply: ended by SIGHUP; nothing was written\n"),
    ],
)
def test_a_signal_ends_all_at_once_in_one_line(
    started, table, module, tmp_path, number, words, options
):
    (tmp_path / "out.csv").write_text("old")
    before = content(tmp_path)
    process = started("functions.py:waits", "table.csv", "-o", "out.csv", *options, **PIPED)
    wait_for(tmp_path / "started")
    os.killpg(process.pid, number)
    assert ended(process, number) == words
    (tmp_path / "started").unlink()
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("waits", ["--start-method", "forkserver"]),
        ("waits", ["--start-method", "spawn"]),
        ("is_stuck", ["--start-method", "fork"]),
        ("WaitsAtStart", ["--start-method", "fork"]),
        ("WaitsAtStart", ["--start-method", "spawn"]),
        ("fails_and_waits", ["--errors-to", "bad.csv", "--chunk-size", "3"]),
        ("waits", ["-o", "out/", "--lock"]),
        ("waits", ["--temp-dir", "."]),
    ],
    ids=str,
)
def test_sigterm_to_the_command_alone_ends_its_workers(
    started, table, module, tmp_path, function, options
):
    before = content(tmp_path)
    process = started(
        f"functions.py:{function}", "table.csv", "-o", "out.csv", *options, **PIPED
    )  # fmt: skip
    wait_for(tmp_path / "started")
    process.terminate()
    assert ended(process, signal.SIGTERM) == TERMINATED
    started.check_gone()
    (tmp_path / "started").unlink()
    assert content(tmp_path) == before


@pytest.mark.parametrize("delay_s", [0.1, 0.2, 0.3, 0.4, 0.5, 0.7])
def test_sigterm_at_any_moment_leaves_nothing(started, table, tmp_path, delay_s):
    before = content(tmp_path)
    process = started(
        "-e", "sum(range(30000000)) + number", "table.csv", "-o", "out.csv", **PIPED
    )  # fmt: skip
    time.sleep(delay_s)
    process.terminate()
    assert ended(process, signal.SIGTERM) in ("", TERMINATED)
    assert content(tmp_path) == before


@pytest.mark.parametrize("module_", ["import time; time.sleep(60)", ""])
def test_sigint_before_the_first_row(started, written, table, tmp_path, module_):
    """While the user's module is imported, or while nothing comes on standard input."""
    written("f.py", f"open('started', 'w')\n{module_}\ndef f(row): pass")
    process = started("f.py:f", "-o", "out.csv", stdin=subprocess.PIPE, **PIPED)
    wait_for(tmp_path / "started")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.stdin.flush()
    began = time.monotonic()
    assert process.wait(10) == -signal.SIGINT
    assert time.monotonic() - began < 3
    process.stdin.close()
    assert process.stderr.read() == INTERRUPTED
    process.stderr.close()
    assert sorted(content(tmp_path)) == ["f.py", "started", "table.csv"]


def test_a_second_ctrl_c_while_cleaning_up_changes_nothing(started, table, module, tmp_path):
    process = started("functions.py:waits", "table.csv", "-o", "out.csv", **PIPED)
    wait_for(tmp_path / "started")
    for _ in range(20):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.01)
    assert ended(process, signal.SIGINT) == INTERRUPTED
    assert sorted(content(tmp_path)) == ["functions.py", "half.py", "started", "table.csv"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_nohup_stays_nohup(started, table, module, tmp_path, method):
    process = started(
        "functions.py:goes_on", "table.csv", "-o", "out.csv", "--start-method", method,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN), **PIPED,
    )  # fmt: skip
    wait_for(tmp_path / "started")
    os.killpg(process.pid, signal.SIGHUP)
    (tmp_path / "go").touch()
    assert process.communicate(timeout=10) == (None, "")
    assert process.returncode == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == "name19,19,4.75,19"


@pytest.mark.parametrize("function", ["waits", "is_stuck"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_end_when_the_command_is_killed(
    started, table, module, tmp_path, succeed, function, method
):
    before = {"functions.py", "half.py", "started", "table.csv"}
    process = started(
        f"functions.py:{function}", "table.csv", "-o", "out.csv", "-j", "2",
        "--start-method", method, "--chunk-size", "5",
    )  # fmt: skip
    wait_for(tmp_path / "started")
    process.kill()
    process.wait(10)
    started.check_gone()
    assert set(content_names(tmp_path)) > before
    succeed(
        "-e", "number", "table.csv", "-o", "out.csv", "--start-method", method,
        environment={"TMPDIR": str(started.temporary)},
    )  # fmt: skip
    assert set(content_names(tmp_path)) - {"__pycache__"} == {*before, "out.csv"}


def content_names(folder):
    return [path.name for path in folder.iterdir()]


# While the output is being published.

PLACES = [
    ("os", "replace", True), ("os", "replace", False), ("os", "fsync", True),
    ("os", "fsync", False), ("os", "chmod", False),
]  # fmt: skip


@pytest.mark.parametrize("errors", [[], ["--errors-to", "bad.csv"]], ids=["alone", "with errors"])
@pytest.mark.parametrize(("place", "name", "before"), PLACES)
def test_a_signal_while_publishing_leaves_the_old_or_the_new_files(
    started, table, module, written, tmp_path, place, name, before, errors
):
    old = [written("out.csv", "old"), *([written("bad.csv", "old")] if errors else [])]
    written("at.py", AT.format(module=place, name=name, before=before))
    options = ["--on-error", "skip", *errors]
    process = started("at.py:half", "table.csv", "-o", "out.csv", *options, **PIPED)
    said = ended(process, signal.SIGTERM)
    texts = [path.read_text() for path in old]
    if "old" in texts:
        assert set(texts) == {"old"}
        assert said == TERMINATED
    else:
        assert texts[0].splitlines()[-1] == "name19,19,4.75,0"
        assert said == "parapply: ended by SIGTERM; the output was complete by then\n"
        assert not errors or "ZeroDivisionError" in texts[1]
    names = {"at.py", "functions.py", "half.py", "out.csv", "table.csv"}
    assert set(content(tmp_path)) == (names | {"bad.csv"} if errors else names)


def test_head_gets_its_line_and_the_command_ends_by_sigpipe(started, flights_csv, tmp_path):
    process = started(
        "-e", "distance", str(flights_csv), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"year,month,")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(10) == -signal.SIGPIPE
    assert content(tmp_path) == {}


SWALLOWS = """
import multiprocessing, os, signal, sys
from functions import waits

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

sys.unraisablehook = lambda unraisable: None
if multiprocessing.parent_process() is None:
    Swallows()
"""


@pytest.mark.slow
def test_a_signal_that_is_lost_in_a_callback_comes_again(started, table, module, written, tmp_path):
    written("swallows.py", SWALLOWS)
    process = started("swallows.py:waits", "table.csv", "-o", "out.csv", **PIPED)
    assert ended(process, signal.SIGTERM, seconds=9) == TERMINATED
