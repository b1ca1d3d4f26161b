"""Debuggers, profilers and coverage have the last word; and nothing of ours is left to complain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from parapply.functions.inline_columns import spread
from parapply.functions.observers import is_debugged, is_observed
from tests.processes import wait_for

FUNCTIONS = """
import multiprocessing, os, signal, time
from multiprocessing import resource_tracker
from pathlib import Path

def twice(row):
    return row["n"] * 2

def interrupts(row):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

multiprocessing.set_start_method("forkserver", force=True)  # the default from Python 3.14 on

def helped(row):
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    return resource_tracker._resource_tracker._pid is not None
"""

# What is said to look on, and what makes it so. The last one stands for Python 3.12 and later where
# the tests run on an earlier one.
OBSERVERS = {
    "settrace": "sys.settrace(lambda *_: None)",
    "setprofile": "sys.setprofile(lambda *_: None)",
    "threads' settrace": "threading.settrace(lambda *_: None)",
    "threads' setprofile": "threading.setprofile(lambda *_: None)",
    "monitoring": textwrap.dedent("""
        if hasattr(sys, "monitoring"):
            sys.monitoring.use_tool_id(3, "mine")
        else:
            sys.monitoring = types.SimpleNamespace(get_tool=lambda n: "mine" if n == 3 else None)
    """),
}
PROGRAM = """
import sys, threading, types
{observer}
from parapply.__main__ import main
try:
    main()
finally:
    print("seen", file=sys.stderr)
"""


@pytest.fixture
def observed(tmp_path, written):
    """Run the command under an observer; return its exit code, and what it said."""
    written("f.py", FUNCTIONS)
    written("in.csv", "n\n1\n2\n")

    def run(observer, *arguments):
        command = [sys.executable, "-c", PROGRAM.format(observer=observer), *arguments, "in.csv"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    return run


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("backend", ["serial", "threads"])
def test_whoever_looks_on_has_the_last_word(observed, observer, backend):
    assert observed(OBSERVERS[observer], "f.py:twice", "--backend", backend) == (0, "seen\n")


@pytest.mark.parametrize(("function", "code"), [("missing", 2), ("interrupts", 130)])
def test_an_observed_run_that_fails_ends_as_python_does(observed, function, code):
    ended, said = observed(OBSERVERS["monitoring"], f"f.py:{function}", "--backend", "serial")
    assert ended == code
    assert said.endswith("seen\n")


@pytest.mark.parametrize(("function", "code"), [("twice", 0), ("interrupts", -signal.SIGINT)])
def test_where_nobody_looks_on_the_end_is_at_once(observed, function, code):
    ended, said = observed("", f"f.py:{function}", "--backend", "serial")
    assert ended == code
    assert "seen" not in said


def test_a_debugger_that_uses_monitoring_shows_the_row(monkeypatch):
    from types import SimpleNamespace

    def function(row):
        return row["a"]

    monkeypatch.setattr("sys.gettrace", lambda: None)
    tools = SimpleNamespace(get_tool={0: None, 1: "coverage.py"}.get)
    monkeypatch.setattr("sys.monitoring", tools, raising=False)
    assert is_observed()
    assert not is_debugged()
    assert spread(function, ("a",)) is not None
    tools.get_tool = {0: "pdb"}.get
    assert is_debugged()
    assert spread(function, ("a",)) is None


@pytest.mark.parametrize("options", [[], ["--progress"]])
def test_threads_and_the_bar_have_no_semaphores_that_a_signal_leaves(
    started, tmp_path, written, options
):
    written("f.py", FUNCTIONS)
    written("in.csv", "n\n1\n2\n")
    argv = ["f.py:helped", "in.csv", "--only", "--backend", "threads", *options]
    process = started(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "started")
    (tmp_path / "go").touch()
    assert process.communicate(timeout=30)[0] == "helped\nFalse\nFalse\n"
    (tmp_path / "started").unlink()
    (tmp_path / "go").unlink()
    process = started(*argv, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL)
    wait_for(tmp_path / "started")
    os.killpg(process.pid, signal.SIGTERM)
    assert "semaphore" not in process.communicate(timeout=30)[1]
