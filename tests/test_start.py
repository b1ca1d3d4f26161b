"""How the command and its workers start: what is imported, heeded and open, whoever starts them."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
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
    for name in {*sys.stdlib_module_names, *PACKAGES}:
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
