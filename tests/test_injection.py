"""The library that has calls fail, and the oracle of `python -m tests.injection`."""

from __future__ import annotations

import sys

import pytest

from tests.injection import library, oracle, runs
from tests.injection.jobs import OLD, Job, prepare
from tests.injection.library import Fault

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not library.available(), reason="built by gcc, preloaded on Linux"
)
JOB = Job("csv-serial")
FULL = Fault("write", "ENOSPC", "parent", 1)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    base = tmp_path_factory.mktemp("injection")
    inputs = base / "inputs"
    inputs.mkdir()
    prepare(inputs)
    return runs.Bench(base, inputs, library.build(base))


@pytest.fixture(scope="module")
def wanted(bench):
    return runs.undisturbed(bench, JOB)[0]


def test_the_call_that_is_named_fails_and_no_other(bench, wanted):
    trial = runs.attempt(bench, JOB, FULL, wanted)
    assert [(call.kind, call.who, call.nth) for call in trial.calls] == [("write", "parent", 1)]
    assert "No space left on device" in trial.said
    assert trial.complaints == []


def test_half_of_a_write_is_written_and_the_rest_after_it(bench, wanted):
    trial = runs.attempt(bench, JOB, Fault("write", library.SHORT, "parent", 1), wanted)
    assert len(trial.calls) == 1
    assert trial.complaints == []


def test_onward_means_every_call_after_it(bench, wanted):
    trial = runs.attempt(bench, JOB, Fault("unlink", "EACCES", "parent", 1, onward=True), wanted)
    assert len(trial.calls) > 1


@pytest.mark.parametrize(
    ("code", "content", "said", "complaint"),
    [
        (0, OLD, "", "exit code 0 with other bytes"),
        (1, None, "parapply: error: out.csv: full", "exit code 1 with the old output replaced"),
        (1, b"half", "parapply: error: out.csv: full", "exit code 1 with the old output changed"),
        (1, OLD, "parapply: error: internal error", "traceback or internal error"),
        (1, OLD, "parapply: error: full", "does not name out"),
        (1, OLD, "", "fails without a word"),
        (None, OLD, "", "hangs"),
        (-9, OLD, "parapply: error: out.csv: full", "dies of signal 9"),
    ],
)
def test_what_is_wrong_is_seen(code, content, said, complaint, wanted, tmp_path):
    JOB.lay(tmp_path)
    old = oracle.state(JOB, tmp_path)
    if content != OLD:
        found = wanted.state.content()["out.csv"]["."] if content is None else content
        (tmp_path / "out.csv").write_bytes(found)
    call = library.Call("write", "parent", 1, "write", f"{tmp_path}/.out.csv.parapply-0/output")
    result = oracle.Result(code, oracle.state(JOB, tmp_path), said, [call])
    assert complaint in oracle.complaints(JOB, FULL, result, old, wanted, tmp_path)


def test_a_folder_that_is_left_behind_is_seen(wanted, tmp_path):
    JOB.lay(tmp_path)
    old = oracle.state(JOB, tmp_path)
    (tmp_path / ".out.csv.parapply-0123456789ab").mkdir()
    call = library.Call("write", "parent", 1, "write", f"{tmp_path}/out.csv")
    result = oracle.Result(1, oracle.state(JOB, tmp_path), "out.csv: full", [call])
    found = list(oracle.complaints(JOB, FULL, result, old, wanted, tmp_path))
    assert found == ["leaves .out.csv.parapply-*"]
