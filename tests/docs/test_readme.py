"""The README cannot drift: its commands are run, its output compared, every option is in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from parapply import worker
from parapply.cli.command import command
from parapply.cli.options import OPTIONS, Option
from tests import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent  # not resolved: that of a virtual environment's own python
TIMEOUT_S = 60


def blocks(language: str, mark: str = "") -> list[str]:
    """The fenced blocks of a language; with a mark, those right under <!-- mark -->."""
    comment = f"<!-- {mark} -->\n" if mark else ""
    return re.findall(rf"^{comment}```{language}\n(.*?)^```$", README, re.M | re.S)


def dialogues() -> list[list[tuple[str, str]]]:
    """The commands of each console block, each with the output shown under it."""
    return [re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M) for block in blocks("console")]


@pytest.fixture
def folder(tmp_path):
    """A folder as a reader of the README has it: the samples, and .venv with the command."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples", ignore=shutil.ignore_patterns("out"))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    """Run a command and return what it wrote to standard output and standard error."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def test_there_are_blocks_of_every_kind():
    assert len(dialogues()) > 5
    assert all(dialogues())
    assert len(blocks("sh")) == 2, "two commands: install and run, install and test"
    assert len(blocks("sh", "install")) == len(blocks("sh", "test")) == 1


@pytest.mark.parametrize("dialogue", dialogues(), ids=lambda dialogue: dialogue[0][0][:60])
def test_commands_do_what_the_readme_shows(folder, dialogue):
    for line, output in dialogue:
        assert run(folder, "bash", "-c", line) == output, line


def test_the_install_command_shows_the_result_of_the_main_example(folder):
    (block,) = blocks("sh", "install")
    install, together, rest = block.partition(" -q . && ")
    assert (install, together) == ("python3 -m venv .venv && .venv/bin/pip install", " -q . && ")
    assert run(folder, "bash", "-c", rest) == dialogues()[0][-1][1]


def test_the_test_command_is_what_ci_runs():
    (block,) = blocks("sh", "test")
    assert block == ".venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -n auto\n"
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^readme_command test\b", script.read_text(encoding="utf-8"), re.M)


def test_the_library_example_runs(folder):
    run(folder, sys.executable, "-W", "error", "-c", blocks("python")[-1])


@pytest.mark.parametrize(
    ("language", "file"),
    [("python", "functions.py"), ("make", "Makefile"), ("crontab", "crontab")],
)
def test_excerpts_are_as_in_the_samples(language, file):
    assert blocks(language)[0] in (ROOT / "samples" / file).read_text(encoding="utf-8")


def test_the_excerpt_of_the_workers_side_is_as_in_the_samples():
    assert blocks("python")[1] in (ROOT / "samples" / "workers.py").read_text(encoding="utf-8")


def by_hand() -> list[str]:
    """The commands of the table in "From multiprocessing to parapply"."""
    chapter = README.partition("## From multiprocessing to parapply\n")[2].partition("\n## ")[0]
    rows = [re.split(r"(?<!\\)\|", line) for line in chapter.splitlines() if line.startswith("| `")]
    return [row[3].strip().strip("`").replace("\\|", "|") for row in rows]


@pytest.mark.parametrize("line", dict.fromkeys(by_hand()))
def test_what_stands_for_multiprocessing_runs(folder, line):
    (folder / "trips.csv").write_text("from,to\nJFK,ORD\nHNL,XXX\n")
    run(folder, "bash", "-c", line)


def test_multiprocessing_is_covered():
    chapter = README.partition("## From multiprocessing to parapply\n")[2].partition("\n## ")[0]
    for name in [
        "Process", "Pool", "apply", "apply_async", "map", "map_async", "initializer", "callback",
        "close", "join", "terminate", "Lock", "Semaphore", "Event", "Queue", "Pipe", "Manager",
        "current_process", "threads or processes",
    ]:  # fmt: skip
        assert re.search(rf"\b{name}\b", chapter), name


def test_every_name_of_the_workers_side_is_explained():
    for name in worker.__all__:
        assert re.search(rf"`(worker)?\.{name}\b", README), name


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_every_option_is_in_a_group_of_the_help():
    given = [option for option in command.params if isinstance(option, Option)]
    assert len(given) == len(OPTIONS)
    assert [option.opts for option in given if option.group == "Help" or not option.help] == []


@pytest.mark.parametrize(
    "option",
    [name for option in command.params if isinstance(option, click.Option) for name in option.opts],
)
def test_every_option_is_in_the_readme(option):
    assert re.search(rf"`[^`\n]*(?<![\w-]){option}(?![\w-])", README), f"{option} is not explained"


def test_the_readme_names_only_options_that_there_are():
    known = {name for option in command.params for name in option.opts} | {"--help"}
    prose = re.sub(r"```.*?```", "", README, flags=re.S)
    assert set(re.findall(r"(?<![\w<!-])--[a-z][a-z-]+", prose)) <= known
