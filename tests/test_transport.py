"""Encodings and compression around the text itself. The oracle is Python's own codecs."""

from __future__ import annotations

import io

import pytest

import parapply
from parapply import Job
from parapply.inputs import transport

ENCODINGS = ["utf-16", "utf-32", "iso2022_jp", "hz", "shift_jis", "gb18030", "utf-16-be"]
TEXT = "a,b\n日本,x\nx,日本日本\n" * 9


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_is_encoded_as_in_one_go(monkeypatch, encoding, block):
    monkeypatch.setattr(transport, "_BUFFER_BYTES", block)
    file = io.BytesIO()
    writer = transport.open_writer(file, None, encoding)
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
