"""A backend of one's own: a class with one method, a row of a table, and a plain loop."""

from contextlib import contextmanager

import pytest

import parapply
from parapply.backends import registry
from parapply.backends.api import Done


class Loop:
    """Runs each item where it is; knows nothing of progress, idle workers or deadlines."""

    @staticmethod
    @contextmanager
    def open(config):
        config.start()
        yield Session()
        config.leave()


class Session:
    @staticmethod
    def run(task, items, *, beat=None, outside=None):
        while True:
            for item in items:
                yield Done(item, task(item, Pace()))
            if outside is None or not outside.more:
                return
            outside.look()


class Pace:
    relieved = False

    def __call__(self, count):
        pass

    def within(self, seconds):
        pass


@pytest.fixture(autouse=True)
def row(monkeypatch):
    spec = registry.BackendSpec(f"{__name__}:Loop")
    monkeypatch.setitem(registry.BACKENDS, "loop", spec)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("options", [{}, {"chunk_size": 7}, {"on_error": "skip"}])
def test_a_job_gives_what_it_gives_with_processes(tmp_path, suffix, options):
    (tmp_path / "in.csv").write_text("n,t\n" + "".join(f"{n},x{n}\n" for n in range(2000)))
    outputs = []
    for backend in ("loop", "processes"):
        output = tmp_path / f"{backend}.{suffix}"
        job = {"inputs": tmp_path / "in.csv", "output": output, "backend": backend, **options}
        report = parapply.run(parapply.Job(expression="1000 / (n - 3000 + len(t))", **job))
        outputs.append((output.read_bytes(), report.rows_in, report.rows_out))
    assert outputs[0] == outputs[1]
