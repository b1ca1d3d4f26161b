"""A quote opens a quoted field only where a field begins; elsewhere it is a character.

The oracle is pandas on the whole table, however the input comes and wherever it is cut.
"""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parapply import Job, ParapplyError, run
from parapply.formats.csv import blocks, source
from parapply.formats.csv.blocks import cut_blocks
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.format import CSV
from parapply.formats.csv.quotes import turns
from parapply.formats.csv.records import field_edges, find_records, split_fields
from parapply.formats.nouns import Reading

STRINGS = {"dtype": str, "keep_default_na": False}
NAMES = b'id,5" disk\n'


def fields(delimiter: str) -> st.SearchStrategy[str]:
    """Fields as they stand, of all kinds: bare, quoted, quoted and gone on with."""
    text = st.text(st.sampled_from('a"; ,\\\n\r'), max_size=5)
    bare = text.map(lambda t: "".join(c for c in t.lstrip('"') if c not in f"{delimiter}\r\n"))
    bare = bare.filter(lambda t: not t.startswith('"'))
    quoted = text.map(lambda t: '"' + t.replace('"', '""') + '"')
    gone_on = st.builds(lambda a, b: a + b.lstrip('"'), quoted, bare.map(lambda t: "x" + t))
    return bare | quoted | gone_on


@st.composite
def texts(draw):
    """CSV text of two columns or more, and its delimiter."""
    delimiter, end = draw(st.sampled_from(",;")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width = draw(st.integers(2, 4))
    row = st.lists(fields(delimiter), min_size=width, max_size=width).map(delimiter.join)
    lines = draw(st.lists(row, min_size=1, max_size=12))
    return (end.join(lines) + draw(st.sampled_from([end, ""]))).encode(), delimiter


def by_pandas(text: bytes, delimiter: str = ",", **options) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(text), sep=delimiter, **STRINGS, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("strays")


@given(texts(), st.integers(1, 40))
@example((b'a"b,"x"y"\n"c\n"d,""e\n', ","), 1)
@example((b'a,"b"""\r\n"""",""\r\n"x"" ,\n",1"', ","), 3)
def test_values_are_those_of_pandas_wherever_a_file_is_cut(folder, table, block_bytes):
    text, delimiter = table
    (folder / "in.csv").write_bytes(text)
    expected = by_pandas(text, delimiter, header=None)
    reading = Reading(delimiter=delimiter, no_headers=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", block_bytes)
        opened = CSV.source(str(folder / "in.csv"), "in.csv", reading)
        surveys = [opened.survey(piece, ()) for piece in opened.pieces()]
        if (again := opened.resurvey(surveys)) is not None:
            opened, surveys = again, [again.survey(piece, ()) for piece in again.pieces()]
            assert opened.resurvey(surveys) is None
    index = opened.index(surveys)
    assert index.rows == len(expected)
    batch = opened.batch(index.span(0, index.rows), opened.fields((), surveys))
    columns = batch.verbatim(range(len(expected.columns)))
    assert [column.to_pylist() for column in columns] == [list(expected[c]) for c in expected]


@given(texts(), st.integers(1, 40))
def test_a_stream_has_the_records_of_the_whole_text(table, size):
    text, delimiter = table
    dialect = Dialect(ord(delimiter))
    found = list(cut_blocks(io.BytesIO(text), b"", dialect, size))
    assert b"".join(block.text for block in found) == text
    assert sum(map(len, found)) == len(by_pandas(text, delimiter, header=None))


@given(texts())
def test_the_header_and_the_first_row_are_those_of_pandas(table):
    text, delimiter = table
    expected = by_pandas(text, delimiter, header=None)
    opened, found = CSV.stream(io.BytesIO(text), "it", Reading(delimiter=delimiter))
    assert list(opened.columns) == list(expected.iloc[0])
    assert sum(rows for rows, _ in found) == len(expected) - 1


@given(texts())
def test_fields_end_where_those_that_are_split_one_by_one_do(table):
    text, delimiter = table
    dialect = Dialect(ord(delimiter))
    records = find_records(text, dialect)
    spans = list(zip(records.starts, records.stops, strict=True))
    fields = [split_fields(text[a:b], dialect) for a, b in spans]
    edges = field_edges(records, dialect, len(fields[0]))
    cuts = [[a, *(row + 1)] for (a, _), row in zip(spans, edges, strict=True)]
    assert [[text[a:a + len(f)] for a, f in zip(*row, strict=True)] for row in
            zip(cuts, fields, strict=True)] == fields  # fmt: skip
    assert [row[-1] + len(f[-1]) for row, f in zip(cuts, fields, strict=True)] == [
        b for _, b in spans
    ]


def inside(text: str, *, began: bool) -> bool:
    """What the state is after a text, told byte by byte as by pandas' tokenizer."""
    state = "quoted" if began else "start"
    for mark in text:
        if state == "quoted":
            state = "closing" if mark == '"' else "quoted"
        elif mark == '"' and state in ("start", "closing"):
            state = "quoted"
        else:
            state = "start" if mark in ",\r\n" else "field"
    return state == "quoted"


@given(st.text(st.sampled_from('a",\n'), max_size=30), st.booleans())
def test_what_is_within_quotes_follows_from_the_state_at_the_begin(text, began):
    text = text.rstrip('"') + "\n"
    data = np.frombuffer(text.encode(), np.uint8)
    found = turns(data, np.flatnonzero(data == ord('"')), Dialect(), inside=began)
    assert (began + len(found)) % 2 == inside(text, began=began)


def table(rows: int) -> bytes:
    """Rows of all kinds, more of them than one worker is given."""
    pick = random.Random(7)
    kinds = ['5" pipe', '"a ""b"" c"', '"two\nlines, 1"', '"x"y"', 'a""b', '"\n7,""seven""\n"', ""]
    return NAMES + b"".join(f"{i},{pick.choice(kinds)}\n".encode() for i in range(rows))


@pytest.mark.parametrize("options", [(), ("--no-headers",)], ids=["headers", "none"])
@pytest.mark.parametrize("kind", ["file", "pipe", "gzip"])
def test_every_way_in_reads_the_rows_of_pandas(tmp_path, kind, options):
    text = table(3000)
    path = tmp_path / ("in.csv.gz" if kind == "gzip" else "in.csv")
    path.write_bytes(gzip.compress(text) if kind == "gzip" else text)
    column = "row[1]" if options else "row['5\" disk']"
    expected = by_pandas(text, header=None if options else 0)
    kept = expected.assign(n=expected.iloc[:, 1].str.len().astype(str))
    written = set()
    for workers in ("1", "8"):
        command = [sys.executable, "-m", "parapply", "-e", f"len({column} or '')", "--into", "n"]
        done = subprocess.run(
            [*command, "-j", workers, *options, "--all-strings", "-" if kind == "pipe" else path],
            input=text if kind == "pipe" else None, capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        written.add(done.stdout)
    (output,) = written
    found = by_pandas(output, header=None if options else 0)
    assert found.to_numpy().tolist() == kept.to_numpy().tolist()


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_records_keep_their_bytes(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(source, "BLOCK_BYTES", 5000)
    path, output = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(table(3000))
    run(Job(expression="True", filter=True, inputs=(path,), output=output, workers=workers,
            start_method="fork"))  # fmt: skip
    assert output.read_bytes() == path.read_bytes()


def test_a_file_of_stray_quotes_is_surveyed_once(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 1000)
    path = tmp_path / "in.csv"
    path.write_bytes(NAMES + b'1,5" pipe\n' * 1000)
    opened = CSV.source(str(path), "in.csv", Reading())
    surveys = [opened.survey(piece, (0, 1)) for piece in opened.pieces()]
    assert len(surveys) > 5 and opened.resurvey(surveys) is None


def test_a_quote_that_is_never_closed_is_named_where_it_opens(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 1000)
    path = tmp_path / "in.csv"
    path.write_bytes(NAMES + b'1,5" x\n' * 700 + b'2,"y\n' + b"3,z\n" * 700)
    job = Job(expression="id", inputs=(path,), output=tmp_path / "out.csv", workers=1,
              start_method="fork")  # fmt: skip
    message = r"row 701, column number 2: a quote is opened and never closed: .*--quote ''"
    with pytest.raises(ParapplyError, match=message):
        run(job)


def test_a_stream_is_not_kept_for_ever_for_a_quote_that_does_not_come(monkeypatch):
    monkeypatch.setattr(blocks, "MOST_BYTES", 1000)
    text = b'1,"x' + b"\n2,y" * 1000
    with pytest.raises(ParapplyError, match="is a quote missing"):
        list(cut_blocks(io.BytesIO(text), b"", Dialect(), 100))
