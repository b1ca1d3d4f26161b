"""The library that has calls fail, and the oracle of `python -m tests.injection`."""

from __future__ import annotations

import functools
import re
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


@pytest.fixture(scope="module")
def undisturbed(bench):
    return functools.cache(lambda name: runs.undisturbed(bench, Job(name)))


@pytest.fixture
def attempt(bench, undisturbed):
    """Have a kind of calls at a site fail, the first of them or (with +) from it on all."""

    def attempt(name, fault):
        kind, error, where = fault.split(" ")
        result, sites = undisturbed(name)
        found = [
            calls[0]
            for (one, _, site), calls in sites.items()
            if one == kind and re.search(where.removesuffix("+"), site)
        ]
        first = min(found, key=lambda call: (call.who, call.nth))
        fault = Fault(kind, error, first.who, first.nth, where.endswith("+"))
        for _ in range(20):  # which call of a worker is the nth one is chance, too
            trial = runs.attempt(bench, Job(name), fault, result)
            if re.search(where.removesuffix("+"), trial.site):
                return trial
        raise AssertionError(f"no call at {where} has failed in twenty runs")

    return attempt


@pytest.mark.parametrize("fault", ["close EIO /.out.*parapply-lock-NOTE$", "close ENOSPC rank-N$"])
@pytest.mark.parametrize("job", ["csv-serial", "lock"])
def test_what_closing_a_file_says_that_only_kept_a_lock_concerns_nobody(job, fault, attempt):
    trial = attempt(job, fault)
    assert (trial.complaints, trial.said, len(trial.calls)) == ([], "", 1)


@pytest.mark.parametrize("job", ["csv-serial", "csv-threads", "forkserver", "log-file"])
def test_a_run_that_asks_for_no_lock_needs_none(job, bench, undisturbed):
    trial = runs.attempt(
        bench, Job(job), Fault("lock", "ENOLCK", "both", 1, onward=True), undisturbed(job)[0]
    )
    assert (trial.complaints, trial.said) == ([], "")
    assert len(trial.calls) > 2


def test_an_end_that_a_function_asks_for_needs_no_lock(bench, undisturbed):
    fault = Fault("lock", "ENOSYS", "both", 1, onward=True)
    trial = runs.attempt(bench, Job("stop"), fault, undisturbed("stop")[0])
    assert trial.complaints == []
    assert "worker.stop(): 41 rows in" in trial.said


def test_a_rate_that_needs_locks_which_are_not_there_names_the_place(attempt):
    trial = attempt("rate", "lock ENOLCK /rate-+")
    assert trial.complaints == []
    said = "/tmp: No locks available: what workers share cannot be there (TMPDIR=DIR"
    assert said in trial.said


@pytest.mark.parametrize(
    ("job", "fault", "said"),
    [
        ("lock", "lock EIO /.out.csv.parapply-lock/NOTE$", "out.csv: cannot be locked: Input"),
        ("csv-serial", "lock EIO /tmp/.*rank-N$", r"tmp \(TMPDIR=DIR names another\): Input"),
        ("checkpoint-serial", "chmod EPERM kept/parts", "--checkpoint kept: Operation not"),
        ("checkpoint-serial", "sync EIO /kept$", "--checkpoint kept: Input"),
        ("checkpoint-serial", "close ENOSPC kept/parts", "--checkpoint kept: No space"),
        ("pipe-late", "close EIO .made$", "temporary files: cannot write in .*: Input"),
        ("pipe-late", "open ENOSPC .made$+", "temporary files: cannot write in .*: No space"),
        ("csv-serial", "close EIO /output$", "out.csv: .*Input"),
        ("folder-jsonl", "mkdir EIO /output$", "out/: cannot write in .*: Input"),
        ("folder-jsonl", "open EMFILE lock-NOTE$", r"out/: cannot write in .*ulimit -n\); raise"),
        ("stop", "open EDQUOT /count-+", r"/tmp \(TMPDIR=DIR names another\): Disk quota"),
        ("stop", "open EIO /stop$", "/tmp: Input/output error: what workers share"),
        ("temp-dir", "mkdir EACCES /temp/", "--temp-dir temp: Permission denied"),
        ("csv-serial", "mkdir EACCES /tmp/", r"in .*/tmp \(TMPDIR=DIR names another\): Permission"),
        ("stdout", "mkdir EACCES /tmp/parapply-", "temporary files: cannot write in .*--temp-dir"),
    ],
)
def test_what_is_wrong_is_said_of_the_file_and_option_concerned(job, fault, said, attempt):
    trial = attempt(job, fault)
    assert trial.complaints == []
    assert re.search(said, trial.said)


def test_a_checkpoint_needs_no_folder_that_can_be_synced(attempt):
    trial = attempt("checkpoint-serial", "sync EINVAL /kept$")
    assert (trial.complaints, trial.said) == ([], "")


def test_a_folder_of_a_forkserver_that_cannot_be_removed_is_no_traceback(attempt):
    trial = attempt("forkserver", "unlink EACCES ^/tmp/+")
    assert (trial.complaints, trial.said) == ([], "")


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
