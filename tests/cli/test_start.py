"""How the command and its workers start: what is imported, heeded and open, whoever starts them."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from parapply.backends.registry import BACKENDS
from tests.processes import _NAME, wait_for

SCRIPT = """
import sys
from functools import partial
from pathlib import Path
from parapply.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""
FUNCTIONS = """
import helper
import json
import math


def f(row):
    import csv
    return helper.twice(row["x"])


def frame(df: "pd.DataFrame"):
    import pandas as pd
    df["y"] = df["x"] * 2
    return df


def table():
    return {"a": 1}
"""
PACKAGES = ("click", "dateutil", "numexpr", "numpy", "pandas", "polars", "pyarrow", "six", "tqdm")
METHODS = ("fork", "spawn", "forkserver")
WAYS = [
    ["--backend", "serial"],
    ["--backend", "threads"],
    *(["--start-method", m] for m in METHODS),
]


@pytest.fixture
def command(tmp_path):
    """The command as it is installed: a script, in whose folder nothing else is."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "parapply"
    script.write_text(SCRIPT)
    return [sys.executable, "-B", str(script)]


@pytest.fixture
def trap(tmp_path):
    """A folder with modules of all names that others import; each leaves a mark when it is."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in {*sys.stdlib_module_names, *PACKAGES, "org"}:
        mark = tmp_path / f"{name}.mark"
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    (folder / "fun.py").write_text(FUNCTIONS)
    (folder / "helper.py").write_text("def twice(x):\n    return x * 2\n")
    (folder / "in.csv").write_text("x\n1\n2\n3\n4\n")
    return folder


def run(command, folder, *arguments, **settings):
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60,
        check=False, **{"stdin": subprocess.DEVNULL, **settings},
    )  # fmt: skip


def marks(folder):
    return sorted(path.stem for path in folder.parent.glob("*.mark"))


JOBS = [
    (["fun.py:f", "in.csv"], "x,f\n1,2\n"),
    (["fun.py:frame", "in.csv"], "x,y\n1,2\n"),
    (["fun:f", "in.csv"], "x,f\n1,2\n"),
    (["-e", "math.floor(x * 2)", "in.csv", "--into", "f"], "x,f\n1,2\n"),
    (["fun.py:f", "in.csv", "--share", "t=in.csv", "--share", "u=fun.py:table"], "x,f\n1,2\n"),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[1])
def test_nothing_is_imported_from_the_working_folder_but_what_was_named(command, trap, way):
    for job, begins in JOBS if way[1] != "serial" else JOBS[:3]:
        done = run(command, trap, *job, *way, "-j", "2", "--chunk-size", "2")
        assert (done.returncode, done.stderr, marks(trap)) == (0, "", []), job
        assert done.stdout.startswith(begins)


def test_a_run_that_goes_on_imports_nothing_from_there_either(command, trap):
    options = ["-o", "out.csv", "--checkpoint", "kept", "--chunk-size", "1"]
    fails = "fun.py:f", "in.csv", "--arg", "y=1"
    assert run(command, trap, *fails, *options).returncode == 2
    (trap / "fun.py").write_text("def f(row):\n    return 1 / (row['x'] - 3)\n")
    assert run(command, trap, "fun.py:f", "in.csv", *options, "-j", "1").returncode == 1
    (trap / "in.csv").touch()
    again = run(command, trap, "fun.py:f", "in.csv", *options, "--resume", "--on-error", "null")
    assert marks(trap) == [], again.stderr


@pytest.mark.parametrize("method", METHODS)
def test_python_m_leaves_the_working_folder_before_it_imports(trap, method):
    bare = "import runpy, sys; print(*sys.modules)"  # what -m itself looks for there first
    loaded = subprocess.run(
        [sys.executable, "-c", bare], capture_output=True, text=True, check=True
    )
    for name in loaded.stdout.split():
        (trap / f"{name}.py").unlink(missing_ok=True)
    module = [sys.executable, "-B", "-m", "parapply"]
    done = run(module, trap, "fun.py:f", "in.csv", "--start-method", method)
    assert (done.returncode, done.stderr, marks(trap)) == (0, "", [])


@pytest.mark.parametrize("method", METHODS)
def test_a_program_that_calls_apply_imports_nothing_from_the_working_folder(trap, method):
    program = trap.parent / "program.py"
    program.write_text(
        "import pandas as pd, parapply\n\n\ndef twice(row):\n    return row['x'] * 2\n\n\n"
        "if __name__ == '__main__':\n    frame = pd.DataFrame({'x': [1, 2, 3]})\n"
        f"    print(list(parapply.apply(frame, twice, start_method={method!r}, workers=2).twice))\n"
    )
    done = run([sys.executable, "-B", str(program)], trap)
    assert (done.stdout, done.stderr, marks(trap)) == ("[2, 4, 6]\n", "", [])


def test_a_file_gets_its_neighbour_and_others_get_what_is_installed(command, trap):
    """hypothesis stands for anything installed that is no part of parapply."""
    (trap / "hypothesis.py").write_text("name = 'beside'\n")
    (trap / "fun.py").write_text("import hypothesis\ndef f(row):\n    return hypothesis.name\n")
    (trap / "other.py").write_text("def f(row):\n    return 0\n")
    assert "1,beside\n" in run(command, trap, "fun.py:f", "in.csv").stdout
    asked = "__import__('hypothesis').__name__ + str(hasattr(__import__('hypothesis'), 'given'))"
    done = run(command, trap, "-e", asked, "in.csv", "--init", "other.py:g")
    assert done.returncode == 2
    (trap / "other.py").write_text("def g():\n    pass\n")
    done = run(command, trap, "-e", asked, "in.csv", "--init", "other.py:g")
    assert "1,hypothesisTrue\n" in done.stdout, done.stderr


@pytest.mark.parametrize("line", ["from calendar import holidays", "import polars.mine"])
def test_a_neighbour_whose_name_others_need_is_said_to_be_hidden(command, trap, line):
    (trap / "fun.py").write_text(f"{line}\ndef f(row):\n    return 0\n")
    done = run(command, trap, "fun.py:f", "in.csv")
    assert done.returncode == 2
    assert "is not imported, as others need that name: give it another" in done.stderr
    assert marks(trap) == []


def test_a_function_may_be_in_a_file_whose_name_others_need(command, trap):
    (trap / "calendar.py").write_text("def f(row):\n    return row['x'] * 3\n")
    for method in METHODS:
        done = run(command, trap, "calendar.py:f", "in.csv", "--start-method", method)
        assert (done.returncode, done.stdout[:8]) == (0, "x,f\n1,3\n"), done.stderr


DEADLY = """
import os, signal, sys, time
from pathlib import Path


def once(row):
    if row["x"] == 3 and not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return row["x"]


def slow(row):
    if row["x"] == 3:
        Path("begun").touch()
        time.sleep(30)
    return row["x"]


def plain(row):
    return row["x"]


def noisy(row):
    print("noise")
    print("noise", file=sys.stderr)
    return row["x"]
"""


@pytest.fixture
def deadly(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "f.py").write_text(DEADLY)
    (folder / "in.csv").write_text("x\n1\n2\n3\n4\n")
    return folder


def ignore_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


@pytest.mark.parametrize("inherited", [ignore_children, block_all])
@pytest.mark.parametrize("method", METHODS)
def test_signals_that_are_ignored_or_blocked_are_heeded_all_the_same(
    command, deadly, inherited, method
):
    options = ["in.csv", "--chunk-size", "1", "-j", "2", "--start-method", method]
    once = run(
        command, deadly, "f.py:once", *options, "--max-tasks-per-worker", "1", preexec_fn=inherited
    )
    assert (once.returncode, once.stdout) == (0, "x,once\n1,1\n2,2\n3,3\n4,4\n"), once.stderr
    slow = ["f.py:slow", *options, "--timeout", "1s", "--on-error", "null"]
    late = run(command, deadly, *slow, preexec_fn=inherited)
    assert (late.returncode, late.stdout) == (0, "x,slow\n1,1\n2,2\n3,\n4,4\n"), late.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_started_with_signals_blocked_can_be_ended(command, deadly, number):
    call = [*command, "f.py:slow", "in.csv"]
    process = subprocess.Popen(call, cwd=deadly, preexec_fn=block_all)
    wait_for(deadly / "begun")
    process.send_signal(number)
    assert process.wait(10) == -number


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_what_a_shell_has_ignored_to_let_a_job_live_stays_ignored(command, deadly, number):
    (deadly / "f.py").write_text(
        f"import os\ndef f(row):\n    os.kill(os.getppid(), {int(number)})\n    return row['x']\n"
    )
    ignored = partial(signal.signal, number, signal.SIG_IGN)
    done = run(command, deadly, "f.py:f", "in.csv", preexec_fn=ignored)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("thread", [False, True])
@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "reap"])
def test_a_program_keeps_its_signals_and_hears_of_workers(deadly, handler, thread):
    """`reap` takes the exit codes of all children away, as some servers do."""
    program = deadly / "program.py"
    program.write_text(f"""
import os, signal, threading
from parapply import Job, run
def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]: pass
    except ChildProcessError: pass
def work():
    job = Job(function="f.py:once", inputs=("in.csv",), output="out.csv", workers=2, chunk_size=1,
              max_tasks_per_worker=1, start_method="fork")
    run(job)
if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, {handler})
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGUSR1])
    one = threading.Thread(target=work)
    one.start() if {thread} else work()
    {thread} and one.join()
    print(signal.getsignal(signal.SIGCHLD) == {handler}, len(signal.pthread_sigmask(0, ())))
""")
    done = run([sys.executable, "-B", str(program)], deadly)
    assert (done.stdout, done.stderr) == ("True 2\n", "")
    assert (deadly / "out.csv").read_text() == "x,once\n1,1\n2,2\n3,3\n4,4\n"


CLOSED = {
    "0": "<&-", "1": ">&-", "2": "2>&-", "all": "<&- >&- 2>&-"
}  # fmt: skip


@pytest.mark.parametrize("closed", CLOSED.values(), ids=CLOSED)
@pytest.mark.parametrize("way", WAYS[1:3], ids=lambda way: way[1])
def test_what_a_function_prints_is_never_in_a_file_whose_number_was_free(
    command, deadly, closed, way
):
    words = shlex.join([*command, "f.py:noisy", "in.csv", "-o", "out.csv", *way])
    done = run(["sh", "-c", f"{words} {closed}"], deadly)
    assert (done.returncode, done.stdout) == (0, "")
    assert (deadly / "out.csv").read_text() == "x,noisy\n1,1\n2,2\n3,3\n4,4\n"
    assert ("noise" in done.stderr) == ("2>" not in closed)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("f.py:plain in.csv >&-", "standard output is closed, and no file is named for it"),
        ("f.py:plain in.csv -o /dev/stdout >&-", "standard output is closed"),
        ("f.py:plain in.csv -o x.csv --errors-to - >&-", "standard output is closed"),
        ("f.py:plain <&-", "standard input is closed, and no INPUT is named"),
        ("f.py:plain in.csv - <&-", "standard input is closed"),
    ],
)
def test_a_closed_stream_that_is_needed_is_one_line(command, deadly, words, says):
    done = run(["sh", "-c", f"{shlex.join(command)} {words}"], deadly)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"parapply: error: {says}")
    assert done.stderr.count("\n") == 1
    assert not (deadly / "x.csv").exists()


HARMFUL = """
import os, subprocess, time


def forks(row):
    if row["x"] == 3 and os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    return row["x"]


def starts(row):
    if row["x"] == 3:
        subprocess.Popen(["sleep", "30"], stderr=subprocess.DEVNULL)
    return row["x"]


def closes(row):
    if row["x"] == 3:
        os.closerange(3, 4096)
    return row["x"]


def closes_all(row):
    if row["x"] == 3:
        os.closerange(0, 4096)
    return row["x"]
"""
COPIED = "x,{0}\n1,1\n2,2\n3,3\n4,4\n"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[1])
@pytest.mark.parametrize("name", ["forks", "starts"])
def test_nobody_waits_for_what_a_function_leaves_behind(command, deadly, started, way, name):
    """Neither the run nor who reads the output; standard error is the child's as well."""
    (deadly / "f.py").write_text(HARMFUL)
    words = shlex.join([*command, f"f.py:{name}", "in.csv", *way])
    began = time.monotonic()
    done = subprocess.run(
        ["sh", "-c", f"{words} | cat"], cwd=deadly, stdout=subprocess.PIPE, text=True, timeout=60,
        check=False, stderr=subprocess.DEVNULL, env={**os.environ, _NAME: started.value},
    )  # fmt: skip
    assert done.stdout == COPIED.format(name)
    assert time.monotonic() - began < 25, "the child sleeps for 30 s"
    for pid in started.alive():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[1])
def test_a_function_that_closes_all_descriptors_is_one_line(command, deadly, way):
    (deadly / "f.py").write_text(HARMFUL)
    (deadly / "out.csv").write_text("old")
    options = ["in.csv", "-o", "out.csv", "-j", "2", *way]
    done = run(command, deadly, "f.py:closes", *options)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("parapply: error: in.csv: row 3"), done.stderr
    assert "as the function closed them" in done.stderr or "the function closed" in done.stderr
    done = run(command, deadly, "f.py:closes_all", *options)
    assert (done.returncode, done.stderr.count("\n")) == (1, int("--backend" not in way))
    assert (deadly / "out.csv").read_text() == "old"
    assert sorted(path.name for path in deadly.iterdir() if path.name != "__pycache__") == [
        "f.py", "in.csv", "out.csv"
    ]  # fmt: skip


PRINTS = """
import os

def closes(row):
    if row["x"] == 3:
        os.close(1)
    print("hello")
    return row["x"]

def forks(row):
    if row["x"] == 3:
        os.fork()
    return row["x"]
"""


@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_function_prints_after_it_closed_its_output_is_in_no_file(
    command, deadly, backend, output
):
    (deadly / "f.py").write_text(PRINTS)
    (deadly / output).write_text("old")
    done = run(command, deadly, "f.py:closes", "in.csv", "-o", output, "--backend", backend)
    assert done.returncode == 1
    assert "the function closed" in done.stderr.splitlines()[-1]
    assert (deadly / output).read_text() == "old"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_process_that_a_function_forks_publishes_nothing(command, deadly, backend):
    (deadly / "f.py").write_text(PRINTS)
    words = ["f.py:forks", "in.csv", "-o", "out.csv", "--into", "y", "--backend", backend]
    for _ in range(3):
        done = run(command, deadly, *words)
        assert (done.returncode, done.stderr) == (0, "")
    assert (deadly / "out.csv").read_text() == COPIED.format("y")


@pytest.mark.parametrize("place", ["read-only", "full"])
def test_a_run_needs_no_dev_shm(command, deadly, place):
    mounts = {
        "read-only": "mount -t tmpfs -o ro none /dev/shm",
        "full": "mount -t tmpfs -o size=4k none /dev/shm && head -c 4096 /dev/zero >/dev/shm/x",
        "missing": "mount --bind /proc /dev/shm",  # nothing can be made in it
    }
    can = subprocess.run(
        ["unshare", "-m", "sh", "-c", mounts[place]], capture_output=True, check=False
    )
    if can.returncode:
        pytest.skip("a mount namespace cannot be made here")
    for way in WAYS:
        words = shlex.join([*command, "f.py:plain", "in.csv", "-j", "2", *way])
        whole = f"({mounts[place]}) 2>/dev/null && {words}"
        done = run(["unshare", "-m", "sh", "-c", whole], deadly)
        assert (done.returncode, done.stdout, done.stderr) == (0, COPIED.format("plain"), "")


@pytest.mark.parametrize("files", [9, 40])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[1])
def test_a_limit_of_open_files_that_is_met_is_one_line(command, deadly, files, way):
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files))
    options = ["in.csv", "-j", "4", "--chunk-size", "1", *way]
    done = run(command, deadly, "f.py:plain", *options, preexec_fn=limit)
    if done.returncode == 0:
        assert (done.stdout, done.stderr) == (COPIED.format("plain"), "")
        return
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert f"no more than {files} open files are allowed (ulimit -n" in done.stderr
    assert "raise that, or use fewer --workers" in done.stderr


@pytest.mark.parametrize("way", [*WAYS[1:]], ids=lambda way: way[1])
def test_a_limit_of_processes_that_is_met_is_one_line(command, deadly, way):
    """Root has no such limit: the system's calls answer as they do when it is met."""
    (deadly / "site").mkdir()
    (deadly / "site" / "sitecustomize.py").write_text(
        "import errno, os, _posixsubprocess, _thread\n"
        "def refused(*_, **__):\n    raise BlockingIOError(errno.EAGAIN, 'unavailable')\n"
        'def no_thread(*_, **__):\n    raise RuntimeError("can\'t start new thread")\n'
        "os.fork = _posixsubprocess.fork_exec = refused\n"
        "_thread.start_new_thread = no_thread\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(deadly / "site")}
    done = run(command, deadly, "f.py:plain", "in.csv", "-j", "2", *way, env=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "processes and threads are allowed" in done.stderr
