"""The inputs: one small table in every format that is read, and files that are broken.

The same for the same seed, to the byte: both installations read copies of one folder.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from tests.compare.functions import FILES, FOLDER

ROWS, MANY = 60, 1200
_TEXTS = ("plain", "with, comma", 'a "quote"', "two\nlines", "Ägypten", " spaced ", "", "NA", "a;b")
HEADLESS = ("--no-headers",)

# Inputs, with the options without which they cannot be read as they are meant.
SOUND: Mapping[str, tuple[str, ...]] = {
    "plain.csv": (), "many.csv": (), "plain.tsv": (), "plain.jsonl": (), "array.json": (),
    "plain.parquet": (), "many.parquet": (), "plain.arrow": (), "plain.feather": (),
    "plain.arrows": (), "plain.csv.gz": (), "plain.csv.bz2": (), "plain.csv.xz": (),
    "plain.csv.zst": (), "plain.csv.zip": (), "plain.jsonl.gz": (), "many.jsonl": (),
    "hive": (), "parts": (), "parquets": (), "types.parquet": (), "nested.jsonl": (),
    "crlf.csv": (), "bom.csv": (), "no_end.csv": (), "header.csv": (), "semicolon.csv": (),
    "utf16.csv": (), "noname": ("--from", "csv"), "latin.csv": ("--encoding", "latin-1"),
    "pipes.csv": ("-d", "|", "--quote", "'"), "escaped.csv": ("--quote", "", "--escape", "\\"),
    "commented.csv": ("--comment", "#", "--skip-rows", "2"), "headless.csv": HEADLESS,
    "excel.csv": ("--dialect", "excel"), "spark.csv": ("--dialect", "spark"),
    "r.csv": ("--dialect", "r"), "postgres.csv": ("--dialect", "postgres-csv"),
    "mysql.txt": ("--from", "csv", "--dialect", "mysql", *HEADLESS),
    "decimals.csv": ("-d", ";", "--decimal", ","), "twins.csv": (), "unnamed.csv": (),
}  # fmt: skip
BROKEN = (
    "ragged.csv", "bad_utf8.csv", "cut.csv.gz", "cut.parquet", "cut.arrow", "cut.arrows",
    "not.parquet", "bad.jsonl", "quote.csv", "empty.csv", "empty.jsonl", "missing.csv",
    "empty_folder", "other_columns.csv", "unknown.xyz",
)  # fmt: skip


def prepare(folder: Path, seed: int) -> None:
    """Write all inputs, and the functions, into a folder."""
    table = frame(random.Random(seed), ROWS)
    many = frame(random.Random(seed + 1), MANY)
    text = csv_of(table)
    for files in (
        _texts(table, text), _compressed(table, text), _binary(table, many), _written_by(table),
        _broken(table, text), {"many.csv": csv_of(many).encode(), "many.jsonl": _lines(many)},
    ):  # fmt: skip
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for name in ("empty_folder", "temporary", "tmp"):
        (folder / name).mkdir()
    for name in FILES:
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    (folder / "broken.py").write_text("def double(row)\n    return row\n")
    (folder / "old.csv").write_text("what,was\nthere,before\n")


def frame(generator: random.Random, rows: int) -> pd.DataFrame:
    """Make the table: integers, odd texts, floats with gaps, truths, days, codes with zeros."""
    numbers = range(rows)
    return pd.DataFrame(
        {
            "number": list(numbers),
            "text": [generator.choice(_TEXTS) for _ in numbers],
            "share": [None if n % 7 == 3 else generator.randrange(64) / 8 for n in numbers],
            "flag": [generator.random() < 0.5 for _ in numbers],
            "day": [f"2024-0{n % 9 + 1}-11" for n in numbers],
            "code": [f"{generator.randrange(1000):03}" for _ in numbers],
        }
    )


def csv_of(table: pd.DataFrame, **settings: object) -> str:
    """Return the table as CSV; texts are quoted where they have to be."""
    return table.to_csv(index=False, **settings)


def _lines(table: pd.DataFrame) -> bytes:
    text = table.to_json(orient="records", lines=True, force_ascii=False)
    return text.encode()


def _texts(table: pd.DataFrame, text: str) -> dict[str, bytes]:
    simple = csv_of(table.assign(text="x"))
    twins = simple.replace("day,code", "text,number", 1)
    nested = [{"number": n, "text": f"t{n}", "share": [1, n, "x"][n % 3], "deep": {"k": [n]}}
              for n in range(ROWS)]  # fmt: skip
    return {
        "plain.csv": text.encode(), "noname": text.encode(),
        "plain.tsv": csv_of(table, sep="\t").encode(), "plain.jsonl": _lines(table),
        "array.json": table.to_json(orient="records", indent=1).encode(),
        "nested.jsonl": "".join(json.dumps(one) + "\n" for one in nested).encode(),
        "crlf.csv": simple.replace("\n", "\r\n").encode(), "bom.csv": text.encode("utf-8-sig"),
        "no_end.csv": simple.rstrip("\n").encode(), "header.csv": b"number,text,share\n",
        "semicolon.csv": csv_of(table, sep=";").encode(), "utf16.csv": text.encode("utf-16"),
        "latin.csv": text.encode("latin-1"), "headless.csv": simple.partition("\n")[2].encode(),
        "pipes.csv": csv_of(table, sep="|", quotechar="'").encode(),
        "escaped.csv": simple.replace(",x,", ",x\\,y,").encode(),
        "commented.csv": b"made by\nsomebody\n" + simple.replace("\n9,", "\n# no row\n9,").encode(),
        "decimals.csv": csv_of(table, sep=";", decimal=",").encode(), "twins.csv": twins.encode(),
        "unnamed.csv": simple.replace("flag,day", ",", 1).encode(),
    }  # fmt: skip


def _compressed(table: pd.DataFrame, text: str) -> dict[str, bytes]:
    raw, zipped = text.encode(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("plain.csv", (2024, 1, 1, 0, 0, 0)), raw)
    return {
        "plain.csv.gz": gzip.compress(raw, mtime=0), "plain.csv.bz2": bz2.compress(raw),
        "plain.csv.xz": lzma.compress(raw), "plain.csv.zip": zipped.getvalue(),
        "plain.csv.zst": pa.Codec("zstd").compress(raw, asbytes=True),
        "plain.jsonl.gz": gzip.compress(_lines(table), mtime=0),
    }  # fmt: skip


def _binary(table: pd.DataFrame, many: pd.DataFrame) -> dict[str, bytes]:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    halves = (arrow.slice(0, 25), arrow.slice(25))
    found = {
        "plain.parquet": _parquet(arrow, 20),
        "many.parquet": _parquet(pa.Table.from_pandas(many.set_index("code")), 500),
        "types.parquet": _parquet(_typed(table), 25),
        "plain.arrow": _ipc(pa.ipc.new_file, arrow), "plain.arrows": _ipc(pa.ipc.new_stream, arrow),
        "plain.feather": _feather(arrow),
    }  # fmt: skip
    for number, half in enumerate(halves):
        text = csv_of(half.to_pandas()).encode()
        found[f"parquets/{number}.parquet"] = _parquet(half, 10)
        found[f"parts/part-{number}.csv"] = text
        found[f"hive/place={'ab'[number]}/size={number}/1.csv"] = text
    return found


def _typed(table: pd.DataFrame) -> pa.Table:
    """The table with columns of types that CSV has not."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    day = pd.to_datetime(table["day"])
    more = {
        "when": pa.array(day, pa.timestamp("us", "Europe/Berlin")),
        "date": pa.array(day.dt.date, pa.date32()),
        "price": pa.array([Decimal(n) / 4 for n in table["number"]], pa.decimal128(9, 2)),
        "list": pa.array([[n, None] for n in table["number"]], pa.list_(pa.int16())),
        "record": pa.array([{"a": n, "b": str(n)} for n in table["number"]]),
        "map": pa.array([[("k", n)] for n in table["number"]], pa.map_(pa.string(), pa.int64())),
        "word": pa.array(table["text"]).dictionary_encode(),
        "raw": pa.array([b"\xff\x00", None] * (len(table) // 2)),
    }
    for name, column in more.items():
        arrow = arrow.append_column(name, column)
    return arrow


def _parquet(table: pa.Table, rows: int) -> bytes:
    pq.write_table(table, file := io.BytesIO(), row_group_size=rows)
    return file.getvalue()


def _feather(table: pa.Table) -> bytes:
    pyarrow.feather.write_feather(table, file := io.BytesIO(), compression="zstd")
    return file.getvalue()


def _ipc(new: Callable[..., pa.ipc.RecordBatchStreamWriter], table: pa.Table) -> bytes:
    with new(file := io.BytesIO(), table.schema) as writer:
        writer.write_table(table, max_chunksize=17)
    return file.getvalue()


def _written_by(table: pd.DataFrame) -> dict[str, bytes]:
    """As other tools write it; see the README for what each one does."""
    simple = table.assign(text="x", flag=["TRUE", "FALSE"] * (len(table) // 2))
    spark = csv_of(simple).replace(",x,", ',"say \\"so\\"",')
    return {
        "excel.csv": csv_of(simple, sep=";", decimal=",", lineterminator="\r\n").encode(),
        "spark.csv": spark.encode(), "r.csv": csv_of(simple, quoting=2, na_rep="NA").encode(),
        "postgres.csv": csv_of(simple.assign(flag="t")).encode(),
        "mysql.txt": csv_of(simple, sep="\t", na_rep="\\N", header=False).encode(),
    }  # fmt: skip


def _broken(table: pd.DataFrame, text: str) -> dict[str, bytes]:
    simple = csv_of(table.assign(text="x"))
    whole = _binary(table, table)
    found = {
        "ragged.csv": simple.replace("\n31,", "\n31,one,too,many,").replace("\n44,x,", "\n44,"),
        "bad_utf8.csv": simple.encode().replace(b"\n22,x", b"\n22,\xff\xfe"),
        "cut.csv.gz": gzip.compress(text.encode(), mtime=0)[:-200],
        "cut.parquet": whole["plain.parquet"][:-100], "cut.arrow": whole["plain.arrow"][:-150],
        "cut.arrows": whole["plain.arrows"][:-900], "not.parquet": simple,
        "bad.jsonl": _lines(table).replace(b'{"number":12,', b'{"number":12;'),
        "quote.csv": simple.replace("\n40,x", '\n40,"x'), "empty.csv": "", "empty.jsonl": "",
        "other_columns.csv": "different\n1\n2\n", "unknown.xyz": simple,
    }  # fmt: skip
    return {name: one.encode() if isinstance(one, str) else one for name, one in found.items()}
