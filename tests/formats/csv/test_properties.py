"""CSV text of any kind: where its records are, what types it has, and that nothing of it is lost.

The oracles are the csv module, pandas on the whole table, and the input's own bytes.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pandas.testing as pdt
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import parapply
from parapply import Job
from parapply.formats.csv import source
from parapply.formats.csv.blocks import cut_blocks
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.format import CSV
from parapply.formats.csv.records import field_edges, find_records, split_fields
from parapply.formats.nouns import Reading

COMMAS = Dialect()


@st.composite
def tables(draw, *, least_width=1, least_rows=0, blank_lines=False):
    """CSV text of a table and its cells; quoted where it has to be, and at times where not."""
    width = draw(st.integers(least_width, 4))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    cell = st.text(st.sampled_from('ab",\n\r é😀0'), max_size=5)
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=least_rows))
    quoted = st.sampled_from([False, False, True])

    def written(text):
        if draw(quoted) or re.search(r'[",\r\n]', text) or (width == 1 and not text):
            return '"' + text.replace('"', '""') + '"'
        return text

    names = [f"c{i}" for i in range(width)]
    lines = [",".join(map(written, row)) for row in rows]
    if blank_lines:
        lines = [line + end * draw(st.integers(0, 2)) for line in lines]
    text = end.join([",".join(names), *lines]) + draw(st.sampled_from([end, ""]))
    return text.encode(), [names, *rows]


def rows_of(text: bytes) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text.decode(), newline=""))
    return [row for row in reader if row]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("properties")


@pytest.fixture(scope="module")
def opened(folder):
    """Write text to a file; return it as a source."""

    def open_(text: bytes):
        path = folder / "opened.csv"
        path.write_bytes(text)
        return CSV.source(str(path), path.name, Reading())

    return open_


def surveyed(table, positions=(), block_bytes=1 << 22):
    """Survey a source as the parent does; return the source that stands, and its surveys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", block_bytes)
        surveys = [table.survey(piece, positions) for piece in table.pieces()]
        if (again := table.resurvey(surveys)) is not None:
            return surveyed(again, positions, block_bytes)
    assert not any(survey.error for survey in surveys)
    return table, surveys


# Records.


@given(tables())
def test_records_are_those_of_the_csv_module(table):
    text, rows = table
    records = find_records(text, COMMAS)
    found = [text[a:b] for a, b in zip(records.starts, records.stops, strict=True)]
    assert [rows_of(record)[0] for record in found] == rows == rows_of(text)


@given(st.text(st.sampled_from('a",\n\r'), max_size=30))
@example('a"b\n"c"d"\ne')
@example('"""\n"\n')
@example("\r\r\n\n\r")
def test_records_of_text_with_stray_quotes_are_those_of_the_csv_module(text):
    assume(rows_of(f"{text}\nend".encode())[-1] == ["end"])  # all quotes are closed
    records = find_records(text.encode(), COMMAS)
    found = [text[a:b] for a, b in zip(records.starts, records.stops, strict=True)]
    assert [rows_of(record.encode())[0] for record in found] == rows_of(text.encode())


@given(tables())
def test_line_ends_and_records_make_up_the_whole_text(table):
    text, _ = table
    records = find_records(text, COMMAS)
    joined = b"".join(text[a:b] for a, b in zip(records.starts, records.ends, strict=True))
    assert joined == text


@given(tables())
def test_fields_of_a_record_joined_are_the_record(table):
    text, rows = table
    records = find_records(text, COMMAS)
    for a, b, row in zip(records.starts, records.stops, rows, strict=True):
        fields = split_fields(text[a:b], COMMAS)
        assert b",".join(fields) == text[a:b]
        assert len(fields) == len(row)


@given(tables())
def test_field_edges_are_where_split_fields_splits(table):
    text, rows = table
    records = find_records(text, COMMAS)
    edges = field_edges(records, COMMAS, len(rows[0]))
    for a, b, row in zip(records.starts, records.stops, edges.tolist(), strict=True):
        cuts = [a, *(edge + 1 for edge in row)]
        stops = [*row, b]
        fields = [text[start:stop] for start, stop in zip(cuts, stops, strict=True)]
        assert fields == split_fields(text[a:b], COMMAS)


@given(tables(blank_lines=True), st.integers(1, 40))
def test_blocks_of_a_stream_hold_every_record_once(table, size):
    text, rows = table
    blocks = list(cut_blocks(io.BytesIO(text), b"", COMMAS, size))
    assert b"".join(block.text for block in blocks) == text
    assert [row for block in blocks for row in rows_of(block.text)] == rows


# Chunks.


@given(tables(least_rows=1, blank_lines=True), st.integers(1, 60), st.data())
def test_spans_of_any_bounds_hold_their_rows_and_no_others(opened, table, block_bytes, data):
    text, (_, *rows) = table
    found, surveys = surveyed(opened(text), block_bytes=block_bytes)
    index = found.index(surveys)
    assert index.rows == len(rows)
    cuts = data.draw(st.sets(st.integers(0, len(rows))))
    edges = sorted({0, len(rows), *cuts})
    for start, stop in pairwise(edges):
        batch = found.batch(index.span(start, stop), found.fields((), surveys))
        columns = batch.verbatim(range(len(rows[0])))
        assert batch.rows == stop - start
        cells = zip(*[column.to_pylist() for column in columns], strict=True)
        assert [list(row) for row in cells] == rows[start:stop]


@given(tables(least_rows=1, blank_lines=True), st.integers(1, 60))
def test_snapping_gives_a_row_where_a_chunk_can_start_for_nothing(opened, table, block_bytes):
    text, (_, *rows) = table
    found, surveys = surveyed(opened(text), block_bytes=block_bytes)
    index = found.index(surveys)
    for row in range(len(rows) + 1):
        snapped = index.snap(row, 1)
        assert 0 <= snapped <= len(rows)
        assert snapped == len(rows) or index.span(snapped, len(rows)).skip == 0


# Types.

CELLS = {
    "int": ["1", "-3", "0", "12345", "+5", " 7", "8 "],
    "float": ["1.5", "-0.25", "1e5", "2.", ".5", "inf", "-inf", "Infinity"],
    "bool": ["True", "False", "true", "FALSE"],
    "text": ["abc", "1,5", "2024-01-31", "12:30", "1_000", "0x10", "é", "1 2", "T"],
    "missing": ["", "NA", "nan", "NULL", "None", "<NA>"],
}


@st.composite
def columns(draw):
    kinds = draw(st.sets(st.sampled_from([*CELLS, "missing"]), min_size=1, max_size=3))
    cell = st.sampled_from([cell for kind in sorted(kinds) for cell in CELLS[kind]])
    return draw(st.lists(cell, min_size=1, max_size=8))


def as_text(cells: list[str]) -> bytes:
    return b"".join(f'x,"{cell}"\n'.encode() for cell in ["c", *cells])


def kind_of(dtype: object, cells: list[str]) -> str:
    """What our types would be called, from the dtype that pandas finds for the whole column."""
    known = [cell for cell in cells if cell not in CELLS["missing"]]
    if not known:
        return "double"
    if set(known) <= set(CELLS["bool"]):
        return "bool"
    if str(dtype) == "float64" and all(re.fullmatch(r"\s*[+-]?\d+\s*", cell) for cell in known):
        return "int64"
    return {"int64": "int64", "float64": "double", "bool": "bool"}.get(str(dtype), "string")


@given(columns())
def test_types_are_those_of_pandas(opened, cells):
    text = as_text(cells)
    found, surveys = surveyed(opened(text), (1,))
    field = found.fields((1,), surveys)[1]
    dtype = pd.read_csv(io.BytesIO(text)).dtypes["c"]
    assert str(field.type) == kind_of(dtype, cells)
    assert field.nullable == any(cell in CELLS["missing"] for cell in cells)


@given(columns())
def test_values_are_those_of_pandas(opened, cells):
    text = as_text(cells)
    found, surveys = surveyed(opened(text), (1,))
    fields = found.fields((1,), surveys)
    index = found.index(surveys)
    ours = found.batch(index.span(0, len(cells)), fields).columns((1,))[0].to_pylist()
    theirs = pd.read_csv(io.BytesIO(text))["c"]
    if str(fields[1].type) != "string":
        expected = [None if pd.isna(value) else value for value in theirs]
        assert ours == expected
    else:
        assert ours == [None if cell in CELLS["missing"] else cell for cell in cells]


@given(columns(), st.integers(1, 30))
def test_types_do_not_depend_on_where_blocks_end(opened, cells, block_bytes):
    table = opened(as_text(cells))
    whole, surveys = surveyed(table, (0, 1))
    parts, part_surveys = surveyed(table, (0, 1), block_bytes)
    assert parts.fields((0, 1), part_surveys) == whole.fields((0, 1), surveys)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["007", "1"], "string"),
        (["-01", "1"], "string"),
        (["0", "1"], "int64"),
        (["0.5", "00.5"], "double"),
        ([str(2**63 - 1), "1"], "int64"),
        ([str(2**63), "1"], "uint64"),
        ([str(2**64 - 1), "0"], "uint64"),
        ([str(2**64), "1"], "string"),
        ([str(2**63), "-1"], "string"),
        ([str(2**63), ""], "string"),
        ([str(2**63), "1.5"], "string"),
        ([str(2**63), "007"], "string"),
        ([str(-(2**63)), "1"], "int64"),
        (["12345678901234567890123", "1"], "string"),
        (["12345678901234567890123", "1.5"], "string"),
        (["1", ""], "int64"),
        (["True", ""], "bool"),
        (["2024-01-31", "2024-02-01"], "string"),
        (["2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"], "string"),
        (["12:30:00", "12:30:00"], "string"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 1 << 22])
def test_types_that_differ_from_pandas_do_so_as_documented(opened, cells, expected, block_bytes):
    found, surveys = surveyed(opened(as_text(cells)), (1,), block_bytes)
    assert str(found.fields((1,), surveys)[1].type) == expected


# Whole jobs.


def run(folder: Path, text: bytes, block_bytes: int, **settings) -> bytes:
    (folder / "in.csv").write_bytes(text)
    output = folder / "out.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_BYTES", block_bytes)
        inputs = (str(folder / "in.csv"),)
        parapply.run(Job(inputs=inputs, output=str(output), backend="serial", **settings))
    return output.read_bytes()


@given(tables(), st.integers(1, 12), st.integers(1, 60))
def test_an_identity_job_gives_the_inputs_bytes(folder, table, chunk_size, block_bytes):
    text, _ = table
    settings = {"expression": "True", "filter": True, "chunk_size": chunk_size}
    assert run(folder, text, block_bytes, **settings) == text


@given(tables(least_rows=1, blank_lines=True), st.integers(1, 12), st.integers(1, 60))
def test_a_column_is_appended_to_the_records_own_bytes(folder, table, chunk_size, block_bytes):
    text, rows = table
    output = run(folder, text, block_bytes, expression="1", chunk_size=chunk_size)
    assert rows_of(output) == [[*rows[0], "result"], *([*row, "1"] for row in rows[1:])]
    assert re.sub(rb",(result|1)(?=[\r\n]|\Z)", b"", output) == text


@given(tables(least_width=2, least_rows=1), st.integers(1, 12))
def test_pandas_reads_the_output_as_the_input_and_a_column(folder, table, chunk_size):
    text, _ = table
    settings = {"function": lambda row: row["c1"], "into": ("new",), "all_strings": True}
    output = run(folder, text, 50, chunk_size=chunk_size, **settings)
    strings = {"dtype": str, "keep_default_na": False}
    expected = pd.read_csv(io.BytesIO(text), **strings)
    found = pd.read_csv(io.BytesIO(output), **strings)
    pdt.assert_frame_equal(found, expected.assign(new=expected["c1"]))


@given(tables(least_width=2, least_rows=1), st.integers(1, 12), st.data())
def test_columns_are_replaced_dropped_and_kept_field_by_field(folder, table, chunk_size, data):
    text, (names, *rows) = table
    dropped = data.draw(st.sets(st.sampled_from(names), max_size=len(names) - 1))
    replaced = data.draw(st.sampled_from(names))
    assume(replaced not in dropped)
    settings = {"drop": tuple(dropped), "into": (replaced,), "chunk_size": chunk_size}
    output = run(folder, text, 50, expression="'x,y'", **settings)
    kept = [name for name in names if name not in dropped]
    expected = [
        ["x,y" if name == replaced else row[names.index(name)] for name in kept] for row in rows
    ]
    assert rows_of(output) == [kept, *expected]


@given(tables(least_rows=1), st.sets(st.integers(0, 20)), st.integers(1, 12))
def test_filtered_records_keep_their_bytes(folder, table, kept, chunk_size):
    text, rows = table
    place = iter(range(len(rows)))
    settings = {"function": lambda row: next(place) in kept, "filter": True}
    output = run(folder, text, 50, chunk_size=chunk_size, **settings)
    expected = [row for number, row in enumerate(rows[1:]) if number in kept]
    assert rows_of(output) == [rows[0], *expected]
