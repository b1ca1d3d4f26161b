"""Columns of JSON: a function is given what `json.loads` gives, and nothing is made alike.

The oracle is `json.loads` of each line, the input's own bytes, or another library's reader.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parapply import Job, run
from parapply.formats.jsonl import source
from parapply.model.errors import InputError

LINES = [
    '{"a":{"k":1},"n":1}',
    '{"a" : {"j":2, "i" : [1,"x",[],{}]}, "n": 1.0}',
    '{"a": [1, 1.0, -0.0, 1e400, 123456789012345678901234567890], "n":"1"}',
    '{"a": null, "n": -0.0}',
    '{"n": null}',
    '{"a": {"k": 1, "k": {"z": NaN}}, "n": 9007199254740993}',
    '{"a": "\\u00e9{", "n": [0.10]}',
    '{"n": true, "a": {"b": 1, "a": 2}}',
    '{"n": {}, "a": {"a": 1, "b": 2}}',
]
DATA = "".join(f"{line}\n" for line in LINES)
ROWS = [{"a": None, **json.loads(line)} for line in LINES]

HOWS = {
    "row": {"expression": "repr((a, n))"},
    "whole row": {"function": lambda row: repr((dict(row)["a"], row["n"]))},
    "explode": {"expression": "[repr((a, n))]", "explode": True},
    "chunk": {"expression": "df.a.map(repr).radd('(') + ', ' + df.n.map(repr) + ')'"},
    "pyarrow's dtypes": {
        "expression": "df.a.map(repr).radd('(') + ', ' + df.n.map(repr) + ')'",
        "dtype_backend": "pyarrow",
    },
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "in.jsonl").write_text(DATA)
    return tmp_path / "in.jsonl"


def made(path: Path, to: str = "jsonl", **options: object) -> Path:
    output = path.with_name(f"out.{to}")
    run(Job(inputs=(path,), output=output, **{"backend": "serial", **options}))
    return output


@pytest.mark.parametrize("size", [1, 4, None])
@pytest.mark.parametrize("how", HOWS)
def test_a_function_is_given_what_json_loads_gives(path, monkeypatch, how, size):
    monkeypatch.setattr(source, "BLOCK_BYTES", 40)
    written = made(path, into=("r",), chunk_size=size, **HOWS[how]).read_text().splitlines()
    assert [json.loads(line)["r"] for line in written] == [repr((r["a"], r["n"])) for r in ROWS]


def test_a_filter_is_given_what_json_loads_gives(path):
    found = made(path, expression="isinstance(a, dict) and 'k' in a", filter=True).read_text()
    assert found.splitlines() == [LINES[0], LINES[5]]


@pytest.mark.parametrize("size", [1, 4, None])
def test_a_column_that_is_replaced_by_copies_is_what_json_dumps(path, size):
    copies = "copy.deepcopy(value)"
    found = made(path, expression=copies, columns=("a",), chunk_size=size).read_text()
    for line, row in zip(found.splitlines(), ROWS, strict=True):
        value = json.loads(json.dumps(row["a"]).replace("Infinity", "null").replace("NaN", "null"))
        assert repr(json.loads(line)["a"]) == repr(value)


@pytest.mark.parametrize("to", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize(
    "how", [{"expression": "[a]"}, {"expression": "value", "columns": ("a", "n")}]
)
def test_the_same_bytes_for_any_workers_and_chunks(path, monkeypatch, to, how):
    if to == "parquet":
        how = {**how, "dtypes": {"r": "json"} if "columns" not in how else {}}
    how = how if "columns" in how else {**how, "into": ("r",)}
    monkeypatch.setattr(source, "BLOCK_BYTES", 40)
    wanted = made(path, to, **how).read_bytes()
    for backend, workers, size in [("serial", 1, 1), ("threads", 2, 2), ("processes", 2, 4)]:
        options = {"backend": backend, "workers": workers, "chunk_size": size}
        assert made(path, to, **how, **options).read_bytes() == wanted


def test_json_is_json_in_parquet_for_whoever_reads_it(path):
    output = made(path, "parquet", expression="1")
    table = pq.read_table(output)
    assert table["a"].type == table["n"].type == pa.json_()
    assert "(JSON)" in str(pq.ParquetFile(output).schema)
    texts = [None if '"a"' not in line else ... for line in LINES]
    for found in (pd.read_parquet(output)["a"].tolist(), pl.read_parquet(output)["a"].to_list()):
        assert found[0] == '{"k":1}'
        assert found[7] == '{"b": 1, "a": 2}'
        for text, row, known in zip(found, ROWS, texts, strict=True):
            assert repr(text and json.loads(text)) == repr(row["a"]), known


def test_json_through_parquet_is_as_it_was(path):
    table = path.with_name("table.parquet")
    made(path, "parquet", expression="1").rename(table)
    found = made(table, expression="repr((a, n))", into=("result",)).read_text().splitlines()
    assert found[0] == """{"a": {"k":1}, "n": 1, "result": "({'k': 1}, 1)"}"""
    for line, row in zip(found, ROWS, strict=True):
        assert json.loads(line)["result"] == repr((row["a"], row["n"]))
        assert repr(json.loads(line)["a"]) == repr(row["a"])


def test_json_through_csv_is_as_it_was(path):
    table = path.with_name("table.csv")
    path.write_text('{"a":{"k": 1.10}}\n{"a":[1,"x"]}\n{}\n')
    made(path, "csv", expression="1").rename(table)
    assert table.read_text() == 'a,result\n"{""k"": 1.10}",1\n"[1,""x""]",1\n,1\n'
    options = {"expression": "repr(a)", "into": ("result",), "dtypes": {"a": "json"}}
    assert made(table, **options).read_text() == (
        '{"a": {"k": 1.10}, "result": "{\'k\': 1.1}"}\n'
        '{"a": [1,"x"], "result": "[1, \'x\']"}\n'
        '{"a": null, "result": "None"}\n'
    )


def test_text_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("a\n{}\n{1}\n")
    with pytest.raises(InputError, match=r"in\.csv: row 2, column 'a'"):
        made(path, expression="a", dtypes={"a": "json"})


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_frame_that_is_given_back_is_what_it_was(path, kind):
    function = {"pandas": as_pandas, "polars": as_polars, "arrow": as_arrow}[kind]
    before = path.read_text()
    assert made(path, function=function).read_text() == before


def as_pandas(frame: pd.DataFrame):
    return frame


def as_polars(frame: pl.DataFrame):
    return frame


def as_arrow(table: pa.Table):
    return table


def test_lists_are_lists_in_a_frame(path):
    path.write_text('{"a": [1, 2]}\n{"a": [3]}\n')
    assert '"r": 3' in made(path, expression="df.a.map(sum)", into=("r",)).read_text()


def test_a_pipe_a_folder_and_gzip_give_what_the_file_gives(path, succeed, written):
    wanted = succeed("-e", "repr(a)", path)
    assert succeed("-e", "repr(a)", stdin=DATA.encode()) == wanted
    assert succeed("-e", "repr(a)", written("in.jsonl.gz", gzip.compress(DATA.encode()))) == wanted
    one, two = "".join(DATA.splitlines(True)[:4]), "".join(DATA.splitlines(True)[4:])
    folder = path.parent / "parts"
    folder.mkdir()
    (folder / "1.jsonl").write_text(one)
    (folder / "2.jsonl").write_text(two)
    assert succeed("-e", "repr(a)", folder) == wanted


def test_lines_of_folders_with_keys_are_as_they_were(path, succeed):
    for key, lines in (("1", LINES[:4]), ("2", LINES[4:])):
        folder = path.parent / "parts" / f"k={key}"
        folder.mkdir(parents=True)
        (folder / "x.jsonl").write_text("".join(f"{line}\n" for line in lines))
    found = succeed("-e", "5", path.parent / "parts").decode().splitlines()
    keys = [1] * 4 + [2] * 5
    assert found == [
        f'{line[:-1]}, "k": {k}, "result": 5}}' for line, k in zip(LINES, keys, strict=True)
    ]
    kept = succeed("--filter", "-e", "k == 1 and a", "--select", "k", path.parent / "parts")
    assert kept == b'{"k": 1}\n' * 3


def test_rows_that_fail_are_set_aside_as_they_were(path, parapply):
    options = ("--on-error", "skip", "--errors-to", "bad.jsonl", "-o", "out.jsonl")
    assert parapply("-e", "str(a['k'])", *options, path).returncode == 0
    bad = (path.parent / "bad.jsonl").read_text().splitlines()
    assert bad[0].startswith(LINES[1][:-1] + ', "_row": 2, "_error": "KeyError: k"')
    assert len(bad) == 7


def test_objects_of_any_keys_take_time_that_grows_with_them(path):
    """Each of 3,000 objects has 20 keys of its own; made alike they would be 60,000 columns."""
    rows = [{"o": {f"k{i}_{j}": j for j in range(20)}} for i in range(3000)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for to in ("jsonl", "csv", "parquet"):
        output = made(path, to, expression="value", columns=("o",))
        assert output.stat().st_size < 2 * path.stat().st_size
    assert made(path, expression="len(o)").read_text().count(": 20}\n") == 3000
