"""What every registered format promises: one suite, run over their table.

The table that is read was written by parapply from Parquet; the oracle is the list of its rows.
What is of one format alone (its bytes, its dialects, its rare types) is tested in its folder.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job, ParapplyError
from parapply.formats import registry
from parapply.model.errors import InputError, RowError
from tests.formats.registered import FORMATS, suffix

every_format = pytest.mark.parametrize("name", FORMATS)

ROWS = [
    {
        "n": number,
        "share": None if number % 5 == 2 else number / 4,
        "text": None if number % 7 == 3 else f'é "{number}", or',
        "flag": None if number % 11 == 4 else number % 3 == 0,
    }
    for number in range(40)
]
SCHEMA = pa.schema(
    {"n": pa.int64(), "share": pa.float64(), "text": pa.string(), "flag": pa.bool_()}
)
SEEN = {"expression": "repr([n, share, text, flag])", "into": ("seen",)}
KEEP = {"expression": "True", "filter": True}


def go(source: Path, output: Path | str, **settings) -> Path:
    parapply.run(Job(inputs=source, output=output, **{"backend": "serial", **settings}))
    return Path(output)


def rows(path: Path) -> list[dict]:
    """The rows of a file, or of the files in a folder, in Python's types."""
    return pq.read_table(go(path, path.with_suffix(".read.parquet"), **KEEP)).to_pylist()


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, Path]:
    """A file of `ROWS` in each format."""
    folder = tmp_path_factory.mktemp("formats")
    pq.write_table(pa.Table.from_pylist(ROWS, SCHEMA), folder / "rows.parquet", row_group_size=15)
    written = {"parquet": folder / "rows.parquet"}
    for name in FORMATS:
        if name not in written:
            written[name] = go(folder / "rows.parquet", folder / f"in{suffix(name)}", **KEEP)
    return written


@pytest.fixture
def of_rows(tmp_path):
    """Write some rows of that table in a format."""

    def write(name: str, some: list[dict]) -> Path:
        pq.write_table(pa.Table.from_pylist(some, SCHEMA), tmp_path / "some.parquet")
        return go(tmp_path / "some.parquet", tmp_path / f"some{suffix(name)}", **KEEP)

    return write


# Its row


@every_format
def test_it_is_known_by_its_suffixes_and_first_bytes(tables, name):
    entry = registry.FORMATS[name]
    for ending in entry.suffixes:
        assert registry.name_of(f"a{ending}") == registry.name_of(f"A{ending.upper()}") == name
    if entry.magic:
        assert registry.name_of_head(tables[name].read_bytes()[:4096]) == name


@every_format
def test_a_file_of_any_name_is_read_and_written_where_the_format_is_said(tables, tmp_path, name):
    unnamed = tmp_path / "unnamed.dat"
    unnamed.write_bytes(tables[name].read_bytes())
    out = go(unnamed, tmp_path / "out.dat", input_format=name, output_format=name, **SEEN)
    assert out.read_bytes() == go(tables[name], tmp_path / f"o{suffix(name)}", **SEEN).read_bytes()


# Values


@pytest.mark.parametrize("target", FORMATS)
@every_format
def test_each_is_written_from_each(tables, tmp_path, name, target):
    assert rows(go(tables[name], tmp_path / f"out{suffix(target)}", **KEEP)) == ROWS


@every_format
def test_functions_are_given_the_values(tables, tmp_path, name):
    seen = pq.read_table(go(tables[name], tmp_path / "seen.parquet", **SEEN))["seen"]
    assert seen.to_pylist() == [repr(list(row.values())) for row in ROWS]


@every_format
def test_results_of_rows_and_of_chunks_become_columns(tables, tmp_path, name):
    for expression in ("n * 2", "df.n * 2"):
        out = go(tables[name], tmp_path / f"out{suffix(name)}", expression=expression)
        assert rows(out) == [{**row, "result": row["n"] * 2} for row in ROWS]


@every_format
@pytest.mark.parametrize("count", [0, 1])
def test_there_may_be_one_row_or_none(of_rows, tmp_path, name, count):
    source = of_rows(name, ROWS[:count])
    out = go(source, tmp_path / f"out{suffix(name)}", **KEEP)
    assert out.read_bytes() == source.read_bytes()
    assert rows(out) == ROWS[:count]


@every_format
def test_a_column_may_be_empty(of_rows, tmp_path, name):
    source = of_rows(name, [{"n": 1}, {"n": 2}])
    out = go(source, tmp_path / "out.parquet", expression="repr([n, share, flag])", only=True)
    seen = pq.read_table(out)["result"].to_pylist()
    assert seen == ["[1, None, None]", "[2, None, None]"]


@every_format
def test_two_columns_of_one_name_go_through_or_are_refused(tmp_path, name):
    twins = pa.Table.from_arrays([pa.array([1, 2]), pa.array([3, 4])], ["a", "a"])
    pq.write_table(twins, tmp_path / "twins.parquet")
    try:
        out = go(tmp_path / "twins.parquet", tmp_path / f"out{suffix(name)}", **KEEP)
    except ParapplyError as error:
        assert "'a'" in str(error)
        return
    both = go(out, tmp_path / "o.jsonl", expression="[row[0], row[1]]", only=True).read_text()
    assert both == '{"result": [1, 3]}\n{"result": [2, 4]}\n'
    with pytest.raises(ParapplyError, match="column 'a' is there twice"):
        go(out, tmp_path / "o.csv", expression="a")


# Chunks, workers, parts


TWO_WORKERS = {"backend": "processes", "workers": 2, "start_method": "fork"}
LATE = {"expression": "n if n < 30 else n / 8"}


@every_format
def test_many_chunks_are_as_one(tables, tmp_path, name):
    def bytes_of(size, **settings):
        settings = {**LATE, "chunk_size": size, **settings}
        return go(tables[name], tmp_path / f"out{suffix(name)}", **settings).read_bytes()

    whole = bytes_of(len(ROWS))
    assert all(bytes_of(size) == whole for size in (1, 7, 30))
    assert bytes_of(7, **TWO_WORKERS) == whole


@every_format
def test_small_parts_are_as_those_in_files(tables, tmp_path, monkeypatch, name):
    out, settings = tmp_path / f"out{suffix(name)}", {"chunk_size": 7, **TWO_WORKERS, **LATE}
    held = go(tables[name], out, **settings).read_bytes()
    monkeypatch.setattr("parapply.engine.chunking.SMALL", 0)
    assert go(tables[name], out, **settings).read_bytes() == held


@every_format
def test_a_folder_of_parts_holds_all_rows_in_order(tables, tmp_path, name):
    out = go(tables[name], f"{tmp_path}/out/", output_format=name, chunk_size=9, **LATE)
    assert sorted(path.name for path in out.iterdir()) == [
        f"part-{part:05}{suffix(name)}" for part in range(5)
    ]
    results = [n if n < 30 else n / 8 for n in range(40)]
    assert [row["result"] for row in rows(out)] == results


@every_format
def test_several_files_are_one_table(tables, of_rows, name):
    both = [tables[name], of_rows(name, ROWS[3:9])]
    out = both[1].with_name("both.parquet")
    parapply.run(Job(inputs=both, output=out, backend="serial", chunk_size=16, **KEEP))
    assert pq.read_table(out).to_pylist() == ROWS + ROWS[3:9]


@every_format
def test_the_first_rows_and_a_sample(tables, tmp_path, name):
    out = tmp_path / f"out{suffix(name)}"
    assert rows(go(tables[name], out, head=17, **KEEP)) == ROWS[:17]
    numbers = [row["n"] for row in rows(go(tables[name], out, sample=10, chunk_size=3, **KEEP))]
    assert len(numbers) == 10
    assert numbers == sorted(set(numbers))


# Streams


@every_format
def test_it_comes_through_a_pipe_and_goes_to_one(succeed, tables, tmp_path, name):
    words = ["--from", name, "--to", name, "-e", "n < 9", "--filter"]
    piped = tmp_path / f"piped{suffix(name)}"
    piped.write_bytes(succeed(*words, stdin=tables[name].read_bytes()))
    assert rows(piped) == ROWS[:9]


# What is wrong


@every_format
def test_bytes_of_something_else_are_an_error_that_names_the_file(tmp_path, name):
    path = tmp_path / f"broken{suffix(name)}"
    path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}\n" + bytes(range(256)) * 3)
    with pytest.raises(InputError, match=f"broken{suffix(name)}"):
        go(path, tmp_path / "out.csv", expression="1")
    assert not (tmp_path / "out.csv").exists()


@every_format
def test_a_failing_row_is_named_and_the_old_output_kept(tables, tmp_path, name):
    out = go(tables[name], tmp_path / f"out{suffix(name)}", **KEEP)
    before = out.read_bytes()
    with pytest.raises(RowError, match=rf"{tables[name].name}.*row 24\b"):
        go(tables[name], out, expression="1 / (n - 23)", chunk_size=10)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@every_format
def test_a_column_that_is_not_there_is_an_error_that_names_those_that_are(tables, tmp_path, name):
    with pytest.raises(ParapplyError, match=r"nothing_such.*\bshare\b"):
        go(tables[name], tmp_path / "o.csv", expression="value", columns=("nothing_such",))


@every_format
def test_rows_that_fail_go_to_a_file_of_any_format(tables, tmp_path, name):
    bad = tmp_path / f"bad{suffix(name)}"
    job = {"expression": "1 / (n % 4)", "chunk_size": 7, "errors_to": bad}
    go(tables["parquet"], tmp_path / "out.csv", **job)
    found = [(row["n"], row["_row"], row["_error"]) for row in rows(bad)]
    said = "ZeroDivisionError: division by zero"
    assert found == [(number, number + 1, said) for number in range(0, 40, 4)]
