"""Arrow streams, zip archives of one file, and files that are not what they are called."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from tests.processes import COMMAND

TABLE = pa.table({"n": [1, 2, None, 4], "text": ["a", None, "c", "a"]})
TASK = ["-e", "n and n * 2", "--into", "m"]
MADE = [2, 4, None, 8]


def run(folder, *words, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *TASK, *words], cwd=folder, capture_output=True, timeout=60, input=given or b"",
    )  # fmt: skip


def stream(batches: list[pa.RecordBatch]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def read(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()


def test_a_stream_on_standard_input_goes_on_as_one(tmp_path):
    done = run(tmp_path, given=stream(TABLE.to_batches(max_chunksize=1)))
    assert (done.returncode, done.stderr) == (0, b"")
    assert read(done.stdout).equals(TABLE.append_column("m", pa.array(MADE)))


def test_a_stream_is_read_from_and_written_to_a_file(tmp_path):
    (tmp_path / "in.arrows").write_bytes(stream(TABLE.to_batches()))
    assert run(tmp_path, "in.arrows", "-o", "out.arrows").returncode == 0
    assert read((tmp_path / "out.arrows").read_bytes()).column("m").to_pylist() == MADE
    assert run(tmp_path, "in.arrows", "in.arrows", "-o", "out.arrow", "-j", "2").returncode == 0
    assert pa.ipc.open_file(tmp_path / "out.arrow").read_all().column("m").to_pylist() == 2 * MADE


@pytest.mark.parametrize("size", [3, 200])
def test_dictionaries_may_change_between_batches(tmp_path, size):
    """A stream may replace a dictionary, which a file may not."""
    names = [[f"{batch * step}" for step in range(size)] for batch in range(3)]
    batches = [
        pa.record_batch({
            "n": list(range(size)),
            "d": pa.DictionaryArray.from_arrays(pa.array(range(size), pa.uint8()), values),
        }) for values in names
    ]  # fmt: skip
    done = run(tmp_path, given=stream(batches))
    if size * 3 - 2 > 256:
        assert done.returncode == 1
        assert b"column 'd' has 399 different values over all batches" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    table = read(done.stdout)
    assert table.schema.field("d").type == pa.dictionary(pa.uint8(), pa.string())
    assert table.column("d").to_pylist() == [name for some in names for name in some]


@pytest.mark.parametrize("kept", [0, 3, 100, -9])
def test_a_stream_that_ends_early_is_an_error(tmp_path, kept):
    content = stream(TABLE.to_batches() * 3)
    (tmp_path / "in.arrows").write_bytes(content[:kept])
    done = run(tmp_path, "in.arrows", "-o", "out.csv")
    assert done.returncode == 1
    assert done.stderr.startswith(b"parapply: error: in.arrows is not a whole Arrow stream: ")
    assert not (tmp_path / "out.csv").exists()


def archive(path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)


@pytest.mark.parametrize("name", ["in.csv.zip", "in.zip"])
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_a_zip_archive_of_one_file_is_read(tmp_path, name, way):
    inner = {"folder/": b"", "folder/data.csv": b"n,t\n1,x\n2,007\n", "__MACOSX/._data.csv": b"?"}
    archive(tmp_path / name, inner)
    given = (tmp_path / name).read_bytes() if way == "pipe" else None
    done = run(tmp_path, *([name] if way == "file" else []), given=given)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"n,t,m\n1,x,2\n2,007,4\n"


def test_a_zip_archive_says_the_format_of_what_is_in_it(tmp_path):
    archive(tmp_path / "in.zip", {"data.jsonl": b'{"n": 1}\n'})
    assert run(tmp_path, "in.zip").stdout == b'{"n": 1, "m": 2}\n'
    pd.DataFrame({"n": [1, 2]}).to_parquet(tmp_path / "in.parquet")
    archive(tmp_path / "in.zip", {"data.parquet": (tmp_path / "in.parquet").read_bytes()})
    assert run(tmp_path, "in.zip").stdout == b"n,m\n1,2\n2,4\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "a zip archive of 0 files, not one"),
        ({"a.csv": b"n\n", "b.csv": b"n\n"}, "2 files, not one (a.csv, b.csv); unzip -p ARCHIVE"),
        ({f"{n}.csv": b"n\n" for n in range(9)}, "(0.csv, 1.csv, 2.csv and 6 more)"),
    ],
)
def test_other_zip_archives_are_one_line(tmp_path, files, message):
    archive(tmp_path / "in.zip", files)
    done = run(tmp_path, "in.zip", "--from", "csv", "-o", "out.csv")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("parapply: error: in.zip: cannot be decompressed: it is a zip")
    assert message in line


def test_a_zip_archive_that_is_cut_is_one_line(tmp_path):
    archive(tmp_path / "whole.zip", {"a.csv": b"n\n1\n"})
    (tmp_path / "in.csv.zip").write_bytes((tmp_path / "whole.zip").read_bytes()[:-4])
    done = run(tmp_path, "in.csv.zip")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_zip_is_not_written(tmp_path):
    (tmp_path / "in.csv").write_text("n\n1\n")
    done = run(tmp_path, "in.csv", "-o", "out.csv.zip")
    assert done.returncode == 2
    assert b"out.csv.zip: zip is only read; take .gz or .zst" in done.stderr


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_unknown_formats_say_which_are_known(tmp_path, option):
    done = run(tmp_path, option, "xlsx")
    assert done.returncode == 2
    formats = "csv, tsv, jsonl, parquet, arrow, arrows"
    assert f"error: {option} xlsx: there are: {formats}".encode() in done.stderr


FOREIGN = {
    "parquet": "PAR1\x15\0rest",
    "arrow": "ARROW1\0\0rest",
    "an Avro file": "Obj\x01rest",
    "an SQLite database": "SQLite format 3\0",
    "compressed with lz4": "\x04\x22\x4d\x18rest",
    "an Excel workbook": "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a pickle": "\x80\x04\x95rest",
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_what_is_no_text_is_not_read_as_text(tmp_path, kind, way):
    (tmp_path / "in.csv").write_bytes(FOREIGN[kind].encode("latin-1"))
    given = (tmp_path / "in.csv").read_bytes() if way == "pipe" else None
    named = ["in.csv"] if way == "file" else ["--from", "csv"]
    done = run(tmp_path, *named, given=given)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert f"is {kind}" in line


@pytest.mark.parametrize("name", ["PAR1,a", "ARROW,b", "ORC", "Obj", "LZIP"])
def test_a_header_may_look_like_the_beginning_of_other_files(tmp_path, name):
    (tmp_path / "in.csv").write_text(f"n,{name}\n1,2\n"[2:] if "," in name else f"{name},n\n2,1\n")
    done = subprocess.run(
        [*COMMAND, "--filter", "-e", "True", "in.csv"], cwd=tmp_path, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, (tmp_path / "in.csv").read_bytes())


def test_the_arrow_library_of_others_reads_the_stream(tmp_path):
    script = "import sys, polars; print(polars.read_ipc_stream(sys.stdin.buffer)['m'].to_list())"
    made = run(tmp_path, given=stream(TABLE.to_batches())).stdout
    done = subprocess.run([sys.executable, "-c", script], input=made, capture_output=True)
    assert done.stdout.decode().strip() == str(MADE), done.stderr
