"""Odd files: each goes through as it is, or is refused in one clear line; none is changed silently.

They are such as collections of test files for parsers hold (papaparse, csv-spectrum, encoding/csv
of Go, test_csv of CPython, DuckDB, parquet-testing, JSONTestSuite), written anew.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.model.errors import InputError

SIZES = [None, 1]

CSV_KEPT = {
    "a comma only": b",",
    "commas only": b",,\n,,\n",
    "a space only": b" \n",
    "empty quotes only": b'""',
    "a header without an end": b"a,b,c",
    "a header that CR ends": b"a,b\r",
    "old Macintosh": b"a,b\r1,2\r3,4\r",
    "old Macintosh without an end": b"a,b\r1,2\r3,4",
    "CRLF": b"a,b\r\n1,2\r\n3,4\r\n",
    "all line ends": b"a,b\n1,2\r\n3,4\r5,6\n\r7,8\r\r\n9,0",
    "a byte order mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "a byte order mark and quotes": b'\xef\xbb\xbf"a","b"\n1,2\n',
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,2\n",
    "a byte order mark in a row": b"a,b\n\xef\xbb\xbf1,2\n",
    "newlines in quotes": b'a,b\n"1\n2",3\n"4\r\n5",6\n"\n\n",7\n',
    "newlines in a header": b'"a\n1","b\r\n2"\n1,2\n',
    "doubled quotes": b'a,b\n"a ""b"" c",1\n"""",2\n"""""",3\n"""a""","b"""\n',
    "fields that are quoted and empty": b'a,b\n"",""\n"",1\n,\n',
    "commas in quotes": b'a,b\n"1,2",3\n",",","\n',
    "JSON": b'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
    "inches": b'a,b\n5" pipe,1\n6"" pipe,2\nx",3\n',
    "text after a closing quote": b'a,b\n"x"y,1\n"x" ,2\n"x"" ,3",4\n',
    "an escape that is none": b'a,b\n"a\\",1\nb\\,2\n',
    "a trailing comma in all lines": b"a,b,\n1,2,\n",
    "blank lines": b"\n\r\na,b\n\n1,2\n\n\n3,4\n\n",
    "blank lines and one column": b"a\n\n1\n\n2",
    "one column of text": b"hello world\nfoo bar\n \n",
    "one column, empty and quoted": b'a\n""\n1\n',
    "one name for all": b"a,a,a\n1,2,3\n",
    "no names": b",,\n1,2,3\n",
    "numbers as names": b"1,2\n3,4\n",
    "quoted names": b'"a","b,c","d""e"\n1,2,3\n',
    "letters of all kinds": "naïve,日本\né,😀\na\u0301,\u202e\n".encode(),
    "line ends of Unicode": "a,b\n\u2028,\u0085\n\x0b,\x0c\n\x1c,\x1d\n".encode(),
    "NUL": b"a,b\n\x00,1\nx\x00y,2\n",
    "control characters": b"a,b\n\x01\x02\x7f,\x1f\n",
    "values that are not UTF-8": b"a,b\n\xe9,1\n\xc0\xaf,\xed\xa0\x80\n",
    "UTF-16": "a,b\n1,é\n".encode("utf-16"),
    "UTF-16, the other way round": b"\xfe\xff" + "a,b\n1,é\n".encode("utf-16-be"),
    "UTF-32": "a,b\n1,😀\n".encode("utf-32"),
    "semicolons": b"a;b\n1;2,5\n",
    "tabs": b"a\tb\n1\t2\n",
    "pipes": b"a|b\n1|2\n",
    "a line of Excel's": b"sep=;\na;b\n1;2\n",
    "formulas": b'a,b\n="001",1\n=1+1,@x\n-2,+3\n',
    "missing values": b"a,b\nNA,NaN\nnull,None\nN/A,\n-nan,#N/A\n",
    "numbers": b"a,b\n1.10,007\n1e5,+3\n-0,0x10\n.5,5.\ninf,-Infinity\n1_000,1e400\n",
    "truths": b"a,b\nTRUE,yes\nfalse,no\nTrue,1\n",
    "dates that are none": b"d,t\n2024-02-30,25:61\n0000-00-00,24:00\n",
    "large integers": b"a\n12345678901234567890\n9223372036854775808\n-9223372036854775809\n",
    "a long field": b"a,b\n" + b"x" * 200_000 + b",1\n",
    "a long field of newlines": b'a,b\n"' + b"x\n" * 100_000 + b'",1\n',
    "many columns": ",".join(map(str, range(3000))).encode() + b"\n" + b"," * 2999 + b"\n",
    "JSON Lines by the wrong name": b'{"a": 1}\n{"a": 2}\n',
}

CSV_REFUSED = {
    "nothing": (b"", "is empty"),
    "blank lines only": (b"\n\r\n\n", "is empty"),
    "a byte order mark and no more": (b"\xef\xbb\xbf", "is empty"),
    "a quote only": (b'"', "quote is opened in the header and never closed"),
    "an open quote in the header": (b'a,"b\n1,2\n', "in the header and never closed: .*--quote"),
    "a space before a quote": (b'a,b\n "x",1\n "x,y",2\n', "row 2 has 3 fields"),
    "an open quote": (
        b'a,b\n1,"x\n3,4\n',
        r"row 1, column number 2: a quote is opened and never closed: \"x\\n3,4",
    ),
    "an open quote at the end": (b'a,b\n1,2\n3,"', "row 2, column number 2: a quote is opened"),
    "too few fields": (b"a,b,c\n1,2\n", "row 1 has 2 fields, the header has 3: 1,2"),
    "too many fields": (b"a,b\n1,2\n1,2,3\n", "row 2 has 3 fields"),
    "a trailing comma in rows": (b"a,b\n1,2,\n", "row 1 has 3 fields"),
    "a line of spaces": (b"a,b\n1,2\n   \n3,4\n", "row 2 has 1 field,"),
    "CR in a bare field": (b"a,b\n1\r2,3\n", "row 1 has 1 field,"),
    "apostrophes": (b"a,b\n'1,2',3\n", "row 1 has 3 fields"),
    "an end of DOS": (b"a,b\n1,2\n\x1a", r"row 2 has 1 field, the header has 2: \\x1a"),
    "a comment": (b"# x\na,b\n1,2\n", "row 1 has 2 fields, the header has 1"),
    "a page": (b"<html><body>\n<p>x, y</p>\n</body></html>\n", "row 1 has 2 fields"),
    "a name that is not UTF-8": (b"\xe9,b\n1,2\n", "header is not UTF-8 text; name its --encoding"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "row 2 has 1 field,"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "header is not UTF-8"),
    "all bytes": (bytes(range(256)), "row 1 has 1 field"),
    "an archive by the wrong name": (b"PK\x03\x04\x14\x00", "cannot be decompressed"),
    "gzip, cut": (b"\x1f\x8b\x08\x00", "cannot be decompressed"),
}

TSV_KEPT = {
    "tabs and quotes": b'a\tb\n"x\ty"\t2\n"x\n"\t\r\n',
    "commas in fields": b"a,b\tc\n1,2\t3\n",
    "no tab": b"a,b\n1,2\n",
    "escapes of databases": b"a\tb\nx\\ty\t\\N\n\n\t",
}

JSONL_KEPT = {
    "nothing at all": b"",
    "blank lines": b"\n\r\n  \n",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "a byte order mark": b"\xef\xbb\xbf{}\n",
    "empty objects": b"{}\n{ }\n",
    "no end": b'{"a":1}',
    "mixed line ends": b'{"a":1}\r\n\n{"a":2}\n \n{"a":3}',
    "spaces": b'  {"a" : 1 }  \n\t{"a":2}\t\n',
    "numbers": b'{"a":123456789012345678901234567890,"b":1e999,"c":-0.0,"d":1E+2,"e":1.10}\n',
    "an integer of 5000 digits": b'{"a":' + b"9" * 5000 + b"}\n",
    "numbers that are none": b'{"a":NaN,"b":-Infinity}\n',
    "a key twice": b'{"a":1,"a":2}\n',
    "keys that come late": b'{"a":1}\n{"b":2}\n{"c":{"d":1}}\n{"b":1,"a":2}\n',
    "all types": b'{"a":1}\n{"a":"x"}\n{"a":[1]}\n{"a":{"b":1}}\n{"a":null}\n{"a":true}\n',
    "escapes": b'{"a":"\\u0041\\n\\/\\u00e9","\\u0062":1}\n',
    "surrogates": b'{"a":"\\ud83d\\ude00"}\n{"a":"\\ud800"}\n',
    "line ends of Unicode": '{"a":"\u2028\u0085"}\n'.encode(),
    "odd keys": b'{"":1," ":2,"a.b":3,"\\u0000":4}\n',
    "60 levels": b'{"a":' + b"[" * 60 + b"]" * 60 + b"}\n",
    "a long text": b'{"a":"' + b"x" * 200_000 + b'"}\n',
    "many keys": b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(2000)) + b"}\n",
    "UTF-16": '{"a":"é"}\n{"a":2}\n'.encode("utf-16"),
}

JSONL_REFUSED = {
    "an array of numbers": (b"[1, 2]", "row 1 is JSON but not an object.*jq -c"),
    "printed prettily": (b'{\n  "a": 1\n}\n', "row 1 is not JSON.*jq -c"),
    "numbers": (b"1\n2\n", "row 1 is JSON but not an object"),
    "null": (b'{"a":1}\nnull\n', "row 2 is JSON but not an object"),
    "two on a line": (b'{"a":1} {"a":2}\n', "row 1 has more after its JSON value"),
    "CR as a line end": (b'{"a":1}\r{"a":2}\r', r"more after its JSON value.*1}\\r{"),
    "commas after lines": (b'{"a":1},\n{"a":2},\n', "row 1 has more after its JSON value"),
    "record separators": (b'\x1e{"a":1}\n', r"row 1 is not JSON.*: \\x1e"),
    "comments": (b'{"a":1}\n// x\n', "row 2 is not JSON"),
    "apostrophes": (b"{'a':1}\n", "row 1 is not JSON"),
    "a trailing comma": (b'{"a":1,}\n', "row 1 is not JSON"),
    "a leading zero": (b'{"a":007}\n', "row 1 is not JSON"),
    "a raw control character": (b'{"a":"\x00"}\n', "Invalid control character at character 7"),
    "a raw newline": (b'{"a":"x\ny"}\n', "row 1 is not JSON: Unterminated string"),
    "3000 levels": (b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}\n", "row 1 is nested too deeply"),
    "a key of half a pair": (b'{"\\ud800":1}\n', "is not valid Unicode"),
    "not UTF-8": (b'{"a":1}\n{"a":"\xe9"}\n', "row 2 is not UTF-8 text; name its --encoding"),
    "cut short": (b'{"a":1}\n{"a":', "row 2 is not JSON"),
    "CSV by the wrong name": (b"a,b\n1,2\n", "row 1 is not JSON"),
    "a form feed": (b'{"a":1}\n\x0c\n', r"row 2 is not JSON.*\\x0c"),
}


@pytest.fixture
def identity(tmp_path):
    """Run a job that keeps all rows; return the output's bytes."""

    def run(name: str, data: bytes, size: int | None, **options) -> bytes:
        path, output = tmp_path / name, tmp_path / f"out{Path(name).suffix}"
        path.write_bytes(data)
        job = {"expression": "True", "filter": True, "backend": "serial", **options}
        parapply.run(Job(inputs=path, output=output, chunk_size=size, **job))
        return output.read_bytes()

    return run


def cases(**tables):
    return [
        pytest.param(f"in.{suffix}", *(case if isinstance(case, tuple) else (case,)), id=name)
        for suffix, table in tables.items()
        for name, case in table.items()
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "data"), cases(csv=CSV_KEPT, tsv=TSV_KEPT, jsonl=JSONL_KEPT))
def test_odd_text_goes_through(identity, name, data, size):
    assert identity(name, data, size) == data


@pytest.mark.parametrize(
    ("name", "data", "words"), cases(csv=CSV_REFUSED, jsonl=JSONL_REFUSED)
)  # fmt: skip
def test_broken_text_is_refused_in_one_line(identity, name, data, words):
    for size in SIZES:
        with pytest.raises(InputError, match=words) as raised:
            identity(name, data, size)
        assert str(raised.value).isprintable()


DIALECTS = {
    "comments": (b"# x\na,b\n#y,z,\n1,2\n#", {"comment": "#"}),
    "a comment's mark in a row": (b"a,b\n1,#2\n\n # 3,4\n", {"comment": "#"}),
    "escapes": (b'a,b\nx\\,y,"1\\"2"\n\\\n,"\\\n"\n', {"escape": "\\"}),
    "escapes without quotes": (b'a,b\nx\\,y,"1\\\n\\,"', {"escape": "\\", "quote": ""}),
    "no quotes": (b'a,b\n"x,y"\n",\n', {"quote": ""}),
    "apostrophes": (b"a,b\n'1,2','''\n'\n", {"quote": "'"}),
    "an odd delimiter": (b"a\x01b\n1\x01,\n", {"delimiter": "\x01"}),
    "spaces between": (b"a b\n1 2\n 3\n", {"delimiter": " "}),
    "no header": (b'1,2\n\n3,"\n"\n', {"no_headers": True}),
    "latin-1": (b"\xe9,b\n\xe9,\x80\n", {"encoding": "latin-1"}),
    "Shift JIS, whose second bytes are marks": (b"a,b\n\x83\x5c,\x83\x7c\n", {"encoding": "sjis"}),
    "UTF-16 without a mark": ("a,b\n1,ą\n".encode("utf-16-le"), {"encoding": "utf-16-le"}),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("data", "options"), DIALECTS.values(), ids=DIALECTS)
def test_dialects_go_through(identity, data, options, size):
    assert identity("in.csv", data, size, **options) == data


D = decimal.Decimal
PLAIN = pa.table({"a": [1, 2, 3], "s": ["x", None, "z"]})
UNITS = ("s", "ms", "us", "ns")


def of(values, type_=None):
    return pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, type_)})


def with_field(field, values):
    return pa.table([pa.array(values, field.type)], schema=pa.schema([field]))


TABLES = {
    "no rows": of([], pa.int64()),
    "nothing": pa.table({}),
    "nulls": of([None] * 3),
    "integers": pa.table({f"i{b}": pa.array([0, -1, None], f"int{b}") for b in (8, 16, 32, 64)}),
    "no signs": pa.table({f"u{b}": pa.array([2**b - 1], f"uint{b}") for b in (8, 16, 32, 64)}),
    "floats": of([float("nan"), float("inf"), -0.0, None]),
    "narrow floats": pa.table({"h": np.array([1, 2], "f2"), "f": np.array([0.1, 2], "f4")}),
    "decimals": pa.table(
        {"s": pa.array([D("1.10")], pa.decimal128(5, 2)), "l": pa.array([D(1)], pa.decimal256(60))}
    ),
    "days": pa.table({"a": [dt.date(1, 1, 1)], "b": pa.array([86_400_000], pa.date64())}),
    "times": pa.table({"s": pa.array([1], pa.time32("s")), "ns": pa.array([1], pa.time64("ns"))}),
    "moments": pa.table({u: pa.array([0, -1, None], pa.timestamp(u)) for u in UNITS}),
    "zones": pa.table({u: pa.array([0, None], pa.timestamp(u, "Europe/Berlin")) for u in UNITS}),
    "durations": pa.table({u: pa.array([0, -1, None], pa.duration(u)) for u in UNITS}),
    "texts": pa.table(
        {"s": ["a", ""], "l": pa.array(["", None], "large_string"),
         "v": pa.array(["a", "longer than twelve"], pa.string_view())}
    ),
    "bytes": pa.table(
        {"s": [b"\xff", None], "f": pa.array([b"ab", None], pa.binary(2)),
         "v": pa.array([b"a", b"longer than twelve"], pa.binary_view())}
    ),
    "dictionaries": pa.table({"d": pa.array(["a", "b", None, "a"]).dictionary_encode()}),
    "ordered dictionaries": pa.table(
        {"d": pa.DictionaryArray.from_arrays(pa.array([0, 1], "int8"), ["a", "b"], ordered=True)}
    ),
    "lists": pa.table(
        {"l": [[1, None], [], None], "L": pa.array([[1], [], None], pa.large_list(pa.int8())),
         "f": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
         "n": [[[1], []], [None], []]}
    ),
    "structs": of([{"a": 1, "b": {"c": "x"}}, None, {"a": None, "b": None}]),
    "lists of structs": of([[{"a": 1}], [], None]),
    "maps": of([[("a", 1)], [], None], pa.map_(pa.string(), pa.int32())),
    "names": pa.table({"": [1], ".": [2], "a.b": [3], "a\nb": [4], "😀": [5]}),
    "metadata": of([1]).replace_schema_metadata({"k": "v", b"\xff": b"\x00"}),
    "metadata of a field": with_field(pa.field("x", pa.int64(), metadata={"k": "v"}), [1]),
    "no missing values": with_field(pa.field("x", pa.int64(), nullable=False), [1, 2, 3]),
    "an item's name": with_field(pa.field("x", pa.list_(pa.field("elephant", pa.int8()))), [[1]]),
    "identifiers": of([b"0" * 16, None], pa.uuid()),
    "tensors": pa.table({"t": pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((2, 2, 2)))}),
    "many columns": pa.table({f"c{i}": [i] for i in range(500)}),
}  # fmt: skip

ARROW_TABLES = {
    "no columns": of([1, 2, 3]).select([]),
    "intervals": of([pa.MonthDayNano([1, 2, 3]), None]),
    "an empty struct": of([{}, None], pa.struct([])),
    "unions": of(
        pa.UnionArray.from_sparse(
            pa.array([0, 1], "int8"), [pa.array([1, 2]), pa.array(["a", "b"])]
        )
    ),
    "run ends": of(pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], "int32"), ["a", "b"])),
}


def parquet(table=PLAIN, **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=2, **options)
    return file.getvalue()


def arrow(table=PLAIN, make=pa.ipc.new_file, **options) -> bytes:
    file = io.BytesIO()
    with make(file, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=2)
    return file.getvalue()


READERS = {
    "parquet": lambda data: pq.ParquetFile(io.BytesIO(data)).read(),
    "arrow": lambda data: pa.ipc.open_file(data).read_all(),
}


def assert_same(kind: str, found: bytes, wanted: bytes) -> None:
    one, other = READERS[kind](found), READERS[kind](wanted)
    assert one.schema.equals(other.schema, check_metadata=True)
    assert one.num_rows == other.num_rows
    assert repr(one.to_pylist()) == repr(other.to_pylist())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_of_all_types_go_through(identity, kind, table, size):
    data = parquet(table) if kind == "parquet" else arrow(table)
    assert_same(kind, identity(f"in.{kind}", data, size), data)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("table", ARROW_TABLES.values(), ids=ARROW_TABLES)
def test_types_of_arrow_alone_go_through(identity, table, size):
    data = arrow(table)
    assert_same("arrow", identity("in.arrow", data, size), data)


@pytest.mark.parametrize("table", list(ARROW_TABLES.values())[1:], ids=list(ARROW_TABLES)[1:])
def test_types_of_arrow_alone_are_refused_by_parquet(identity, tmp_path, table):
    with pytest.raises(parapply.ParapplyError, match="which Parquet cannot hold: --drop"):
        identity("in.arrow", arrow(table), None, output_format="parquet")


def groups(*tables) -> bytes:
    file = io.BytesIO()
    with pq.ParquetWriter(file, PLAIN.schema) as writer:
        for table in tables:
            writer.write_table(table)
    return file.getvalue()


WRITINGS = {
    **{name: ("parquet", parquet(compression=name)) for name in ("none", "gzip", "zstd", "brotli")},
    "version 1": ("parquet", parquet(version="1.0")),
    "pages of version 2": ("parquet", parquet(data_page_version="2.0")),
    "no dictionary": ("parquet", parquet(use_dictionary=False)),
    "no statistics": ("parquet", parquet(write_statistics=False)),
    "no Arrow schema": ("parquet", parquet(store_schema=False)),
    "checksums and an index": (
        "parquet", parquet(write_page_checksum=True, write_page_index=True),
    ),
    "96 bits": (
        "parquet", parquet(of([0, 1], pa.timestamp("ns")), use_deprecated_int96_timestamps=True),
    ),
    "deltas": (
        "parquet",
        parquet(
            use_dictionary=False,
            column_encoding={"a": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY"},
        ),
    ),
    "no row group": ("parquet", groups()),
    "empty row groups": ("parquet", groups(PLAIN.slice(0, 0), PLAIN, PLAIN.slice(0, 0))),
    "compressed buffers": ("arrow", arrow(compression="zstd")),
    "an old version": ("arrow", arrow(metadata_version=pa.ipc.MetadataVersion.V4)),
    "no batch": ("arrow", arrow(PLAIN.slice(0, 0))),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), WRITINGS.values(), ids=WRITINGS)
def test_files_written_in_odd_ways_go_through(identity, kind, data):
    for size in SIZES:
        found = READERS[kind](identity(f"in.{kind}", data, size))
        assert found.equals(READERS[kind](data))


WHOLE, SOUND = parquet(), arrow()
BROKEN = {
    "a Parquet file, cut": ("parquet", WHOLE[:-20]),
    "its first bytes": ("parquet", WHOLE[:50]),
    "its mark": ("parquet", b"PAR1"),
    "its mark twice": ("parquet", b"PAR1PAR1"),
    "a footer of other bytes": ("parquet", WHOLE[:-12] + b"\xff" * 4 + WHOLE[-8:]),
    "a footer too long": ("parquet", WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1"),
    "a page of other bytes": ("parquet", WHOLE[:4] + b"\xff" * 30 + WHOLE[34:]),
    "an encrypted one": ("parquet", WHOLE[:-4] + b"PARE"),
    "text called Parquet": ("parquet", b"a,b\n1,2\n"),
    "nothing called Parquet": ("parquet", b""),
    "an Arrow stream": ("arrow", arrow(make=pa.ipc.new_stream)),
    "an Arrow file, cut": ("arrow", SOUND[:-20]),
    "Arrow's mark": ("arrow", b"ARROW1"),
    "a batch of other bytes": ("arrow", SOUND[:300] + b"\xff" * 60 + SOUND[360:]),
    "another footer": ("arrow", SOUND[:-60] + b"\xff" * 40 + SOUND[-20:]),
    "text called Arrow": ("arrow", b"a\n1\n"),
    "nothing called Arrow": ("arrow", b""),
}


@pytest.mark.parametrize(("kind", "data"), BROKEN.values(), ids=BROKEN)
def test_broken_tables_are_refused_in_one_line(identity, kind, data):
    words = f"in.{kind}.*(is not a|row group 0: |cannot be read: )"
    with pytest.raises(InputError, match=words) as raised:
        identity(f"in.{kind}", data, None)
    assert str(raised.value).isprintable()


# The same through the command, which sends text through a pipe, too.


PIPED = [
    "CRLF",
    "newlines in quotes",
    "inches",
    "values that are not UTF-8",
    "a long field",
    "UTF-16",
]


@pytest.mark.parametrize("case", PIPED)
def test_odd_text_goes_through_a_pipe(succeed, case):
    assert succeed("--filter", "-e", "True", stdin=CSV_KEPT[case]) == CSV_KEPT[case]


@pytest.mark.parametrize("case", ["an open quote", "all bytes", "nothing"])
def test_broken_text_in_a_pipe_is_refused(fail, case):
    said = fail(1, "--filter", "-e", "True", stdin=CSV_REFUSED[case][0])
    assert "\n" not in said
    assert "standard input" in said


@pytest.mark.parametrize("case", ["a page of other bytes", "another footer", "its mark"])
def test_broken_tables_leave_the_output_alone(fail, written, case):
    kind, data = BROKEN[case]
    path, output = written(f"in.{kind}", data), written(f"out.{kind}", b"as it was")
    assert "\n" not in fail(1, "--filter", "-e", "True", path, "-o", output)
    assert output.read_bytes() == b"as it was"
    assert sorted(os.listdir(output.parent)) == [path.name, output.name]
