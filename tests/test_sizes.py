"""How rows are cut for workers that share one interpreter: few chunks, and none too large."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from parapply import Job, run
from parapply.engine.plan import CHUNK_BYTES, CHUNK_ROWS
from parapply.execute.tasks import ChunkTask
from parapply.model.chunk import Chunk


@pytest.fixture
def sizes(tmp_path, monkeypatch):
    """Run a job and return the rows of each of its chunks, in order."""
    found: dict[tuple[int, ...], int] = {}
    known = ChunkTask.__call__

    def noting(task, item, pace):
        if isinstance(item, Chunk):
            found[item.number] = item.rows
        return known(task, item, pace)

    monkeypatch.setattr(ChunkTask, "__call__", noting)

    def cut(text: bytes, name="in.csv", function="value", **job) -> list[int]:
        found.clear()
        (tmp_path / "f.py").write_text("def value(row): return 1\ndef whole(df): return df\n")
        path = tmp_path / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        output = f"{tmp_path}/{job.pop('output', 'out.csv')}"
        job = {"backend": "threads", "workers": 4, **job}
        function = f"{tmp_path}/f.py:{function}"
        report = run(Job(function=function, inputs=str(path), output=output, **job))
        made = Path(output)
        if made.is_file():
            assert len(pd.read_csv(made)) == report.rows_in
        return [rows for _, rows in sorted(found.items())]

    return cut


def table(rows: int, text: str = "a") -> bytes:
    return b"n,text\n" + b"".join(b"%d,%s\n" % (n, text.encode()) for n in range(rows))


@pytest.mark.parametrize("workers", [1, 4])
def test_each_worker_has_one_share(sizes, workers):
    found = sizes(table(1001), workers=workers)
    assert found[0] == -(-1001 // workers) and len(found) >= workers


def test_a_share_of_rows_that_are_asked_for(sizes):
    assert sizes(table(1000), head=40)[:1] == [10]
    assert sum(sizes(table(1000), head=41)) == 41


def test_no_chunk_has_more_rows_or_bytes_than_any_other(sizes):
    found = sizes(table(3 * CHUNK_ROWS), workers=1)
    assert found == [CHUNK_ROWS] * 3
    long = table(1000, "x" * 20_000)
    found = sizes(long, workers=1)
    assert max(found) * 20_000 < CHUNK_BYTES and len(found) == -(-len(long) // CHUNK_BYTES)


@pytest.mark.parametrize(
    "job",
    [
        {"name": "in.csv.gz"},
        {"function": "whole", "by": "chunk"},
        {"output": "out/"},
        {"backend": "serial"},
        {"backend": "processes", "start_method": "fork"},
    ],
)
def test_where_others_cannot_be_relieved_chunks_become_smaller(sizes, job, tmp_path):
    if job.get("backend") == "processes":
        report = run(
            Job(expression="1", inputs=str(_file(tmp_path)), output=str(tmp_path / "o.csv"),
                workers=4, **job)
        )  # fmt: skip
        assert report.chunks > 4
        return
    found = sizes(table(40_000), **job)
    assert len(found) > 4 and found[0] > found[-1]


def _file(folder: Path) -> Path:
    (folder / "table.csv").write_bytes(table(40_000))
    return folder / "table.csv"


def test_a_size_that_was_asked_for_is_kept(sizes):
    assert sizes(table(100), chunk_size=30) == [30, 30, 30, 10]
