"""Small CSV files go without numpy and Arrow, and nobody sees it: but for the time that it takes.

The oracle is the way by numpy and Arrow, which is taken wherever one of them has been imported.
"""

from __future__ import annotations

import datetime as dt
import decimal
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.columns.list_column import listed
from parapply.columns.type_names import NAMES, name_of, type_of
from parapply.columns.unify import is_settled, unify, unify_names
from parapply.columns.values.convert import MixedTypesError, UnsupportedValueError, to_array
from parapply.engine.inputs import fast_survey
from parapply.formats.csv import text
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.escapes import quoted_text
from parapply.formats.csv.format import CSV
from parapply.formats.csv.small import batch
from parapply.formats.csv.small.batch import SmallBatch
from parapply.formats.nouns import Reading

CELLS = {
    "int": ["1", "-3", "0", "12345", "-0", "999999999999999999", "9223372036854775807"],
    "float": ["1.5", "-0.25", "1e5", "0.1", "1E-7", "-0.0", "3.141592653589793", "1e99"],
    "odd": ["007", "+5", " 7", "2.", ".5", "inf", "-inf", "NAN", "Infinity", "0x10", "1e400", "-"],
    "time": ["2024-01-31", "12:30:00", "2024-01-31T12:00:00", "2024-01-31 12:00:00.5", "01:02"],
    "text": ["abc", "Italy", "nancy", "é", "😀 a", "a b ", "infinite", "x" * 40, "T", "a'b", " a"],
    "bool": ["True", "true", "False", "FALSE", "tRUE"],
    "missing": ["", "NA", "nan", "None", "null", "-nan"],
    "quoted": ['"a,b"', '""', '"1"', '"1.5"', '"say ""hi"""', '"NA"', '"True"', '"é"'],
    "broken": ['a"b', '"a"b', '"a\nb"', "a\x0bb", "a\x85b", "a\u2028b", "\ufeff", "a\x00"],
}


@st.composite
def files(draw):
    """The text of a file of three columns, most of whose cells are of one kind in each."""
    rows = draw(st.integers(1, 12))
    kinds = [draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=2)) for _ in "abc"]
    columns = [
        [draw(st.sampled_from(CELLS[draw(st.sampled_from(kind))])) for _ in range(rows)]
        for kind in kinds
    ]
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    lines = [",".join(row) for row in zip(*columns, strict=True)]
    if draw(st.integers(0, 9)) == 0:
        lines.insert(draw(st.integers(0, rows)), draw(st.sampled_from(["", "a,b", "1,2,3,4"])))
    return end.join(["a,b,c", *lines, ""][: None if draw(st.booleans()) else -1]).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("brief")


@given(files(), st.data())
def test_a_glance_sees_what_a_survey_does(folder, content, data):
    path = folder / "in.csv"
    path.write_bytes(content)
    source = CSV.source(str(path), path.name, Reading())
    positions = range(len(source.columns))
    if (quick := source.quick_survey(positions)) is None:
        return
    small, found = quick
    (piece,) = source.pieces()
    known = source.survey(piece, positions)
    assert known == found
    fields, index = source.fields(positions, [found]), source.index([found])
    start = data.draw(st.integers(0, found.rows - 1))
    stop = data.draw(st.integers(start + 1, found.rows))
    whole = source.batch(index.span(start, stop), fields)
    batch = small.batch(index.span(start, stop), fields)
    assert isinstance(batch, SmallBatch)
    picked = sorted(data.draw(st.sets(st.integers(0, stop - start - 1))))
    for one, other in ((batch, whole), (batch.pick(picked), whole.pick(picked))):
        for position in positions:
            assert repr(one.values(position)) == repr(other.values(position))


@pytest.mark.parametrize(
    "content",
    [
        b"i,x,name\n1,0.5,Ann\n2,1.5,Ben\n",
        b"i\n1\n",
        b'i,s\r\n1,"a,b"\r\n2,"say ""hi"""\r\n',
        b"i,b\n1,True\n2,\n",
        b"i;x\n1;2.5",
        b"n,name\n2024-01-31,a\n2024-02-01,\n",
    ],
)
def test_plain_files_need_no_more_than_a_glance(tmp_path, content):
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    source = CSV.source(str(path), path.name, Reading())
    wanted = [p for p, name in enumerate(source.columns) if name != "n"]
    assert source.quick_survey(wanted) is not None


RESULTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["a,b", 'say "x"', "\r", "\n", " ", "\ud800", dt.date(2024, 1, 31)]),
    st.sampled_from([decimal.Decimal("1.5"), [1], {"a": 1}, b"x", 2**62, -(2**63) - 1]),
)


@given(st.one_of(st.lists(RESULTS, max_size=4), st.lists(st.floats() | st.integers(), max_size=4)))
def test_a_list_is_the_column_that_an_array_would_be(values):
    column = listed(values)
    try:
        array = to_array(values)
    except (MixedTypesError, UnsupportedValueError, OverflowError):
        assert column is None
        return
    if column is None:
        return
    assert type_of(column.type) == array.type
    assert column.array().equals(array) or "nan" in repr(values)
    dialect = Dialect()
    assert batch.texts_of(column, dialect) == text.fields(array, dialect).to_pylist()


@given(st.text(max_size=6), st.sampled_from([Dialect(), Dialect(ord(";")), Dialect(ord("'"))]))
def test_a_name_is_quoted_as_a_field_is(name, dialect):
    try:
        (field,) = text.fields(to_array([name]), dialect).to_pylist()
    except UnsupportedValueError:
        return
    assert quoted_text(name, dialect) == field.encode()


@pytest.mark.parametrize(
    "dialect",
    [Dialect(quote=None, escape=ord("\\")), Dialect(escape=ord("\\")), Dialect(comment=ord("#"))],
)
@given(name=st.text(st.sampled_from('ab,"\\#\n\r'), max_size=6))
def test_a_name_is_escaped_as_a_field_is(name, dialect):
    (field,) = text.fields(to_array([name]), dialect).to_pylist()
    assert quoted_text(name, dialect) == field.encode()


def test_types_as_text_are_joined_as_the_types_are():
    others = [pa.date32(), pa.timestamp("us", "UTC"), pa.decimal128(9, 2), pa.list_(pa.int64())]
    nested = pa.struct([pa.field("a", pa.list_(pa.null())), pa.field("é", pa.float32())])
    types = [*map(type_of, NAMES), *others, nested, pa.dictionary(pa.int8(), pa.string())]
    for one in types:
        assert type_of(name_of(one)) == one
        assert is_settled(name_of(one)) == is_settled(one)
        for other in types:
            whole = unify(one, other)
            name = unify_names(name_of(one), name_of(other))
            assert name == (None if whole is None else name_of(whole))


TEXT = b"i,x,name\n" + b"".join(b"%d,%d.5,n%d\n" % (i, i, i) for i in range(30))
ODD = b'i,x,name\r\n1,,"a,b"\r\n2,2.5,NA\r\n3,-0.0,"say ""hi"""\r\n4,1e-05,d'


def mixed(row):
    return [1, 2.5, None, 3][row.i % 4] if row.i > 8 else row.i


def clashes(row):
    return "a" if row.i > 20 or row.i == 3 else 1


def big(row):
    return 2**70 if row.i in (4, 25) else float("nan") if row.i == 7 else row.i


def keys(row):
    return {"i": row.i, f"k{row.i // 8}": row.name} if row.i % 3 else None


def dates(row):
    return {"day": dt.date(2024, 1, 1 + row.i % 28), "x": row.x}


def fails(row):
    return 1 // (row.i % 5)


def nothing(row):
    return None


def numbers(row):
    return [row.i, row.x]


def text_of(value):
    return f'{value}, "quoted"' if value else value


async def later(row):
    return row.i * 2


JOBS = {
    "expression": {"expression": "x * 2", "into": "y"},
    "filter": {"expression": "i % 3 == 0", "filter": True},
    "value": {"function": text_of, "columns": ("name",)},
    "in place": {"expression": "value + 1", "columns": ("i",)},
    "mixed": {"function": mixed},
    "clashes": {"function": clashes},
    "big": {"function": big},
    "keys": {"function": keys},
    "dates": {"function": dates},
    "nothing": {"function": nothing},
    "into": {"function": numbers, "into": ("one", "other")},
    "explode": {"function": numbers, "explode": True},
    "async": {"function": later},
    "fails": {"function": fails, "on_error": "null"},
    "skips": {"function": fails, "on_error": "skip"},
    "typed": {"function": mixed, "dtypes": {"mixed": "str"}},
}
SETTINGS = {
    "plain": {},
    "one chunk": {"chunk_size": 1000},
    "small chunks": {"chunk_size": 3},
    "only": {"only": True, "chunk_size": 7},
    "select": {"select": ("name", "i"), "chunk_size": 7},
    "drop": {"drop": ("x",), "chunk_size": 7},
    "head": {"head": 11, "chunk_size": 4},
    "sample": {"sample": 9, "seed": 3},
    "threads": {"backend": "threads", "chunk_size": 5},
    "jsonl": {"output_format": "jsonl"},
    "twice": {"inputs": ("in.csv", "in.csv")},
    "two files": {"inputs": ("in.csv", "other.csv"), "chunk_size": 6},
    "another dialect": {"inputs": ("in.csv", "semi.csv")},
    "only, two files": {"inputs": ("other.csv", "in.csv"), "only": True},
    "only, two dialects": {"inputs": ("semi.csv", "in.csv"), "only": True},
}


@pytest.mark.parametrize(
    ("settings", "content"),
    [(name, ODD) for name in SETTINGS] + [(n, TEXT) for n in ("plain", "only", "sample")],
)
@pytest.mark.parametrize("job", list(JOBS))
def test_a_run_writes_the_same_bytes(tmp_path, monkeypatch, job, settings, content):
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_bytes(content)
    Path("other.csv").write_bytes(b"i,x,name\n7,1,2\n8,,True\n9,0.5,\n")
    Path("semi.csv").write_bytes(b"i;x;name\n7;1;a,b\n8;;True\n")

    def run(name: str, *, seen: bool):
        monkeypatch.setattr(fast_survey, "_imported", lambda: seen)
        given_ = {"inputs": ("in.csv",), "workers": 2, **JOBS[job], **SETTINGS[settings]}
        try:
            report = parapply.run(Job(output=name, **given_))
        except parapply.model.errors.ParapplyError as error:
            return str(error).replace(name, ""), None
        kept = report.rows_in, report.rows_out, report.columns, report.made, report.failed
        return Path(name).read_bytes(), kept

    assert run("brief.csv", seen=False) == run("whole.csv", seen=True)


@pytest.mark.parametrize(
    "options",
    [
        ["f.py:f"],
        ["f.py:f", "-j", "1"],
        ["f.py:f", "--backend", "threads", "-j", "4"],
        ["f.py:nothing", "--chunk-size", "2"],
        ["f.py:some", "--chunk-size", "2"],
        ["-e", "i * 2", "--into", "twice"],
        ["f.py:f", "--only"],
        ["-e", "i % 2", "--filter"],
        ["f.py:later", "--concurrency", "4"],
        ["f.py:up", "-c", "name"],
    ],
)
def test_neither_numpy_nor_arrow_is_imported(tmp_path, options):
    (tmp_path / "in.csv").write_bytes(TEXT)
    (tmp_path / "venv").mkdir()  # as a module of Python's is called
    (tmp_path / "f.py").write_text(
        "def f(row):\n    return {'d': row.x / 2, 'i2': row.i}\n"
        "def nothing(row):\n    pass\n"
        "def some(row):\n    return {'d': row.i if row.i % 2 else 0.5, 'e': None}\n"
        "def up(value):\n    return value.upper()\n"
        "async def later(row):\n    return row.i\n"
    )
    assert _imported(tmp_path, *options).isdisjoint({"numpy", "pyarrow.lib", "pandas"})


@pytest.mark.parametrize(
    ("backend", "megabytes", "brief_"),
    [
        ("processes", 0.9, True),
        ("processes", 1.1, False),
        ("threads", 1.9, True),
        ("threads", 2.1, False),
        ("serial", 1.9, True),
        ("serial", 2.1, False),
    ],
)
def test_how_large_a_file_is_read_without_them(tmp_path, backend, megabytes, brief_):
    (tmp_path / "in.csv").write_text("i\n" + "123\n" * int(megabytes * (1 << 18)))
    (tmp_path / "f.py").write_text("def f(row):\n    return row.i + 1\n")
    found = _imported(tmp_path, "f.py:f", "--backend", backend, "-j", "4", "--only")
    assert found.isdisjoint({"numpy", "pyarrow.lib"}) == brief_
    assert (tmp_path / "out.csv").read_text() == "f\n" + "124\n" * int(megabytes * (1 << 18))


@pytest.mark.parametrize(("megabytes", "brief_"), [(0.4, True), (0.6, False)])
def test_that_counts_all_files_together(tmp_path, megabytes, brief_):
    for name in ("in.csv", "other.csv"):
        (tmp_path / name).write_text("i\n" + "123\n" * int(megabytes * (1 << 18)))
    found = _imported(tmp_path, "-e", "i + 1", "--only", "other.csv")
    assert found.isdisjoint({"numpy", "pyarrow.lib"}) == brief_


def _imported(folder, *options):
    """Return the names of all modules that a run on in.csv imports."""
    command = [sys.executable, "-X", "importtime", "-m", "parapply", *options, "in.csv"]
    done = subprocess.run(
        [*command, "-o", "out.csv"], cwd=folder, capture_output=True, timeout=60, check=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert "parapply.engine.run" in imported
    return imported


def test_files_of_two_dialects_become_one_of_the_first(tmp_path, parapply):
    (tmp_path / "a.csv").write_text("i,s\n1,x\n")
    (tmp_path / "b.csv").write_text('i;s\n2;"y,z"\n3;"v;w"\n')
    for lead in ("", "import numpy\n"):
        (tmp_path / "f.py").write_text(f"{lead}def f(row):\n    return row['i'] * 2\n")
        done = parapply("f.py:f", "a.csv", "b.csv")
        assert done.stdout == b'i,s,f\n1,x,2\n2,"y,z",4\n3,v;w,6\n', done.stderr


@pytest.mark.parametrize("name", ["numbers", "decimal", "queue", "heapq", "contextvars", "numpy"])
@pytest.mark.parametrize("options", [["-j", "2"], ["--backend", "threads"], ["--chunk-size", "1"]])
def test_a_neighbour_does_not_stand_before_what_arrow_imports(tmp_path, name, options):
    folder = tmp_path / "code"
    module = folder / name / "__init__.py" if name == "queue" else folder / f"{name}.py"
    module.parent.mkdir(parents=True)
    module.write_text("x = 1\n")
    (folder / "f.py").write_text(
        "import datetime as dt\ndef f(row):\n    return dt.date(2024, 1, row['i'])\n"
    )
    (tmp_path / "in.csv").write_text("i\n1\n")
    command = [sys.executable, "-m", "parapply", "code/f.py:f", "in.csv", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (b"i,f\n1,2024-01-01\n", b"")


def test_types_that_were_added_to_arrows_stay_what_they_are(tmp_path, parapply):
    (tmp_path / "in.csv").write_text("i\n1\n2\n3\n")
    (tmp_path / "f.py").write_text(
        "import typing\nif typing.TYPE_CHECKING:\n    import pandas as pd\n"
        "def f(df: 'pd.DataFrame'):\n"
        "    import pandas as pd\n"
        "    return pd.DataFrame({'p': pd.period_range('2024-01', periods=len(df), freq='M')})\n"
    )
    done = parapply("f.py:f", "in.csv", "-o", "out.parquet", "--chunk-size", "1")
    assert done.returncode == 0, done.stderr
    field = pq.read_schema(tmp_path / "out.parquet").field("p")
    known = (field.metadata or {}).get(b"ARROW:extension:name")  # where nobody has registered it
    assert known == b"pandas.period" or isinstance(field.type, pa.BaseExtensionType)
