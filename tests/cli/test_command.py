"""The command as a person meets it: exit codes, messages, signals, odd files, odd outputs."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import pytest

from parapply.backends.registry import BACKENDS
from tests.processes import COMMAND, content

FAULTS = """
import os, signal, sys, time
from pathlib import Path

def exits(row):
    if row["number"] == 7:
        os._exit(3)

def is_killed(row):
    if row["number"] == 7:
        os.kill(os.getpid(), signal.SIGKILL)

def is_killed_once(row):
    if row["number"] == 7 and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return row["number"]

def leaves(row):
    sys.exit(4)

def raises(row):
    if row["number"] == 7:
        raise ValueError("seven")

def talks(row):
    print("said")
    sys.stdout.buffer.write(b"written\\n")
    os.write(1, b"unbuffered\\n")
    os.system("echo shell")
    return row["number"]

def without_pandas(row):
    assert "pandas" not in sys.modules
    return row["number"] + 1
"""


@pytest.fixture
def faults(written):
    return written("faults.py", FAULTS)


# Exit codes and messages.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--what", "table.csv"], "--what"),
        (["-e", "number", "--chunk-size", "few", "table.csv"], "few"),
        (["-e", "number", "--chunk-size", "0", "table.csv"], "at least 1"),
        (["-e", "number", "-j", "0", "table.csv"], "50%"),
        (["-e", "number", "--by", "table", "table.csv"], "row, value, chunk, group"),
        (["-e", "number", "--backend", "quantum", "table.csv"], "serial"),
        (["-e", "number", "--start-method", "teleport", "table.csv"], "forkserver"),
        (["-e", "number +", "table.csv"], "not a Python expression"),
        (["-e", "numbr", "table.csv"], "did you mean 'number'"),
        (["-e", "value", "-c", "nam", "table.csv"], "did you mean 'name'"),
        (["-e", "number", "--select", "nam", "table.csv"], "did you mean 'name'"),
        (["-e", "number", "--drop", "nam", "table.csv"], "did you mean 'name'"),
        (["-e", "number", "absent.csv"], "absent.csv: No such file"),
        (["-e", "number", "empty"], "is a folder without a file"),
        (["-e", "number", "table.csv", "-o", "out.xyz"], "--to csv|tsv"),
        (["-e", "number", "table.csv", "-o", "absent/out.csv"], "mkdir -p"),
        (["-e", "number", "table.csv", "-o", "."], "is a folder"),
        (["-e", "number", "faults.py"], "--from csv|tsv"),
        (["-e", "number", "--arg", "a=1", "table.csv"], "--arg is for functions"),
        (["faults.py:raises", "--arg", "a", "table.csv"], "NAME=VALUE"),
        (["absent.py:raises", "table.csv"], "absent.py: no such file"),
        (["faults.py:raise", "table.csv"], "there are: "),
        (["faults.py", "table.csv"], "faults.py:NAME"),
        (["absent_module:f", "table.csv"], "no module 'absent_module'"),
        (["table.csv", "faults.py:raises"], "parapply faults.py:raises table.csv"),
        (["faults.py:raises", "--filter", "--explode", "table.csv"], "together"),
    ],
)
def test_a_wrong_usage_is_one_line_with_a_remedy(fail, table, faults, arguments, words):
    (table.parent / "empty").mkdir()
    message = fail(2, *arguments)
    assert words in message
    assert "\n" not in message


def test_a_module_that_fails_to_import_is_said_with_its_line(fail, table, written):
    written("broken.py", "import sys\n\ndef f(row):\n    return row['a'\n")
    assert re.search(r"broken\.py: SyntaxError: .*\(line 4\)", fail(2, "broken.py:f", "table.csv"))


def test_a_missing_import_of_the_module_is_named(fail, table, written):
    written("needy.py", "import absent_package\n\ndef f(row):\n    pass\n")
    message = fail(2, "needy.py:f", "table.csv")
    assert "No module named 'absent_package'" in message
    assert "needy.py" in message


def test_an_error_of_the_function_names_row_values_and_the_users_own_frames(fail, table, faults):
    message, *frames = fail(1, "faults.py:raises", "table.csv").splitlines()
    assert message == (
        "parapply: error: table.csv: row 8: raises raised ValueError: seven [number=7]"
    )
    assert [frame for frame in frames if "File" in frame] == [
        f'    File "{faults}", line 24, in raises'
    ]


def test_verbose_gives_the_whole_traceback(parapply, table, faults):
    done = parapply("-v", "faults.py:raises", "table.csv")
    assert done.returncode == 1
    assert "parapply/execute/failures/attempts.py" in done.stderr


def test_verbose_says_what_was_done(parapply, table):
    done = parapply("-v", "-e", "number", "table.csv")
    assert re.fullmatch(r"parapply: 20 rows in, 20 out, .* workers .*\n", done.stderr)


def test_an_error_names_the_file_and_row_among_several(fail, table, written):
    written("second.csv", "name,number,share\na,50,1\nb,51,1\n")
    message = fail(1, "-e", "1 / (number - 51)", "table.csv", "second.csv", "-o", "out.csv")
    assert message.startswith("parapply: error: second.csv: row 2: result raised ZeroDivision")


def test_without_input_on_a_terminal_the_short_help_is_shown(tmp_path, faults):
    keyboard, terminal = pty.openpty()
    command = [*COMMAND, "faults.py:raises"]
    done = subprocess.run(command, stdin=terminal, capture_output=True, cwd=tmp_path, timeout=20)
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"Usage: parapply [OPTIONS] FUNCTION")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_neither_pandas_nor_pyarrow(tmp_path, option):
    command = [sys.executable, "-X", "importtime", "-m", "parapply", option]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert done.returncode == 0
    imported = set(re.findall(r"\| +(\w+)$", done.stderr, re.MULTILINE))
    assert "click" in imported
    assert not imported & {"pandas", "pyarrow", "numpy", "tqdm", "multiprocessing"}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("table.csv", "out.csv"),
        ("table.csv", "out.parquet"),
        ("table.parquet", "out.parquet"),
        ("table.parquet", "out.csv"),
    ],
)
def test_a_row_job_does_not_import_pandas(tmp_path, table, faults, source, target):
    import pandas as pd

    pd.read_csv(table).to_parquet(tmp_path / "table.parquet")
    command = [sys.executable, "-X", "importtime", "-m", "parapply"]
    command += ["faults.py:without_pandas", source, "-o", target]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert done.returncode == 0, done.stderr
    imported = set(re.findall(r"\| +(\w+)$", done.stderr, re.MULTILINE))
    assert ("pyarrow" in imported) == (source != "table.csv" or target != "out.csv")
    assert "pandas" not in imported


# What is shown.


def test_success_is_silent(parapply, table):
    done = parapply("-e", "number", "table.csv", "-o", "out.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", "")


def test_progress_forces_a_bar(parapply, table):
    done = parapply("--progress", "-e", "number", "table.csv", "-o", "out.csv")
    assert "20.0/20.0" in done.stderr
    assert "100%" in done.stderr


def test_quiet_forbids_the_bar(succeed, table):
    succeed("--progress", "-q", "-e", "number", "table.csv", "-o", "out.csv")


@pytest.mark.parametrize(("terminal", "shown"), [("xterm", True), ("dumb", False)])
def test_a_bar_is_shown_on_a_terminal_that_can_show_it(tmp_path, table, terminal, shown):
    reader, screen = pty.openpty()
    termios.tcsetwinsize(screen, (24, 80))
    command = [*COMMAND, "-e", "number", "table.csv", "-o", "out.csv"]
    environment = {**os.environ, "TERM": terminal}
    done = subprocess.run(command, stderr=screen, cwd=tmp_path, env=environment, timeout=20)
    os.write(screen, b"end")
    seen = os.read(reader, 65536)
    os.close(reader)
    os.close(screen)
    assert done.returncode == 0
    assert (b"100%" in seen) == shown
    assert shown or seen == b"end"


@pytest.mark.parametrize("backend", BACKENDS)
def test_garbage_is_collected_while_functions_run(succeed, table, backend):
    """The command itself does without while it is imported."""
    out = succeed("-e", "__import__('gc').isenabled()", "table.csv", "--only", "--backend", backend)
    assert set(out.split()[1:]) == {b"True"}


def test_what_the_function_prints_goes_to_standard_error(parapply, table, faults):
    done = parapply("--only", "faults.py:talks", "table.csv")
    assert done.stdout.decode() == "".join(["talks\n", *(f"{n}\n" for n in range(20))])
    for word in ("said", "written", "unbuffered", "shell"):
        assert done.stderr.count(word) == 20


# The output: whole or not at all.


@pytest.mark.parametrize("function", ["raises", "exits", "is_killed", "leaves"])
def test_a_failure_leaves_the_old_output_and_no_litter(parapply, table, faults, tmp_path, function):
    (tmp_path / "out.csv").write_text("old")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__").rmdir()
    before = content(tmp_path)
    done = parapply(
        f"faults.py:{function}", "table.csv", "-o", "out.csv", "--chunk-size", "3",
        environment={"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert content(tmp_path) == before


def test_output_may_be_the_input(succeed, table):
    before = table.read_text()
    succeed("-e", "number * 2", "--into", "twice", "table.csv", "-o", "table.csv")
    lines = table.read_text().splitlines()
    assert [line.rpartition(",")[0] for line in lines] == before.splitlines()
    assert lines[-1] == "name19,19,4.75,38"


def test_a_full_device_is_an_error(fail, table):
    message = fail(1, "-e", "number", "table.csv", "-o", "/dev/full")
    assert "/dev/full: No space left on device" in message
    assert "\n" not in message


def test_a_full_standard_output_is_an_error(parapply, table):
    with open("/dev/full", "wb") as full:
        done = parapply("-e", "number", "table.csv", stdout=full)
    assert done.returncode == 1
    assert done.stderr == "parapply: error: standard output: No space left on device\n"


def test_dev_stdout_is_written_to(succeed, table):
    assert succeed("-e", "number", "table.csv", "-o", "/dev/stdout") == succeed(
        "-e", "number", "table.csv"
    )


def test_dev_null_stays_a_device(succeed, table):
    succeed("-e", "number", "table.csv", "-o", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_standard_output_appended_to_a_file_is_appended(succeed, table, tmp_path):
    (tmp_path / "log").write_text("before\n")
    with open(tmp_path / "log", "ab") as log:
        succeed("--only", "-e", "number", "table.csv", stdout=log)
    assert (tmp_path / "log").read_text().startswith("before\nresult\n0\n1\n")


def test_a_links_target_is_replaced_and_not_the_link(succeed, table, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("elsewhere/real.csv")
    succeed("--only", "-e", "number", "table.csv", "-o", "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (folder / "real.csv").read_text().startswith("result\n0\n")


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_the_mode_of_the_output_is_kept(succeed, table, tmp_path, mode):
    (tmp_path / "out.csv").touch()
    (tmp_path / "out.csv").chmod(mode)
    succeed("-e", "number", "table.csv", "-o", "out.csv")
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == mode


def test_a_new_output_has_the_mode_that_the_umask_gives(succeed, table, tmp_path):
    (tmp_path / "plain").touch()
    succeed("-e", "number", "table.csv", "-o", "out.csv")
    assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


# Odd input.


def test_a_header_alone_gives_a_header(succeed, written):
    written("in.csv", "a,b\n")
    assert succeed("-e", "a", "in.csv") == b"a,b,result\n"


def test_a_header_without_newline_gives_one_without(succeed, written):
    written("in.csv", "a,b")
    assert succeed("-e", "a", "in.csv") == b"a,b,result"


def test_an_empty_file_is_an_error_that_says_so(fail, written):
    written("in.csv", "")
    assert "in.csv is empty" in fail(1, "-e", "1", "in.csv")


def test_an_empty_standard_input_is_an_error_that_says_so(fail):
    assert "standard input is empty" in fail(1, "-e", "1")


def test_a_missing_newline_at_the_end_stays_missing(succeed, written):
    written("in.csv", "a,b\n1,2\n3,4")
    assert succeed("-e", "a + b", "in.csv") == b"a,b,result\n1,2,3\n3,4,7"


def test_a_missing_newline_between_two_files_is_added(succeed, written):
    written("one.csv", "a\n1\n2")
    written("two.csv", "a\n3\n4")
    assert succeed("-e", "a * 2", "one.csv", "two.csv") == b"a,result\n1,2\n2,4\n3,6\n4,8"


def test_crlf_stays_crlf(succeed, written):
    written("in.csv", b"a,b\r\n1,x\r\n2,y\r\n")
    assert succeed("-e", "b.upper()", "in.csv") == b"a,b,result\r\n1,x,X\r\n2,y,Y\r\n"


def test_a_byte_order_mark_is_no_part_of_the_first_name_and_stays(succeed, written):
    written("in.csv", b"\xef\xbb\xbfa,b\n1,2\n")
    assert succeed("-e", "a", "in.csv") == b"\xef\xbb\xbfa,b,result\n1,2,1\n"


def test_blank_lines_are_no_rows_and_stay(succeed, written):
    written("in.csv", "a,b\n\n1,2\n\n\n3,4\n\n")
    expected = b"a,b,result\n\n1,2,3\n\n\n3,4,7\n\n"
    assert succeed("-e", "a + b", "in.csv") == expected


@pytest.mark.parametrize(("row", "count"), [("1", "1 field"), ("1,2,3", "3 fields")])
def test_a_ragged_row_is_an_error_that_names_it(fail, written, row, count):
    written("in.csv", f"a,b\n1,2\n1,2\n{row}\n1,2\n")
    message = fail(1, "-e", "a", "in.csv")
    assert f"in.csv: row 3 has {count}, the header has 2" in message


def test_duplicate_column_names_stay_and_mean_none_of_them(succeed, fail, written):
    written("in.csv", "a,a,b\n1,2,3\n")
    assert succeed("-e", "row[0] * 10", "in.csv") == b"a,a,b,result\n1,2,3,10\n"
    assert "column 'a' is there twice, as columns 1 and 2" in fail(2, "-e", "a * 10", "in.csv")


def test_an_empty_column_name_stays(succeed, written):
    written("in.csv", ",b\n1,2\n")
    assert succeed("-e", "row[''] + b", "in.csv") == b",b,result\n1,2,3\n"


def test_text_that_is_not_utf8_is_an_error_that_says_so(fail, written):
    written("in.csv", b"a,b\n1,caf\xe9\n")
    message = fail(1, "-e", "b", "in.csv")
    assert "in.csv" in message
    assert "UTF-8" in message


def test_an_unreadable_file_is_an_error(fail, written):
    written("in.parquet", b"PAR1 and no more")
    assert "in.parquet" in fail(1, "-e", "1", "in.parquet")


def test_files_with_other_columns_are_an_error_that_names_the_column(fail, written):
    written("one.csv", "a,b\n1,2\n")
    written("two.csv", "a,c\n1,2\n")
    message = fail(1, "-e", "a", "one.csv", "two.csv")
    assert "column 2 is 'b' in one and 'c' in the other" in message


# Deaths.


@pytest.mark.parametrize(
    ("function", "how"),
    [("exits", "exited with code 3"), ("is_killed", "was killed by SIGKILL")],
)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_row_that_no_worker_survives_is_named_in_one_line(
    fail, table, faults, function, how, method
):
    message = fail(
        1, f"faults.py:{function}", "table.csv", "--chunk-size", "4", "--start-method", method
    )
    assert f"table.csv: row 8: the worker {how} on this row, twice" in message
    assert "\n" not in message


def test_a_worker_that_dies_once_loses_nothing(succeed, table, faults):
    output = succeed("--only", "faults.py:is_killed_once", "table.csv", "--chunk-size", "4")
    assert output.decode().split() == ["is_killed_once", *map(str, range(20))]


def test_a_function_that_calls_sys_exit_is_an_error(fail, table, faults):
    message = fail(1, "faults.py:leaves", "table.csv")
    assert "row 1" in message
    assert "SystemExit" in message


# The end.


ATEXIT = """
import atexit, os, sys

def bye(pid=os.getpid()):
    if os.getpid() == pid:
        print("bye", file=sys.stderr)

atexit.register(bye)

def twice(row):
    return row.n * 2
"""


@pytest.mark.parametrize(("n", "code"), [("1", 0), ("x", 1)])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_functions_of_atexit_are_called_at_the_end(parapply, tmp_path, n, code, method):
    (tmp_path / "f.py").write_text(ATEXIT)
    (tmp_path / "in.csv").write_text(f"n,m\n1,2\n{n},2\n")
    done = parapply("f.py:twice", "--dtype", "n=int", "--start-method", method, "in.csv")
    assert done.returncode == code
    assert done.stderr.endswith("bye\n")


def test_a_profiler_has_the_last_word(tmp_path):
    (tmp_path / "in.csv").write_text("n\n1\n")
    command = [sys.executable, "-m", "cProfile", "-m", "parapply", "-e", "n + 1", "in.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    assert b"function calls" in done.stdout + done.stderr


def test_an_exit_that_leaves_threads_behind_leaves_no_folders(tmp_path):
    program = """
        import sys, threading, time
        from parapply.cli import process
        from parapply.storage.atomic.staging import Staging
        Staging(sys.argv[1], "parapply-").make()
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        process.leave(SystemExit(3))
    """
    argv = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    assert subprocess.run(argv, timeout=30, check=False).returncode == 3
    assert not list(tmp_path.iterdir())
