"""The fast paths of row functions against the plain one: the same results, and the same errors."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parapply import Job, ParapplyError, run
from parapply.engine import setup as engine
from parapply.model.records import replace

TABLE = "a,b,copy,two words\n1,0.5,x,p\n2,,y,q\n3,1.5,,r\n4,2.5,z,\n"

FUNCTIONS = {
    "items": "return repr([row['a'], row['b'], row.get('copy'), row['two words']])",
    "one": "return row['a']",
    "fields": "return repr([row.a, row['b'], row.copy, row.get('two words')])",
    "generator": "yield row['a']\n    yield row['b']",
    "later": "return (row['a'] for _ in range(2))",
    "closure": "inner = lambda: row['a']\n    return inner()",
}


def plain(body: str) -> str:
    """The same function, with a row that is handed on: it is given a `Row` of its own."""
    return f"(lambda x: x)(row)\n    {body}"


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SPREAD_ROWS", 0)
    (tmp_path / "table.csv").write_text(TABLE)

    def apply(name: str, body: str) -> str:
        path = tmp_path / f"{name}.py"
        path.write_text(f"def f(row):\n    {body}\n")
        explode = name in ("generator", "later", "plain_generator", "plain_later")
        job = Job(
            function=f"{path}:f", inputs=(tmp_path / "table.csv",), output=tmp_path / "out.jsonl",
            into=("made",), explode=explode, only=True, workers=1,
        )  # fmt: skip
        run(job)
        return (tmp_path / "out.jsonl").read_text()

    return apply


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_fast_path_and_the_plain_one_agree(results, name):
    fast = results(name, FUNCTIONS[name])
    assert fast == results(f"plain_{name}", plain(FUNCTIONS[name]))
    assert json.loads(fast.splitlines()[0])


@pytest.mark.parametrize("body", ["return row['b'] * 2", "return row.b * 2"])
def test_an_error_names_the_row_on_either_path(results, body):
    with pytest.raises(ParapplyError) as fast:
        results("fast", body)
    with pytest.raises(ParapplyError) as slow:
        results("slow", plain(body))
    assert "row 2: f raised TypeError" in str(fast.value)
    assert str(fast.value).partition(" [")[0] == str(slow.value).partition(" [")[0]
    assert "rows.py" not in fast.value.details


def test_a_value_that_python_cannot_hold_is_no_matter_to_rows_that_do_without(results, tmp_path):
    """Whether columns are looked at beforehand or not."""
    when = pa.array([0] * 9 + [2**62], pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"a": range(10), "when": when}), tmp_path / "table.parquet")
    (tmp_path / "f.py").write_text(
        "def f(row):\n    return str(row['when']) if row['a'] < 9 else 'late'\n"
    )
    output = tmp_path / "out.csv"
    job = Job(
        function=f"{tmp_path}/f.py:f", inputs=tmp_path / "table.parquet", output=output,
        only=True, backend="serial",
    )  # fmt: skip
    with pytest.raises(ParapplyError, match="beyond what Python's dates and times hold"):
        run(job)
    (tmp_path / "g.py").write_text(
        "def g(row):\n    return str(row['when']) if row['a'] > 20 else 'late'\n"
    )
    run(replace(job, function=f"{tmp_path}/g.py:g"))
    assert output.read_text().split() == ["g", *["late"] * 10]
