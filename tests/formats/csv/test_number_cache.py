"""Numbers that the survey has read are not read again, and are what would have been read.

The oracle is the same source without a place to put them.
"""

from __future__ import annotations

import errno
import os
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.engine.inputs import opener
from parapply.execute.survey import SurveyTask
from parapply.execute.tasks import ChunkTask
from parapply.formats.common import number_cache
from parapply.formats.csv import source
from parapply.formats.csv import table as tables
from parapply.formats.csv.format import CSV
from parapply.formats.nouns import Reading
from parapply.model.records import replace
from parapply.storage.part import Part

CELLS = {
    "int": ["1", "-3", "0", "12345", "+5", " 7", "9007199254740993", "9223372036854775807"],
    "float": ["1.5", "-0.25", "1e5", "2.", ".5", "inf", "-0.0", "0.1", "1e400"],
    "odd": ["007", "abc", "9223372036854775808", "0x10", "NAN", "True"],
    "missing": ["", "NA", "nan"],
}


@st.composite
def number_tables(draw):
    """Rows of three columns, of which stretches have cells of one kind: more of them numbers."""
    kind = st.sampled_from(["int", "int", "float", "float", "missing", "odd"])

    def column(rows: int) -> list[str]:
        cells: list[str] = []
        while len(cells) < rows:
            count = draw(st.integers(1, rows))
            cells += draw(
                st.lists(st.sampled_from(CELLS[draw(kind)]), min_size=count, max_size=count)
            )
        return cells[:rows]

    rows = draw(st.integers(1, 25))
    return list(zip(*(column(rows) for _ in range(3)), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("aside")


@given(number_tables(), st.integers(1, 120), st.data())
def test_values_put_aside_are_those_that_would_be_read(folder, rows, block_bytes, data):
    path = folder / "in.csv"
    path.write_text("a,b,c\n" + "".join(f"{','.join(row)}\n" for row in rows))
    positions = tuple(sorted(data.draw(st.sets(st.integers(0, 2), min_size=1))))
    edges = sorted({0, len(rows), *data.draw(st.sets(st.integers(0, len(rows))))})
    kept = CSV.source(str(path), "in.csv", Reading(folder=str(folder), spare_bytes=1 << 20))
    found = []
    for one in (kept, replace(kept, folder="")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(source, "BLOCK_BYTES", block_bytes)
            patch.setattr(source, "_WORTH_BYTES", 1)
            surveys = [one.survey(piece, positions) for piece in one.pieces()]
        index, fields = one.index(surveys), one.fields(positions, surveys)
        batches = [one.batch(index.span(start, stop), fields) for start, stop in pairwise(edges)]
        found.append([[str(a) for a in batch.columns(positions)] for batch in batches])
        one_by_one = [[str(batch.columns((p,))[0]) for p in positions] for batch in batches]
        assert one_by_one == found[-1]
    assert found[0] == found[1]


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Run a job on text; return its output, and how often chunks have read text as columns."""
    reads, phase = [], [""]
    known = tables.parse.read

    def noting(records, dialect, width, types, nulls):
        reads.append(phase[0])
        return known(records, dialect, width, types, nulls)

    def mark(task):
        old = task.__call__

        def call(self, *item):
            phase[0] = task.__name__
            return old(self, *item)

        monkeypatch.setattr(task, "__call__", call)

    monkeypatch.setattr(tables.parse, "read", noting)
    monkeypatch.setattr(source, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(source, "_WORTH_BYTES", 1)
    mark(SurveyTask)
    mark(ChunkTask)

    def run(*texts: str, expression="repr(a + b)", **settings) -> tuple[str, int]:
        reads.clear()
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"in{number}.csv")
            paths[-1].write_text(text)
        output = str(tmp_path / "out.csv")
        settings = {"backend": "serial", "chunk_size": 70, **settings}
        settings.setdefault("expression", expression)
        parapply.run(Job(inputs=tuple(map(str, paths)), into=("made",), output=output, **settings))
        return Path(output).read_text(), reads.count("ChunkTask")

    return run


def table(rows: int, b="{n}.5") -> str:
    return "a,b,text\n" + "".join(f"{n},{b.format(n=n)},text {n}\n" for n in range(rows))


def test_text_is_read_as_numbers_once(job):
    output, reads = job(table(500))
    assert reads == 0
    assert pd.read_csv(pd.io.common.StringIO(output))["made"].tolist() == [
        2 * n + 0.5 for n in range(500)
    ]


@pytest.mark.parametrize(
    ("text", "settings", "all_read"),
    [
        (table(500), {"expression": "text[0] + repr(a)"}, True),  # text is cut into fields anyway
        (table(500), {"dtypes": {"a": "float64"}}, True),
        (table(500), {"on_error": "skip"}, True),
        (table(500).replace("\n400,", "\n,"), {"expression": "repr((a, b))"}, False),
        (table(500).replace("\n400,", "\n0.5,"), {}, True),  # what were integers are fractions
        (table(500) + "1,2.5e3,x\n" * 9, {}, False),
        (table(500).replace("\n", "\r\n"), {}, False),
        (table(500), {"sample": 100}, None),
        (table(500), {"head": 90}, None),
    ],
)
def test_the_output_is_the_same_without(job, monkeypatch, text, settings, all_read):
    output, reads = job(text, **settings)
    monkeypatch.setattr(opener, "_SPARE_BYTES", 0)
    expected, all_reads = job(text, **settings)
    assert output == expected
    if all_read is not None:
        assert reads == (all_reads if all_read else 0)
    assert all_reads > 0


def test_the_first_bytes_of_all_inputs_are_what_is_put_aside(job, monkeypatch):
    texts = table(200), table(300), table(250)
    monkeypatch.setattr(opener, "_SPARE_BYTES", len(texts[0]) + 2500)
    output, reads = job(*texts)
    assert 4 <= reads < 10
    monkeypatch.setattr(opener, "_SPARE_BYTES", 0)
    assert job(*texts)[0] == output


def test_numbers_that_take_more_than_their_text_are_not_put_aside(job):
    text = "a,b\n" + "1,2\n" * 500
    assert job(text)[1] > 0
    assert job(text.replace("1,2", "1000,2000"))[1] == 0


def test_the_last_of_a_disk_is_for_the_output(job, monkeypatch):
    monkeypatch.setattr(number_cache, "_free", lambda folder: number_cache._FREE_BYTES - 1)
    assert job(table(500))[1] > 0
    monkeypatch.setattr(number_cache, "_free", lambda folder: number_cache._FREE_BYTES)
    assert job(table(500))[1] == 0


def test_what_is_gone_is_read_again(job, monkeypatch, tmp_path):
    expected, _ = job(table(500))
    known = ChunkTask.__call__

    def remove(task, *item):
        for path in Path(task.folder).glob("values-*"):
            path.unlink()
        return known(task, *item)

    monkeypatch.setattr(ChunkTask, "__call__", remove)
    output, reads = job(table(500))
    assert output == expected and reads > 0


def test_a_full_disk_is_no_reason_to_fail(job, monkeypatch, tmp_path):
    known, tried = Part.write_table, []

    def full(part, found):
        if "values-" in part.path:
            tried.append(part.path)
            Path(part.path).write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return known(part, found)

    expected, _ = job(table(500))
    monkeypatch.setattr(Part, "write_table", full)
    output, reads = job(table(500))
    assert output == expected
    assert tried and reads > 0
    assert not any(map(os.path.exists, tried))


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_workers_find_what_others_have_put_aside(job, backend, tmp_path):
    expected, _ = job(table(5000))
    assert job(table(5000), backend=backend, workers=3, chunk_size=None)[0] == expected
    assert sorted(os.listdir(tmp_path)) == ["in0.csv", "out.csv"]


def test_an_input_that_changes_is_found_out_all_the_same(job, tmp_path, monkeypatch):
    known, done = ChunkTask.__call__, []

    def change(task, *item):
        if not done:
            done.append(True)
            path = tmp_path / "in0.csv"
            path.write_text(path.read_text().replace("1,1.5", "2,1.5", 1))
        return known(task, *item)

    monkeypatch.setattr(ChunkTask, "__call__", change)
    with pytest.raises(parapply.ParapplyError, match="changed while"):
        job(table(500))
