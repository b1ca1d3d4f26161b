"""Who takes part, in which workloads, and what is run for it: a table."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.measure import Command
from tests.benchmarks.programs import functions
from tests.benchmarks.workloads import PROGRAMS, THREADS, Case

_PYTHON = sys.executable
SCRIPTS = Path(_PYTHON).parent


@dataclass(frozen=True)
class Contender:
    """One column of figures."""

    name: str
    workloads: str
    command: Callable[[Case], Command]
    needs: str = ""  # a module, or "$NAME" for a command on the PATH
    compared: bool = True  # whether it writes a table

    @property
    def is_here(self) -> bool:
        """Whether what it needs is installed."""
        if self.needs.startswith("$"):
            return shutil.which(self.needs[1:]) is not None
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def _parapply(case: Case, *more: str, function: str | None = None) -> Command:
    work = case.workload
    reference = function or f"{PROGRAMS / 'functions.py'}:{work.function}"
    form = {"row": ("--into", work.made), "value": ("-c", work.column), "chunk": ()}[work.by]
    place = (str(case.input), "-o", str(case.output))
    argv = [str(SCRIPTS / "parapply"), *(() if function == "-e" else (reference,))]
    return Command([*argv, *form, "-j", str(case.workers), *more, *place])


def _plain(case: Case) -> Command:
    key = case.workload.key
    if key == "E":
        return _parapply(case, "--backend", "threads", "-j", str(THREADS))
    if key == "G":
        return _parapply(case, "-e", functions.TIP, function="-e")
    if key == "I":
        whole = _parapply(case)
        argv = [
            part for part in whole.argv if part not in (str(case.input), str(case.output), "-o")
        ]
        return Command(argv, stdin=case.input, stdout=case.output)
    return _parapply(case)


def _one_worker(case: Case) -> Command:
    return _parapply(case, "-j", "1")


def _as_function(case: Case) -> Command:
    return _parapply(case)


def _limit_of_one(case: Case) -> Command:
    return _limit(replace(case, workers=1))


def _limit(case: Case) -> Command:
    work, threads = case.workload, case.workload.key == "E"
    names = (work.function, work.by, work.column, str(case.input), str(case.rows))
    workers = str(THREADS if threads else case.workers)
    return Command([_PYTHON, str(PROGRAMS / "limit.py"), *names, workers], own_clock=True)


def _peer(name: str) -> Callable[[Case], Command]:
    def command(case: Case) -> Command:
        work, files = case.workload, (str(case.input), str(case.output))
        job = (name, work.function, work.by, work.made, work.column, *files, str(case.workers))
        return Command([_PYTHON, str(PROGRAMS / "peers.py"), *job])

    return command


def _gnu_parallel(case: Case) -> Command:
    argv = ["parallel", "--will-cite", "-k", "-j", str(case.workers), "--pipepart", "--block", "-4"]
    script = [_PYTHON, str(PROGRAMS / "column.py"), "{#}"]
    return Command([*argv, "--header", ":", "-a", str(case.input), *script], stdout=case.output)


def _casanova(case: Case) -> Command:
    argv = [str(SCRIPTS / "casanova"), "map", "-p", str(case.workers), "-c", "1000", "-I"]
    code = ["from functions import distance_of_text", "distance_of_text(row)", case.workload.made]
    path = {"PYTHONPATH": str(PROGRAMS)}
    return Command([*argv, *code, str(case.input)], stdout=case.output, environment=path)


def _python(*code: str) -> Callable[[Case], Command]:
    return lambda case: Command([_PYTHON, "-c", *code])


CONTENDERS = (
    Contender("parapply", "ABCDEFGHI", _plain),
    Contender("parapply -j 1", "AD", _one_worker),
    Contender("parapply function", "G", _as_function),
    Contender("the limit", "ABDEG", _limit, compared=False),
    Contender("the limit -j 1", "AD", _limit_of_one, compared=False),
    Contender("polars", "AB", _peer("polars"), "polars"),
    Contender("duckdb", "AB", _peer("duckdb"), "duckdb"),
    Contender("GNU parallel", "A", _gnu_parallel, "$parallel"),
    Contender("casanova", "A", _casanova, "casanova"),
    Contender("pool recipe", "ABCD", _peer("pool")),
    Contender("joblib", "ABCD", _peer("joblib"), "joblib"),
    Contender("pandarallel", "ABD", _peer("pandarallel"), "pandarallel"),
    Contender("mapply", "ABD", _peer("mapply"), "mapply"),
    Contender("dask", "ABCD", _peer("dask"), "dask"),
    Contender("serial pandas", "ABCFG", _peer("pandas")),
    Contender("import pandas", "F", _python("import pandas"), compared=False),
    Contender(
        "--version",
        "F",
        lambda case: Command([str(SCRIPTS / "parapply"), "--version"]),
        compared=False,
    ),
    Contender("import click", "F", _python("import click"), compared=False),
)
