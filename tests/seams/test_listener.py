"""A listener hears of all that happens in a run, and of a run that fails."""

import pytest

import parapply
from parapply.model import events


class Heard(list):
    on = list.append

    def of(self, kind):
        return [event for event in self if isinstance(event, kind)]


def job(tmp_path, **settings):
    (tmp_path / "in.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(100)))
    wish = {"expression": "1 / (n - 50)", "into": "x", "chunk_size": 10, "workers": 2, **settings}
    return parapply.Job(inputs=tmp_path / "in.csv", output=tmp_path / "out.csv", **wish)


def test_it_hears_of_a_run(tmp_path):
    heard = Heard()
    report = parapply.run(job(tmp_path, on_error="skip"), listeners=[heard])
    kinds = list(dict.fromkeys(type(event) for event in heard))
    assert kinds[:2] == [events.Begun, events.Surveyed] and kinds[-2:] == [
        events.Published,
        events.Ended,
    ]
    assert heard.of(events.Surveyed) == [events.Surveyed(("n",), 100)]
    done = heard.of(events.ChunkDone)
    assert sorted(one.number for one in done) == [(n,) for n in range(10)]
    assert sum(one.rows_in for one in done) == 100 and all(one.seconds > 0 for one in done)
    (failed,) = heard.of(events.RowsFailed)
    assert (failed.number, failed.failed) == ((5,), 1)
    assert heard[-1] == events.Ended(report, None) and report.failed == 1 and report.rows_out == 99
    assert heard.of(events.Progress)[-1].computed == 100


def test_it_hears_of_a_run_that_fails_and_the_error_has_its_report(tmp_path):
    heard = Heard()
    with pytest.raises(parapply.ParapplyError, match="row 51") as caught:
        parapply.run(job(tmp_path), listeners=[heard])
    report, error = heard[-1].report, heard[-1].error
    assert error is caught.value and report == caught.value.report
    assert report.chunks == len(heard.of(events.ChunkDone)) and report.workers == 2
    assert report.rows_in == 10 * report.chunks and not heard.of(events.Published)


def test_it_hears_of_lost_workers(tmp_path):
    heard, die = Heard(), "__import__('os').kill(__import__('os').getpid(), 9) if n == 7 else n"
    with pytest.raises(parapply.ParapplyError, match="row 8"):
        parapply.run(job(tmp_path, expression=die), listeners=[heard])
    assert {one.how for one in heard.of(events.WorkerLost)} == {"was killed by SIGKILL"}
