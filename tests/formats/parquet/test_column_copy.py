"""Columns of Parquet that the function does not touch are copied, page by page, into the output.

The oracles are the input's own pages, and the same job where nothing is carried over.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.formats.common import group_target
from parapply.formats.parquet import format as room
from parapply.formats.parquet import joiner
from parapply.formats.parquet.column_copy import plan, sequential_reader
from parapply.formats.parquet.footer import Footer
from parapply.formats.parquet.thrift import (
    BINARY,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STRUCT,
    TRUE,
    Items,
    Pairs,
    ThriftError,
    decode,
    encode,
)
from parapply.model.errors import InputError
from parapply.worker import stop
from tests.formats.test_odd_tables import KEPT, written

ROWS = 1000
TABLE = pa.table(
    {
        "n": range(ROWS),
        "text": [f"value {n % 40}" if n % 7 else None for n in range(ROWS)],
        "share": [n / 8 if n % 3 != 1 else None for n in range(ROWS)],
        "list": [[{"a": n, "b": str(n)}] * (n % 3) for n in range(ROWS)],
        "kind": pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode(),
        "when": pa.array(range(ROWS), pa.timestamp("us", "UTC")),
    }
)
TWICE = pa.chunked_array([[n * 2 for n in range(ROWS)]])


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Groups of few rows are worth it here."""
    monkeypatch.setattr(plan, "_LEAST_ROWS", 1)


@pytest.fixture
def source(tmp_path):
    pq.write_table(TABLE, tmp_path / "in.parquet", row_group_size=300)
    return tmp_path / "in.parquet"


def run(source, name="out.parquet", **job):
    if "function" not in job:
        job = {"expression": "n * 2", "into": "twice", **job}
    output = source.with_name(name)
    parapply.run(Job(inputs=source, output=output, backend="serial", **job))
    return output


def without_carrying(monkeypatch, source, **job):
    with monkeypatch.context() as patch:
        patch.setattr(room, "plan_of", lambda *_: None)
        return run(source, "plain.parquet", **job)


def chunks(path):
    """Every chunk of a file: {column's path: [(codec, its bytes) of each group]}."""
    data, footer = path.read_bytes(), pq.ParquetFile(path).metadata
    found = {}
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            span = data[start : start + chunk.total_compressed_size]
            found.setdefault(chunk.path_in_schema, []).append((chunk.compression, span))
    return found


def groups(path):
    footer = pq.ParquetFile(path).metadata
    return [footer.row_group(place).num_rows for place in range(footer.num_row_groups)]


def test_pages_are_the_inputs_to_the_byte(source):
    output = run(source)
    before, after = chunks(source), chunks(output)
    made = after.pop("twice")
    assert after == before
    assert len(made) == 4
    assert groups(output) == groups(source) == [300, 300, 300, 100]
    assert pq.read_table(output).equals(TABLE.append_column("twice", TWICE))


JOBS = {
    "a column more": {},
    "in place of another": {"into": "text"},
    "in place of the first": {"into": "n"},
    "some columns": {"select": ("share", "kind")},
    "all but some": {"drop": ("n", "list")},
    "no column of the input": {"only": True},
    "of a value": {"columns": "text", "into": (), "expression": "value and value.upper()"},
    "several": {"expression": "(n, text)", "into": ("a", "b")},
    "dicts": {"expression": "{'a': n} if n < 500 else {'b': text}", "into": ()},
    "a late type": {"expression": "n if n < 700 else n / 4"},
    "nothing at all": {"expression": "None"},
    "another type for one": {"dtypes": {"n": "float"}},
    "missing where it fails": {"expression": "1 / (n % 10)", "on_error": "null"},
    "some left out": {"expression": "n % 3 == 0", "filter": True, "into": ()},
    "some that fail left out": {"expression": "1 / (n % 10)", "on_error": "skip"},
    "the first ones": {"head": 450},
    "some of all": {"sample": 100, "seed": 3},
    "several rows of one": {"expression": "[n] * (n % 3)", "explode": True},
    "whole tables": {"expression": "df.assign(twice=df.n * 2)", "into": ()},
}


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_table_is_the_one_that_it_is_without(monkeypatch, source, job):
    plain = pq.ParquetFile(without_carrying(monkeypatch, source, **job))
    found = pq.ParquetFile(run(source, **job))
    assert found.read().equals(plain.read())
    assert found.schema_arrow.equals(plain.schema_arrow, check_metadata=True)
    assert found.metadata.num_rows == plain.metadata.num_rows


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_bytes_do_not_depend_on_the_chunks(source, job):
    whole = run(source, chunk_size=ROWS, **job).read_bytes()
    for size in (37, 300, 301, None):
        assert run(source, chunk_size=size, **job).read_bytes() == whole, size


@pytest.mark.parametrize("table", KEPT.values(), ids=KEPT)
def test_rare_types_are_carried(tmp_path, table):
    if (data := written("parquet", table)) is None:
        pytest.skip("Parquet has no such type")
    (tmp_path / "in.parquet").write_bytes(data)
    output = run(tmp_path / "in.parquet", expression="1", into="made")
    before, after = chunks(tmp_path / "in.parquet"), chunks(output)
    assert {path: after[path] for path in before} == before
    found, known = (
        pq.ParquetFile(output).read().drop_columns("made"),
        pq.ParquetFile(io.BytesIO(data)).read(),
    )
    assert found.equals(known) or str(found.to_pydict()) == str(known.to_pydict())
    assert found.schema.equals(known.schema)


def test_each_column_keeps_its_own_codec_unless_one_is_asked_for(source):
    codecs = {"n": "zstd", "text": "gzip", "share": "none", "list": "snappy"}
    pq.write_table(TABLE.select(list(codecs)), source, compression=codecs)
    names = {path: [codec for codec, _ in some] for path, some in chunks(run(source)).items()}
    assert names["n"], names["twice"] == (["ZSTD"], ["SNAPPY"])
    assert (names["text"], names["share"]) == (["GZIP"], ["UNCOMPRESSED"])
    output = run(source, compression="zstd")
    assert {codec for some in chunks(output).values() for codec, _ in some} == {"ZSTD"}
    assert chunks(output)["n"] == chunks(source)["n"]


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(source, rows):
    pq.write_table(TABLE.slice(0, rows), source)
    assert pq.read_table(run(source)).drop_columns("twice").equals(TABLE.slice(0, rows))


def test_groups_without_rows_are_left_out(source):
    with pq.ParquetWriter(source, TABLE.schema) as writer:
        for start, size in ((0, 0), (0, 400), (400, 0), (400, 600), (0, 0)):
            writer.write_table(TABLE.slice(start, size))
    assert 0 in groups(source)
    output = run(source)
    assert groups(output) == [400, 600]
    assert pq.read_table(output).drop_columns("twice").equals(TABLE)


def test_a_run_that_is_stopped_has_the_rows_so_far(source):
    def function(row):
        if row["n"] == 456:
            stop()
        return row["n"] * 2

    output = run(source, function=function, into="twice", chunk_size=50)
    assert groups(output) == [300, 157]
    assert pq.read_table(output).equals(TABLE.append_column("twice", TWICE).slice(0, 457))


@pytest.mark.parametrize("most", [0, 1500])
def test_a_group_that_is_too_large_is_cut(monkeypatch, source, most):
    for module in (group_target, joiner, sequential_reader):
        monkeypatch.setattr(module, "ROWS_PER_GROUP", 90)
    monkeypatch.setattr(joiner, "_MOST_BYTES", most)
    found = [run(source, chunk_size=size).read_bytes() for size in (ROWS, 1, 40)]
    assert len(set(found)) == 1
    output = source.with_name("out.parquet")
    assert max(groups(output)) < 300
    assert pq.read_table(output).equals(TABLE.append_column("twice", TWICE))


def rates(df):
    return df.assign(twice=df["n"] * 2)


def reordered(df):
    return df.assign(twice=df["n"] * 2)[["twice", "share", "n", "text"]]


def changed_in_place(df):
    df.loc[df["n"] == 555, "share"] = -1.0
    df["n"] = df["n"].where(df["n"] != 650, 0)
    return df


def backwards(df):
    return df[::-1]


def late(df):
    """Rows are left out from somewhere on."""
    return df[(df["n"] < 520) | (df["n"] % 3 > 0)]


def once(df):
    """Rows are left out in one chunk, and more of them come in another."""
    import pandas as pd

    if df["n"].iloc[0] == 0:
        return df[df["n"] != 17]
    return pd.concat([df, df]) if (df["n"] == 640).any() else df


def gap(df):
    """No row of some chunks is left."""
    return df.iloc[:0] if df["n"].iloc[0] % 200 > 90 else df


def dirty(df):
    """In each chunk another column is changed."""
    column = ["n", "share", "when"][df["n"].iloc[0] // 20 % 3]
    return df.assign(**{column: df[column].iloc[::-1].to_numpy()})


def same(df):
    return df


def lately(df):
    n = df["n"].iloc[0]
    made = df.assign(twice=df["n"] * (2 if n < 400 else 0.5))
    return made.assign(**{f"late{n // 250}": df["n"] + 1}) if n >= 250 else made


def failing(df):
    return df.assign(twice=df["n"] * 2 if df["n"].iloc[0] < 500 else 1 / 0)


def without_zeros(df):
    return df.assign(share=df["share"].replace(0.0, -0.0))


def missing_anew(df):
    return df.assign(text=df["text"].where(df["n"] % 5 > 0))


def more_and_more(df):
    """Chunks bring columns, and the type of one changes."""
    n = df["n"].iloc[0]
    made = df.assign(twice=df["n"] * (2 if n < 400 else 0.5))
    return made.assign(**{f"late{n // 250}": df["share"] + n}) if n >= 250 else made


def fewer(df):
    """Some chunks lack columns that others have, carried ones among them."""
    n = df["n"].iloc[0]
    return df.drop(columns=["text", "share"] if n % 200 else ["when"])


FRAMES = (
    more_and_more, fewer, rates, reordered, changed_in_place, backwards, late, once, gap, dirty,
    same, without_zeros, missing_anew,
)  # fmt: skip


@pytest.mark.parametrize("size", [ROWS, 40, 100, 301, None])
@pytest.mark.parametrize("function", FRAMES)
def test_chunk_functions_give_the_table_that_they_give_without(monkeypatch, source, function, size):
    job = {"function": function, "by": "chunk", "chunk_size": size}
    plain = pq.ParquetFile(without_carrying(monkeypatch, source, **job))
    found = pq.ParquetFile(run(source, **job))
    assert found.read().equals(plain.read())
    assert str(found.read().to_pydict()) == str(plain.read().to_pydict())  # -0.0 is not 0.0
    assert found.schema_arrow.equals(plain.schema_arrow, check_metadata=True)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv", ".jsonl"])
def test_columns_that_come_late_are_those_of_pandas(source, suffix):
    frame = TABLE.select(["n", "text", "share"]).to_pandas()
    path = run(source, f"in{suffix}", expression="n", into="n", select=("n", "text", "share"))
    output = run(path, function=lately, by="chunk", chunk_size=100)
    expected = pd.concat([lately(frame[n : n + 100]) for n in range(0, ROWS, 100)])
    found = pq.read_table(output).to_pandas()
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True), check_dtype=False)


def test_a_chunk_functions_columns_are_kept_once(source, tmp_path):
    """Beside a part that tells the table nothing is kept, neither of the input's columns."""
    kept = tmp_path / "kept"
    with pytest.raises(parapply.ParapplyError):
        run(source, function=failing, by="chunk", chunk_size=100, checkpoint=kept, workers=1)
    assert not list(kept.rglob("*.made"))
    parts = list(kept.rglob("0000*"))
    assert len(parts) == 5
    held = {name for part in parts for name in pa.ipc.open_file(part).schema.names}
    assert held & {"twice", "n", "text", "share"} == {"twice"}


def test_what_a_chunk_function_gives_back_as_it_came_is_copied(source):
    before, after = chunks(source), chunks(run(source, function=rates, by="chunk"))
    assert {path for path in before if after[path] == before[path]} >= {"n", "text", "share"}
    output = run(source, function=changed_in_place, by="chunk", chunk_size=50)
    after = chunks(output)
    assert groups(output) == [300, 300, 300, 100]
    assert [a == b for a, b in zip(after["n"], before["n"], strict=True)] == [
        True,
        True,
        False,
        True,
    ]
    assert [a == b for a, b in zip(after["share"], before["share"], strict=True)] == [
        True, False, True, True,
    ]  # fmt: skip
    assert after["text"] == before["text"]


def test_rows_that_a_chunk_function_leaves_out_end_the_groups(source):
    output = run(source, function=late, by="chunk", chunk_size=100)
    assert groups(output)[0] == 300
    assert sum(groups(output)) == pq.read_table(output).num_rows < ROWS
    assert chunks(output)["text"][0] == chunks(source)["text"][0]


@pytest.mark.parametrize(
    "job", [{"expression": "{}"}, {"function": same, "by": "chunk"}], ids=["rows", "chunks"]
)
def test_a_function_that_makes_nothing_leaves_everything_as_it_was(source, job):
    output = run(source, **{"into": (), **job})
    known = pq.read_table(source)
    assert pq.read_table(output).cast(known.schema).equals(known)
    assert groups(output) == groups(source)
    kept = [path for path in chunks(source) if "function" not in job or path in ("n", "text")]
    assert [chunks(output)[path] for path in kept] == [chunks(source)[path] for path in kept]


UNITS = ("s", "ms", "us", "ns")


@pytest.mark.parametrize("kind", ["duration", "timestamp"])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("unit", UNITS)
def test_pages_are_not_read_in_another_unit(monkeypatch, source, kind, late, unit):
    when = pa.array(range(0, ROWS * 1000, 1000), getattr(pa, kind)("ms"))
    pq.write_table(pa.table({"n": range(ROWS), "when": when}), source, row_group_size=500)

    def function(table: pa.Table):
        if (table["n"][0].as_py() >= 500) == late:
            type_ = getattr(pa, kind)(unit)
            table = table.set_column(1, "when", table["when"].cast(type_))
        return table

    job = {"function": function, "by": "chunk", "chunk_size": 500}
    plain = pq.read_table(without_carrying(monkeypatch, source, **job))
    assert pq.read_table(run(source, **job)).equals(plain)


class _Kilometres(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.float64(), "test.kilometres")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, data):
        return cls()


def test_a_zero_is_not_a_negative_one_in_any_type(source):
    def of(value):
        return pa.ExtensionArray.from_storage(_Kilometres(), pa.array([value] * 9))

    pa.register_extension_type(_Kilometres())
    try:
        pq.write_table(pa.table({"km": of(0.0)}), source)
        output = run(source, function=lambda t: pa.table({"km": of(-0.0)}), by="chunk")
    finally:
        pa.unregister_extension_type("test.kilometres")
    assert str(pq.read_table(output)["km"][0]) == "-0.0"


def test_what_was_not_read_is_decoded_once_for_each_group(monkeypatch, source):
    known, opened = pq.ParquetFile.iter_batches, []

    def counted(self, *arguments, columns, row_groups, **more):
        opened.append((*columns, row_groups[0]))
        return known(self, *arguments, columns=columns, row_groups=row_groups, **more)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counted)
    run(source, function=dirty, by="chunk", chunk_size=20)
    assert opened
    assert len(opened) == len(set(opened))


REPLACED = {
    "another file": (lambda path, other: os.replace(other, path), "it is another file now"),
    "written over": (
        lambda path, other: path.write_bytes(other.read_bytes()), r"at the start.* at the end"
    ),
    "its end": (lambda path, _: path.write_bytes(path.read_bytes()[:-9] + b"x" * 9), "it was"),
}  # fmt: skip


@pytest.mark.parametrize("function_first", [True, False])
@pytest.mark.parametrize(("change", "words"), REPLACED.values(), ids=REPLACED)
def test_an_input_that_changes_is_an_error_that_says_so(
    source, tmp_path, change, words, function_first
):
    pq.write_table(pa.table({"a": ["x"], "b": [1]}), tmp_path / "other.parquet")

    def function(row):
        if row["n"] == (10 if function_first else 650):
            change(source, tmp_path / "other.parquet")
        return row["n"]

    said = rf"in\.parquet(: row group| changed while it was read: .*{words})"
    with pytest.raises(InputError, match=said):
        run(source, function=function, into="twice", chunk_size=100)
    assert not (tmp_path / "out.parquet").exists()


def described_by(source, change):
    """Change what a file says of itself."""
    data = source.read_bytes()
    footer = Footer.read(io.BytesIO(data))
    change(footer.struct)
    end = encode(footer.struct)
    source.write_bytes(data[: footer.start] + end + len(end).to_bytes(4, "little") + b"PAR1")


def statistics(path, column=0):
    return pq.ParquetFile(path).metadata.row_group(0).column(column).statistics


def test_statistics_stay_where_readers_may_trust_them(source):
    assert statistics(run(source)).max == 299

    def by_another(struct):
        struct[6] = BINARY, b"another 1.0"

    described_by(source, by_another)
    assert statistics(run(source)).max == 299

    described_by(source, lambda struct: struct.pop(7))  # says no more how values are ordered
    found = statistics(run(source))
    assert not found.has_min_max
    assert found.null_count == 0


@pytest.mark.parametrize(
    "writer",
    [
        b"parquet-mr version 1.8.1 (build x)",
        b"parquet-mr version 1.x",
        b"parquet-cpp-arrow version 3.0.0",
        b"parquet-cpp version 1.5.1-SNAPSHOT",
        b"",
    ],
)
def test_files_of_writers_that_were_not_sure_are_not_copied(source, writer):
    def old(struct):
        struct[6] = BINARY, writer

    described_by(source, old)
    output = run(source)
    assert groups(output) == [ROWS]
    assert pq.read_table(output).equals(TABLE.append_column("twice", TWICE))


def test_what_is_elsewhere_in_the_input_is_not_pointed_at(source):
    pq.write_table(TABLE, source, write_page_index=True)
    assert pq.ParquetFile(source).metadata.row_group(0).column(0).has_offset_index
    output = run(source)
    chunk = pq.ParquetFile(output).metadata.row_group(0).column(0)
    assert not chunk.has_offset_index
    assert chunks(output)["n"] == chunks(source)["n"]


def test_columns_that_are_required_stay_so(source):
    schema = pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("text", pa.string())])
    pq.write_table(TABLE.select(["n", "text"]).cast(schema), source)
    output = run(source)
    assert not pq.read_schema(output).field("n").nullable
    assert chunks(output)["n"] == chunks(source)["n"]


def test_labels_of_pandas_are_carried(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"n": range(50)}, index=pd.RangeIndex(100, 150, name="label"))
    frame.to_parquet(tmp_path / "in.parquet")
    output = run(tmp_path / "in.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(output), frame.assign(twice=frame.n * 2))
    assert chunks(output)["n"] == chunks(tmp_path / "in.parquet")["n"]


def test_other_readers_read_it(source):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(run(source))
    assert frame["twice"].to_list() == TWICE.to_pylist()
    assert frame["text"].to_list() == TABLE["text"].to_pylist()
    assert frame.filter(polars.col("n") > 950).height == 49


def test_files_of_other_writers_are_carried(source):
    polars = pytest.importorskip("polars")
    polars.from_arrow(TABLE.drop_columns("kind")).write_parquet(source, row_group_size=400)
    output = run(source)
    before, after = chunks(source), chunks(output)
    assert {after[path] == before[path] for path in ("n", "text", "share")} == {True}
    assert pq.read_table(output).drop_columns("twice").equals(pq.read_table(source))


@pytest.mark.parametrize("shell", ["{} > {}", "{} | cat > {}", ": > {1}; {0} >> {1}"])
def test_a_stream_has_the_same_bytes_as_a_file(source, tmp_path, shell):
    pq.write_table(TABLE, source)  # whatever groups are worth it
    whole = run(source).read_bytes()
    command = f"{sys.executable} -m parapply -e 'n * 2' --into twice --to parquet {source}"
    subprocess.run(shell.format(command, tmp_path / "got"), shell=True, check=True, timeout=60)
    assert (tmp_path / "got").read_bytes() == whole


STRUCT_OF_ALL = {
    1: (TRUE, True),
    2: (2, False),
    3: (3, b"\x05"),
    4: (4, -300),
    20: (I32, -(2**31)),
    21: (I64, 2**63 - 1),
    300: (7, np.float64(1.5).tobytes()),
    301: (BINARY, b"x" * 200),
    302: (LIST, Items(I32, list(range(-20, 20)))),
    303: (LIST, Items(TRUE, [True, False])),
    304: (SET, Items(BINARY, [])),
    305: (MAP, Pairs((BINARY, I64), [(b"k", 1)])),
    306: (MAP, Pairs((0, 0), [])),
    307: (STRUCT, {5: (STRUCT, {})}),
    308: (13, bytes(16)),
}


def test_structs_of_thrift_are_read_as_they_are_written():
    assert decode(encode(STRUCT_OF_ALL)) == STRUCT_OF_ALL
    backwards = dict(reversed(STRUCT_OF_ALL.items()))
    assert list(decode(encode(backwards)).items()) == list(backwards.items())


def test_footers_are_written_as_they_were(source):
    data = source.read_bytes()
    footer = Footer.read(io.BytesIO(data))
    assert encode(footer.struct) == data[footer.start : -8]


def test_a_struct_that_is_cut_off_or_of_no_kind_is_an_error():
    whole = encode(STRUCT_OF_ALL)
    for size in range(len(whole)):
        with pytest.raises(ThriftError):
            decode(whole[:size])
    with pytest.raises(ThriftError, match="14"):
        decode(b"\x1e\x00")
