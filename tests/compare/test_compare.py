"""`python -m tests.compare`: what it sees, what it minds not, and what its lines are made of."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.compare import differences, functions, lines, messages, options, tables
from tests.compare.__main__ import main
from tests.compare.runs import HANGS, Outcome

LINES = 400
FOLDER = Path("/tmp/x/00012-old")
# Run as the command, this one has something done by another hand.
ALTERED = """
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "parapply", *sys.argv[1:]], capture_output=True)
sys.stdout.buffer.write(done.stdout.replace(*{stdout}))
sys.stderr.buffer.write(done.stderr.replace(*{stderr}))
sys.exit(done.returncode and done.returncode + {code})
"""
SAME = (b"", b"")


@pytest.fixture(scope="module")
def made():
    every = options.known()
    return every, [lines.make(number, 0, every) for number in range(LINES)]


def test_an_installation_does_what_it_does(capsys):
    assert main(["--runs", "2", "--seed", "9"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stdout": (b"Usage", b"usage")}, "standard output"),
        ({"stderr": (b"error", b"Error")}, "standard error"),
        ({"code": 1}, "exit code"),
    ],
)
def test_what_an_installation_does_otherwise_is_told(change, told, made, tmp_path, capsys):
    every, some = made
    (helps,) = (option for option in every if option.name == "--help")
    wrong = next(one for one in some if re.search("--[a-z-]+[= ]x( |$)", str(one)))
    line = next(one for one in some if one.uses(helps)) if "stdout" in change else wrong
    program = tmp_path / "altered.py"
    program.write_text(ALTERED.format(**{"stdout": SAME, "stderr": SAME, "code": 0, **change}))
    new = f"{sys.executable} {program}"
    assert main(["--new", new, "--line", str(line.number), "--repeats", "1"]) == 1
    out = capsys.readouterr().out
    assert f"--line {line.number}:" in out
    assert told in out


def test_every_option_format_and_function_is_in_the_lines(made):
    every, some = made
    assert min(sum(one.uses(option) for one in some) for option in every) >= 5
    words = {word for one in some for word in (*one.words, one.stdin)}
    assert words >= {*tables.SOUND, *tables.BROKEN, *functions.CALLS}


def test_a_line_is_the_same_made_again_alone(made):
    every, some = made
    assert lines.make(123, 0, every) == some[123] != lines.make(123, 1, every)


def test_the_inputs_are_the_same_made_again(tmp_path):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        tables.prepare(tmp_path / name, 3)
        paths = sorted((tmp_path / name).rglob("*"))
        found.append([(one.relative_to(tmp_path / name), one.is_file() and one.read_bytes())
                      for one in paths])  # fmt: skip
    assert found[0] == found[1]


def test_an_option_that_only_one_installation_has_is_in_no_line():
    assert {one.name for one in options.known("  -q, --quiet\n  --headless")} == {"--quiet"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("9 rows in, 9 out, 0.31 s, 2 chunks", "9 rows in, 9 out, 1.05 s, 2 chunks"),
        ("parapply-0: a\nparapply-1: b", "parapply-1: b\nparapply-0: a"),
        ("parapply-0: a\nend", "parapply-3: a\nend"),
        ("\r 10%|#  | 1/9 [00:00<?, 1 rows/s]\r100%|###| 9/9 [00:01, 2 rows/s]\n",
         "\r 50%|#  | 5/9 [00:00<?, 1 rows/s]\r100%|###| 9/9 [00:03, 7 rows/s]\n"),
        ('Traceback\n  File "/lib/parapply/a.py", line 3, in b\n    c()\nOSError: no',
         'Traceback\n  File "/lib/parapply/d.py", line 7, in e\n    f()\n    ~~~\nOSError: no'),
        ("parapply.model.errors.UsageError: no", "parapply.model.errors.UsageError: no"),
        (f"in {FOLDER}/plain.csv", "in FOLDER/plain.csv"),
    ],
)  # fmt: skip
def test_what_no_two_runs_have_alike_is_no_difference(one, other):
    assert messages.normal(one, FOLDER) == messages.normal(other, FOLDER)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("parapply: error: row 1", "parapply: error: row 2"),
        ("parapply-0: a", "parapply-0: b"),
        ("parapply-0: a\nparapply-0: a", "parapply-0: a"),
        ("\r 50%|#  | 5/9 [00:00<?, 1 rows/s]\n", "\r100%|###| 9/9 [00:03, 7 rows/s]\n"),
        (f'  File "{FOLDER}/f.py", line 3, in b', f'  File "{FOLDER}/f.py", line 4, in b'),
        ("9 rows in, 9 out, 0.31 s, 2 chunks", "9 rows in, 8 out, 0.31 s, 2 chunks"),
    ],
)  # fmt: skip
def test_what_is_said_otherwise_is_a_difference(one, other):
    assert messages.normal(one, FOLDER) != messages.normal(other, FOLDER)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (Outcome(1, b"a", "", {"out": b"644 x"}), "exit code 0 is now 1"),
        (Outcome(0, b"b", "", {"out": b"644 x"}), "from byte 0 on"),
        (Outcome(0, b"a", "!", {"out": b"644 x"}), "+!"),
        (Outcome(0, b"a", "", {"out": b"600 x"}), "out: 5 and 5 bytes"),
        (Outcome(0, b"a", "", {}), "out: there, now not there"),
        (Outcome(HANGS, b"a", "", {"out": b"644 x"}), "the new one hangs"),
    ],
)
def test_all_that_came_of_a_run_is_compared(new, told):
    old = Outcome(0, b"a", "", {"out": b"644 x"})
    assert differences.between(old, old) == []
    assert told in "\n".join(differences.between(old, new))
