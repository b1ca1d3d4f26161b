"""Dialects by name: what each tool wrote is read as what it is, and written back as it has it.

The files under tests/data were written by the tools themselves: see tests/others/dialects.py, which
has them read what parapply writes, too.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from parapply import Job, ParapplyError, run
from parapply.formats.csv import source
from parapply.formats.csv.blocks import cut_blocks
from parapply.formats.csv.dialect import Dialect, record_pattern
from parapply.formats.csv.dialects import DIALECTS
from parapply.formats.csv.header import CsvHead
from parapply.formats.csv.records import field_edges, find_records, is_open, split_fields
from parapply.formats.csv.source import CsvSource
from tests import DATA

TEXTS = [
    None, "", "NA", "NULL", "\\N", "a\\b", "ends\\", 'say "hi"', '5" pipe', '"', "a,b", "a;b",
    "a\tb", "two\nlines", "\\", 'back\\"quote', " spaced ", "é", "true", "plain", "\\t", "\\.",
]  # fmt: skip
FILES = {
    "spark": "spark-4.3.0.csv",
    "mysql": "mariadb-10.11.19.txt",
    "postgres": "postgres-15.18.txt",
    "postgres-csv": "postgres-csv-15.18.csv",
    "duckdb": "duckdb-2.0.1.csv",
    "polars": "polars-2.1.0.csv",
    "r": "r-4.2.2.csv",
}


def apply(path: Path, output: Path, **settings) -> bytes:
    run(Job(inputs=(path,), output=output, backend="serial", **settings))
    return output.read_bytes()


def rows_of(path: Path, folder: Path, **settings) -> list[dict]:
    """The rows as JSON has them."""
    lines = apply(path, folder / "rows.jsonl", expression="True", filter=True, **settings)
    return [json.loads(line) for line in lines.splitlines()]


def opened(dialect: str) -> dict:
    """The options that read a file of a tool; MariaDB writes no header."""
    return {"dialect": dialect, "input_format": "csv", "no_headers": dialect == "mysql"}


@pytest.mark.parametrize("block_bytes", [60, 1 << 22])
@pytest.mark.parametrize("dialect", FILES)
def test_what_a_tool_wrote_is_read_as_what_it_is(tmp_path, monkeypatch, dialect, block_bytes):
    monkeypatch.setattr(source, "BLOCK_BYTES", block_bytes)
    rows = [list(r.values()) for r in rows_of(DATA / FILES[dialect], tmp_path, **opened(dialect))]
    assert [row[3] for row in rows] == TEXTS
    assert [row[0] for row in rows] == list(range(len(TEXTS)))
    assert [row[1] for row in rows] == [None if n % 5 == 4 else n / 4 for n in range(len(TEXTS))]


@pytest.mark.parametrize("dialect", FILES)
def test_what_is_not_touched_keeps_its_bytes(tmp_path, dialect):
    path, options = DATA / FILES[dialect], opened(dialect) | {"output_format": "csv"}
    kept = {"expression": "True", "filter": True, "chunk_size": 3}
    assert apply(path, tmp_path / "out", **kept, **options) == path.read_bytes()
    new = apply(path, tmp_path / "out", expression="None", **options)
    null, mark = DIALECTS[dialect].nulls[0].encode(), bytes([DIALECTS[dialect].delimiter])
    assert new.splitlines()[-1] == path.read_bytes().splitlines()[-1] + mark + null


@pytest.mark.parametrize(("way", "workers"), [("file", 4), ("gzip", 2), ("pipe", 4), ("hive", 2)])
@pytest.mark.parametrize("dialect", FILES)
def test_a_dialect_is_the_same_by_any_way_and_for_any_workers(
    tmp_path, monkeypatch, dialect, way, workers
):
    head, body = (DATA / FILES[dialect]).read_bytes().split(b"\n", 1)
    data = head + b"\n" + body * 40
    options = opened(dialect) | {"output_format": "csv", "expression": "row[0]", "into": ("r",)}
    (tmp_path / "in.txt").write_bytes(data)
    wanted = apply(tmp_path / "in.txt", tmp_path / "wanted", **options)
    monkeypatch.setattr(source, "BLOCK_BYTES", 500)
    if way == "gzip":
        (path := tmp_path / "in.txt.gz").write_bytes(gzip.compress(data))
    elif way == "pipe":
        os.mkfifo(path := tmp_path / "pipe")
        writer = threading.Thread(target=path.write_bytes, args=(data,))
        writer.start()
    elif way == "hive":
        (path := tmp_path / "in" / "k=1").mkdir(parents=True)
        (path / "in.txt").write_bytes(data)
        path, options = path.parent, {**options, "drop": ("k",)}
    else:
        path = tmp_path / "in.txt"
    out = tmp_path / "out"
    run(Job(inputs=(path,), output=out, backend="threads", workers=workers, **options))
    assert out.read_bytes() == wanted


@pytest.mark.parametrize("read", ["file", "pipe"])
def test_the_end_of_postgres_data_is_no_row(tmp_path, read):
    text = b"a\n\n\\\\.\n\\N\n"
    options = {"dialect": "postgres", "no_headers": True, "input_format": "csv"}
    for end, count in ((b"", 4), (b"\\.\n", None), (b"\\.\nb\n", None)):
        path = tmp_path / "in.txt"
        path.write_bytes(text + end)
        if read == "pipe":
            data, path = text + end, tmp_path / f"pipe{len(end)}"
            os.mkfifo(path)
            threading.Thread(target=path.write_bytes, args=(data,)).start()
        if count:
            rows = rows_of(path, tmp_path, **options)
            assert [row["0"] for row in rows] == ["a", "", "\\.", None]
        else:
            with pytest.raises(ParapplyError, match=r"row 5 is \\\., where PostgreSQL's data ends"):
                rows_of(path, tmp_path, **options)


@pytest.mark.parametrize("other", [*FILES, "excel"])
@pytest.mark.parametrize("dialect", FILES)
def test_a_dialect_becomes_another(tmp_path, dialect, other):
    path, options = DATA / FILES[dialect], opened(dialect) | {"output_dialect": other}
    kept = {"expression": "True", "filter": True, "output_format": "csv"}
    out = tmp_path / "out.txt"
    apply(path, out, **kept, **options)
    options = opened(dialect) | {"dialect": other}
    found = [list(row.values()) for row in rows_of(out, tmp_path, **options)]
    texts = [None if t == "" and other == "excel" else t for t in TEXTS]
    if other == "excel":  # it has no missing values but empty fields, and pandas' names for them
        texts = [None if t in ("NA", "NULL") else t for t in texts]
    assert [row[3] for row in found] == texts
    assert [row[:2] for row in found] == [
        [n, None if n % 5 == 4 else n / 4] for n in range(len(TEXTS))
    ]


MARKS = st.text(st.sampled_from('a"\\,;\t\n\rN. é'), max_size=5)


@given(
    st.lists(st.tuples(st.none() | MARKS, st.none() | MARKS), min_size=1, max_size=6),
    st.sampled_from([*FILES]),
    st.integers(8, 40),
)
@example([("\\N", None), ("\\", '"\\'), ("a\\", "")], "mysql", 8)
def test_any_text_comes_back_from_any_dialect(tmp_path_factory, rows, dialect, block_bytes):
    folder = tmp_path_factory.mktemp("any")
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, ["x", 'y "1",\t\\']), folder / "in.parquet")
    kept = {"expression": "True", "filter": True, "chunk_size": 2, "dialect": dialect}
    apply(folder / "in.parquet", folder / "out.csv", **kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", block_bytes)
        settings = {"dialect": dialect, "dtypes": {"x": "str", 'y "1",\t\\': "str"}}
        found = rows_of(folder / "out.csv", folder, **settings)
    assert [tuple(row.values()) for row in found] == rows
    assert all(set(row) == {"x", 'y "1",\t\\'} for row in found)


@pytest.mark.parametrize("dialect", FILES)
def test_a_column_alone_keeps_its_rows(tmp_path, dialect):
    pq.write_table(pa.table({"x": ["a", None, "", "b"]}), tmp_path / "in.parquet")
    kept = {"expression": "True", "filter": True, "dialect": dialect}
    apply(tmp_path / "in.parquet", tmp_path / "out.csv", **kept)
    found = rows_of(tmp_path / "out.csv", tmp_path, dialect=dialect)
    lost = dialect == "spark"  # it writes "" for both
    assert [row["x"] for row in found] == ["a", "" if lost else None, "", "b"]


@pytest.mark.parametrize("options", [{}, {"no_headers": True}])
def test_a_blank_line_is_a_row_of_a_single_column(tmp_path, options):
    path = tmp_path / "in.csv"
    path.write_bytes(b"\n\n\n" if options else b"x\n\n\n\n")
    found = rows_of(path, tmp_path, dialect="postgres-csv", **options)
    assert [list(row.values()) for row in found] == [[None]] * 3
    kept = apply(
        path, tmp_path / "o.csv", expression="True", filter=True, dialect="duckdb", **options
    )
    assert kept == path.read_bytes()


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("spark", "true,1.5,,"), ("mysql", "1\t1.5\t\\N\t"), ("postgres", "t\t1.5\t\\N\t"),
        ("postgres-csv", 't,1.5,,""'), ("duckdb", 'true,1.5,,""'), ("polars", 'true,1.5,,""'),
        ("r", 'TRUE,1.5,NA,""'), ("excel", "TRUE;1,5;;"), ("mariadb", "1\t1.5\t\\N\t"),
    ],
)  # fmt: skip
def test_values_are_written_as_the_tool_has_them(tmp_path, dialect, line):
    (tmp_path / "in.jsonl").write_text('{"b":true,"x":1.5,"n":null,"t":""}\n')
    out = tmp_path / "out.csv"
    found = apply(tmp_path / "in.jsonl", out, expression="True", filter=True, dialect=dialect)
    assert found.decode().splitlines()[1] == line + ('""' if dialect == "spark" else "")
    assert found.startswith(b"\xef\xbb\xbf") == (dialect == "excel")


@pytest.mark.parametrize(
    ("written", "text"),
    [("\\101\\x42\\x4", "AB\x04"), ("\\b\\f\\v\\q", "\b\f\vq"), ("\\\\N", "\\N"), ("\\7", "\x07")],
)
def test_what_postgres_escapes_is_told(tmp_path, written, text):
    (tmp_path / "in.csv").write_text(f"a\tb\n{written}\t1\n")
    assert rows_of(tmp_path / "in.csv", tmp_path, dialect="postgres") == [{"a": text, "b": 1}]


def test_an_escape_that_is_named_follows_the_rule_of_the_dialect(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('a,b\n^x,"say ^"hi^" ^^"\n')
    (row,) = rows_of(path, tmp_path, dialect="spark", escape="^")
    assert row == {"a": "^x", "b": 'say "hi" ^'}


# Escapes.

ESCAPED = [
    Dialect(escape=ord("\\")),
    Dialect(quote=None, escape=ord("\\")),
    *(DIALECTS[name] for name in ("spark", "mysql", "postgres")),
]


def records_of(text: bytes, dialect: Dialect) -> list[bytes]:
    """Records one by one, without blank lines."""
    found, position, match = [], 0, record_pattern(dialect).match
    while position < len(text):
        end = match(text, position).end()
        found.append(text[position:end].removesuffix(b"\n"))
        position = end
    ends = b"" if dialect.lf else b"\r"
    return [one.removesuffix(ends) for one in found if one.removesuffix(ends)]


@given(
    st.text(st.sampled_from('aa\\\\",\n\t'), max_size=40),
    st.sampled_from(ESCAPED),
    st.integers(1, 12),
)
@example('a\\,"b\n"c\n', ESCAPED[0], 1)
@example('"a\\\\"\n"\\"\n"\n', DIALECTS["spark"], 1)
@example("a\\\nb\\\\\nc\n", DIALECTS["mysql"], 2)
def test_escapes_take_the_meaning_of_what_follows(tmp_path_factory, text, dialect, size):
    text = (text.rstrip("\\") + "\n").encode()  # it does not end with half an escape
    expected = records_of(text, dialect)
    assume(expected and not is_open(split_fields(expected[-1], dialect)[-1], dialect))
    records = find_records(text, dialect)
    spans = zip(records.starts, records.stops, strict=True)
    assert [text[a:b] for a, b in spans] == expected
    width = len(split_fields(expected[0], dialect))
    alike = all(len(split_fields(one, dialect)) == width for one in expected)
    edges = field_edges(records, dialect, width)
    assert alike == (edges is not None)
    if edges is not None:
        ends = [[*row, stop] for row, stop in zip(edges, records.stops, strict=True)]
        starts = [[a, *(row + 1)] for a, row in zip(records.starts, edges, strict=True)]
        cut = [
            [text[a:b] for a, b in zip(*row, strict=True)] for row in zip(starts, ends, strict=True)
        ]
        assert cut == [split_fields(one, dialect) for one in expected]
    blocks = list(cut_blocks(io.BytesIO(text), b"", dialect, size))
    assert b"".join(block.text for block in blocks) == text
    assert sum(map(len, blocks)) == len(expected)
    path = tmp_path_factory.getbasetemp() / "pieces.csv"
    path.write_bytes(text)
    whole = CsvHead(dialect, ("a",) * width, None, b"", b"\n", True, 0)
    opened = CsvSource(str(path), "it", whole, len(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", size)
        surveys = [opened.survey(piece, ()) for piece in opened.pieces()]
        if (again := opened.resurvey(surveys)) is not None:
            surveys = [again.survey(piece, ()) for piece in again.pieces()]
    assert sum(survey.rows for survey in surveys) == len(expected)


# Decimals, and what Excel has.


@pytest.mark.parametrize("block_bytes", [10, 1 << 22])
def test_a_decimal_comma_is_read_and_written(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(source, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "in.csv"
    path.write_bytes("x;t\n1,50;1,5 é\n-2;b\n;1.5\n".encode())
    found = apply(path, tmp_path / "out.csv", expression="x and x * 2", decimal=",")
    assert found == "x;t;result\n1,50;1,5 é;3,0\n-2;b;-4,0\n;1.5;\n".encode()
    other = apply(
        path, tmp_path / "out.csv", expression="True", filter=True, decimal=",",
        output_dialect="duckdb",
    )  # fmt: skip
    assert other == 'x,t\n1.50,"1,5 é"\n-2,b\n,1.5\n'.encode()


def test_a_decimal_that_stands_between_fields_is_an_error(tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n1,5\n")
    with pytest.raises(ParapplyError, match="stands between fields"):
        apply(tmp_path / "in.csv", tmp_path / "out.csv", expression="a", decimal=",")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_that_says_the_delimiter_is_heeded_and_kept(tmp_path, mark, end):
    path = tmp_path / "in.csv"
    path.write_bytes(f"{mark}sep=;{end}a,b;c{end}1;x,y{end}".encode())
    found = apply(path, tmp_path / "out.csv", expression="c + '!'", into="n")
    assert found.decode() == f"{mark}sep=;{end}a,b;c;n{end}1;x,y;x,y!{end}"
    other = apply(path, tmp_path / "out.tsv", expression="True", filter=True)
    assert other.decode() == f"{mark}a,b\tc{end}1\tx,y{end}"


def test_excels_unicode_text_is_a_dialect_with_tabs(tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes("\ufeffx\tt\r\n1,5\té\r\n".encode("utf-16-le"))
    found = apply(
        path, tmp_path / "out.txt", expression="x * 2", dialect="excel", delimiter="tab",
        input_format="csv", output_format="csv",
    )  # fmt: skip
    assert found.decode("utf-16") == "x\tt\tresult\r\n1,5\té\t3,0\r\n"


@pytest.mark.parametrize("option", ["dialect", "output_dialect"])
def test_a_dialect_that_is_not_known_is_an_error_that_names_those_that_are(tmp_path, option):
    (tmp_path / "in.csv").write_text("a\n1\n")
    with pytest.raises(ParapplyError, match=r"no dialect is called 'sparc'; there are: spark, "):
        apply(tmp_path / "in.csv", tmp_path / "out.csv", expression="a", **{option: "sparc"})


@pytest.mark.parametrize("options", [{"dialect": "spark"}, {"output_dialect": "spark"}])
def test_a_dialect_where_there_is_no_csv_is_an_error(tmp_path, options):
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(ParapplyError, match="is for CSV"):
        apply(tmp_path / "in.jsonl", tmp_path / "out.parquet", expression="a", **options)


def as_it_is(table: pa.Table) -> pa.Table:
    return table


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("spark", "NaN,Infinity,-Infinity"), ("postgres", "NaN\tInfinity\t-Infinity"),
        ("postgres-csv", "NaN,Infinity,-Infinity"), ("duckdb", "nan,inf,-inf"),
        ("polars", "NaN,inf,-inf"), ("r", "NaN,Inf,-Inf"), ("mysql", "\\N\tinf\t-inf"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", ["row", "chunk"])
def test_a_float_that_is_no_number_is_none_that_is_missing(tmp_path, dialect, line, by):
    values = {"a": [math.nan, None], "b": [math.inf, None], "c": [-math.inf, None]}
    path, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    pq.write_table(
        pa.table({name: pa.array(of, pa.float64()) for name, of in values.items()}), path
    )
    how = {"expression": "True", "filter": True}
    if by == "chunk":
        how = {"function": as_it_is}
    written = apply(path, out, dialect=dialect, output_format="csv", **how).decode().splitlines()
    assert written[1] == line
    seen = apply(
        out, tmp_path / "seen.jsonl", expression="repr([a, b, c])", into=("s",), dialect=dialect,
        input_format="csv",
    )  # fmt: skip
    first = "None" if dialect == "mysql" else "nan"
    wanted = [f"[{first}, inf, -inf]", "[None, None, None]"]
    assert [json.loads(row)["s"] for row in seen.splitlines()] == wanted


@pytest.mark.parametrize("dialect", ["spark", "postgres", "duckdb", "r"])
def test_a_missing_value_of_any_type_is_no_empty_text(tmp_path, dialect):
    table = pa.table({
        "l": pa.array([[1], None]), "s": pa.array([{"a": 1}, None]),
        "m": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "r": pa.RunEndEncodedArray.from_arrays([1, 2], ["", None]),
        "e": pa.array(["", None]).dictionary_encode(), "b": pa.array([b"", None]),
    })  # fmt: skip
    path, out = tmp_path / "in.arrow", tmp_path / "out.csv"
    feather.write_feather(table, path, compression="uncompressed")
    apply(path, out, expression="True", filter=True, dialect=dialect, output_format="csv")
    dtypes = dict.fromkeys("lsmreb", "str")
    seen = rows_of(out, tmp_path, dialect=dialect, dtypes=dtypes, input_format="csv")
    assert list(seen[1].values()) == [None] * 6
    assert [seen[0][name] for name in "reb"] == [""] * 3
