"""Encodings and compression around the text itself. The oracle is Python's own codecs."""

from __future__ import annotations

import codecs
import encodings.aliases
import io

import pytest

import parapply
from parapply import Job
from parapply.model.errors import UsageError
from parapply.storage.codecs import compression
from parapply.storage.codecs.encodings import input_encoding, output_encoding
from parapply.storage.codecs.reader import open_reader

ENCODINGS = ["utf-16", "utf-32", "iso2022_jp", "hz", "shift_jis", "gb18030", "utf-16-be"]
TEXT = "a,b\n日本,x\nx,日本日本\n" * 9


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_is_encoded_as_in_one_go(monkeypatch, encoding, block):
    monkeypatch.setattr(compression, "_BUFFER_BYTES", block)
    file = io.BytesIO()
    writer = compression.open_writer(file, None, encoding)
    for line in TEXT.encode().splitlines(keepends=True):
        writer.write(line)
    writer.finish()
    assert file.getvalue() == TEXT.encode(encoding)


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-7"])
def test_encoded_files_go_through(tmp_path, encoding):
    path, output = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(TEXT.encode(encoding))
    parapply.run(Job(expression="True", filter=True, inputs=path, output=output, encoding=encoding))
    assert output.read_bytes().decode(encoding) == TEXT
    if encoding != "utf-7":
        assert output.read_bytes() == path.read_bytes()


def _is_known(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:  # of another system
        return False


NO_TABLES = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
KNOWN = sorted(filter(_is_known, {*encodings.aliases.aliases.values(), "utf_8_sig"} - NO_TABLES))
SAMPLE = "aé€Жßçﾃα日本語ёאبกåŁ😀~\\"


@pytest.mark.parametrize("name", KNOWN)
def test_every_encoding_of_text_is_written_and_read_in_pieces(monkeypatch, name):
    own = "".join(mark for mark in SAMPLE if mark.encode(name, "ignore").decode(name))
    text = "".join(f"{place},{own},x\r\n{own}\n" for place in range(9))
    monkeypatch.setattr(compression, "_BUFFER_BYTES", 7)
    file = io.BytesIO()
    writer = compression.open_writer(file, None, output_encoding(name))
    for line in text.encode().splitlines(keepends=True):
        writer.write(line)
        writer.flush()
    writer.finish()
    if name == "utf_7":  # has several ways to write a text
        assert file.getvalue().decode(name) == text
    else:
        assert file.getvalue() == text.encode(name)
    file.seek(0)
    reader = open_reader(file, "in", None, "").recoded(input_encoding(name))
    found = b"".join(iter(lambda: reader.read(5), b""))
    assert found.removeprefix(codecs.BOM_UTF8).decode() == text


@pytest.mark.parametrize("name", sorted({*NO_TABLES, "hex", "rot13", "zlib", "base64", "nosuch"}))
@pytest.mark.parametrize("proper", [input_encoding, output_encoding])
def test_what_is_no_encoding_of_text_is_refused(proper, name):
    with pytest.raises(UsageError, match=f"encoding {name}: "):
        proper(name)


@pytest.mark.parametrize("target", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_there_is_one_byte_order_mark_at_the_most(written, succeed, mark, format_, target):
    plain = {"csv": "a,é\n1,2\n", "jsonl": '{"a": 1, "é": 2}\n'}[format_]
    path = written(f"in.{format_}", mark + plain.encode())
    made = succeed("--filter", "-e", "a", "--to-encoding", target, path)
    kept = "\ufeff" if mark and target == "utf-16-le" else ""
    assert made == (kept + plain).encode(target)


def test_every_part_file_begins_with_the_mark(written, succeed, tmp_path):
    path = written("in.csv", "a\n1\n2\n3\n")
    asked = ["--to-encoding", "utf-8-sig", "--chunk-size", "1"]
    succeed("--filter", "-e", "a", *asked, path, "-o", "out/")
    parts = [part.read_bytes() for part in sorted((tmp_path / "out").iterdir())]
    assert parts == [b"\xef\xbb\xbfa\n%d\n" % number for number in (1, 2, 3)]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("target", ["iso2022_jp", "hz", "utf-7"])
def test_parts_in_an_encoding_with_states_are_joined_as_one_text(written, succeed, target, workers):
    mark = "汉" if target == "hz" else "日"
    text = "a,b\n" + "".join(f"{n},{mark}{n}\n" for n in range(300))
    asked = ["--to-encoding", target, "--chunk-size", "7", f"-j{workers}"]
    assert succeed("--filter", "-e", "True", *asked, written("in.csv", text)) == text.encode(target)


CASES = {
    "kept": ["--filter", "-e", "True"],
    "made": ["-e", "name", "--into", "made", "--select", "n"],
    "value": ["-e", "value", "-c", "name"],
    "exploded": ["--explode", "-e", "[n, name]", "--into", "made", "--select", "n",
                 "--dtype", "made=str"],
    "elsewhere": ["--filter", "-e", "True", "--to", "jsonl"],
}  # fmt: skip


@pytest.mark.parametrize("asked", list(CASES.values()), ids=list(CASES))
@pytest.mark.parametrize(("target", "mark"), [("ascii", "é"), ("latin-1", "€"), ("cp1252", "日")])
def test_what_an_encoding_has_not_is_named(written, fail, asked, target, mark):
    rows = "".join(f'{n},"{"x" if n != 70 else mark}\n,"\n' for n in range(1, 100))
    path = written("in.csv", f"n,name\n{rows}")
    words = fail(1, *asked, "--to-encoding", target, "--chunk-size", "9", path, "-o", "out.csv")
    column = "made" if "made" in asked else "name"
    assert f"row 70, column {column!r}: {mark!r} (U+{ord(mark):04X}) cannot be written" in words
    assert "--to-encoding utf-8" in words
    assert not path.with_name("out.csv").exists()


def test_a_name_that_an_encoding_has_not_is_named(written, fail):
    path = written("in.csv", "n\n")
    words = fail(1, "-e", "n", "--into", "é", "--to-encoding", "ascii", path, "-o", "out.csv")
    assert "the header, column 'é': 'é' (U+00E9)" in words


def test_what_is_said_of_bad_rows_goes_into_any_encoding(written, succeed, parapply, tmp_path):
    path = written("in.csv", "name\nané\n".encode("latin-1"))
    asked = [
        "-e",
        "int('\u20ac')",
        "--encoding",
        "latin-1",
        "--errors-to",
        "bad.csv",
        "--max-errors",
        "9",
    ]
    assert parapply(*asked, path, "-o", "out.csv").returncode == 0
    assert (
        (tmp_path / "bad.csv")
        .read_bytes()
        .startswith("name,_row,_error,_traceback\nané,1,".encode("latin-1"))
    )
    assert b"\\u20ac" in (tmp_path / "bad.csv").read_bytes()


@pytest.mark.parametrize(("name", "line"), [("ascii", 3), ("utf-16-le", 1), ("shift_jis", 3)])
def test_a_byte_that_an_encoding_has_not_is_named(written, fail, name, line):
    content = b"a\n1\n\xff\xff\n" if name != "utf-16-le" else b"\x00\xd8a\x00"
    words = fail(1, "-e", "a", "--encoding", name, written("in.csv", content))
    assert f"in.csv: line {line}: " in words
    assert "--encoding" in words
