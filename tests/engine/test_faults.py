"""The fault table, run: the right error, no hang, no orphan, no litter, the old output intact."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.faults import FAULTS, FUNCTIONS, Fault
from tests.processes import wait_for

HOW = {
    "threads": ["--backend", "threads"], "serial": ["--backend", "serial"],
    **{method: ["--start-method", method] for method in ("fork", "forkserver", "spawn")},
}  # fmt: skip


def cases():
    """All of them; one backend a fault, each in turn, where there is not much time."""
    for place, fault in enumerate(FAULTS):
        for kind in fault.on:
            marks = () if kind == fault.on[place % len(fault.on)] else pytest.mark.slow
            yield pytest.param(fault, kind, id=f"{fault.name}-{kind}", marks=marks)


def old_output(folder, fault: Fault) -> None:
    """Have an output there already, be it a file or a folder."""
    path = folder / fault.output
    if fault.output.endswith("/"):
        path.mkdir()
        path = path / "part-00000.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")


def state(folder, fault: Fault):
    """All files under a folder, but for what the fault itself changes."""
    return {
        str(path.relative_to(folder)): path.is_dir() or (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] not in (*fault.changes, "started", "done")
    }


@pytest.mark.parametrize(("fault", "kind"), list(cases()))
def test_a_fault(started, table, written, tmp_path, fault, kind):
    written("functions.py", FUNCTIONS)
    if not fault.output.startswith("/dev") and "out" not in fault.changes:
        old_output(tmp_path, fault)
    (tmp_path / fault.output).parent.mkdir(exist_ok=True)
    before = state(tmp_path, fault)
    function = [fault.function, *fault.options[:1]] if fault.function == "-e" else [
        f"functions.py:{fault.function}"
    ]  # fmt: skip
    options = fault.options[1:] if fault.function == "-e" else fault.options
    process = started(
        *function, "table.csv", "-o", fault.output, *options, "-j", "2", *HOW[kind],
        stderr=subprocess.PIPE, text=True, **fault.settings,
    )  # fmt: skip
    if fault.does is not None:
        wait_for(tmp_path / "started")
        fault.does(process, tmp_path)
        (tmp_path / "done").touch()
    _, said = process.communicate(timeout=20)
    first, *more = said.splitlines()
    # A pool that is torn down in the midst of a message keeps its semaphores to the very end, of
    # which CPython's own tracker may complain, where workers are not forked.
    more = [line for line in more if "resource_tracker" not in line]
    assert re.fullmatch(rf"parapply: (error: )?(?:{fault.says})", first), said
    assert all(line.startswith("  ") for line in more), said  # where in the user's code
    assert process.returncode == fault.code
    started.check_gone()
    assert state(tmp_path, fault) == before
