"""Compressed files of several streams, with padding, cut off, damaged: nothing is lost unsaid."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess

import pyarrow as pa
import pytest

from parapply.model.errors import InputError
from parapply.storage.codecs import compression
from parapply.storage.codecs.reader import open_reader
from tests.processes import COMMAND

ONE, TWO = b"a,b\n1,2\n", b"3,4\n" * 20_000


def zstd(text: bytes) -> bytes:
    return pa.compress(text, codec="zstd", asbytes=True)


MAKERS = {"gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zstd": zstd}
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"  # a frame of zstd's that holds no data

one, two = ({name: make(text) for name, make in MAKERS.items()} for text in (ONE, TWO))
WHOLE = {
    **{f"{name}, one stream": (name, one[name], ONE) for name in MAKERS},
    **{f"{name}, two streams": (name, one[name] + two[name], ONE + TWO) for name in MAKERS},
    **{
        f"{name}, nothing and two": (name, make(b"") + two[name], TWO)
        for name, make in MAKERS.items()
    },
    "xz, padding between": ("xz", one["xz"] + bytes(8) + two["xz"], ONE + TWO),
    "xz, padding at the end": ("xz", one["xz"] + bytes(4), ONE),
    "xz, much padding": ("xz", one["xz"] + bytes(1 << 20) + two["xz"], ONE + TWO),
    "xz, as lzma had it": ("xz", lzma.compress(ONE, lzma.FORMAT_ALONE), ONE),
    "gzip, a tape's zeros": ("gzip", one["gzip"] + bytes(511), ONE),
    "gzip, zeros between": ("gzip", one["gzip"] + bytes(3) + two["gzip"], ONE + TWO),
    "zstd, a frame to skip": ("zstd", one["zstd"] + SKIPPED + two["zstd"], ONE + TWO),
}
DAMAGED = {
    **{f"{name}, empty": (name, b"") for name in MAKERS},
    **{f"{name}, cut": (name, two[name][:-1]) for name in MAKERS},
    **{f"{name}, its head alone": (name, two[name][:5]) for name in MAKERS},
    **{f"{name}, second cut": (name, one[name] + two[name][:-5]) for name in MAKERS},
    **{f"{name}, a byte of the second": (name, one[name] + two[name][:1]) for name in MAKERS},
    **{f"{name}, second no stream": (name, one[name] + b"?" + two[name][1:]) for name in MAKERS},
    **{f"{name}, text behind": (name, one[name] + b"3,4\n") for name in MAKERS},
    **{f"{name}, checksum": (name, two[name][:-2] + b"??") for name in MAKERS if name != "zstd"},
    **{f"{name}, zeros": (name, one[name] + bytes(4)) for name in ("bz2", "zstd")},
    "xz, odd padding": ("xz", one["xz"] + bytes(5)),
    "xz, odd padding between": ("xz", one["xz"] + bytes(3) + two["xz"]),
    "xz, text behind padding": ("xz", one["xz"] + bytes(4) + b"text"),
}  # fmt: skip


class Drops(io.BytesIO):
    """Gives few bytes at once, as a slow pipe does."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 700, 700) if size is None or size > 0 else size)


def read(codec: str, content: bytes, file: type[io.BytesIO]) -> bytes:
    reader = open_reader(file(content), "x", codec, "")
    return b"".join(iter(lambda: reader.read(1000), b""))


@pytest.mark.parametrize("case", WHOLE)
def test_all_streams_are_read(case):
    codec, content, text = WHOLE[case]
    assert read(codec, content, io.BytesIO) == text
    assert read(codec, content, Drops) == text


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_no_whole_stream_is_an_error(case):
    codec, content = DAMAGED[case]
    for file in (io.BytesIO, Drops):
        with pytest.raises(InputError, match=r"^x: cannot be decompressed: ."):
            read(codec, content, file)


def test_the_byte_after_which_nothing_can_be_read_is_named():
    with pytest.raises(InputError, match=f"what follows byte {len(one['xz']) + 4} is no whole"):
        read("xz", one["xz"] + bytes(4) + b"text", io.BytesIO)
    with pytest.raises(InputError, match=f"it ends at byte {len(one['bz2']) + 20}, in the midst"):
        read("bz2", one["bz2"] + two["bz2"][:20], io.BytesIO)


@pytest.mark.parametrize("way", ["file", "pipe"])
def test_a_run_reads_what_follows_padding(tmp_path, way):
    content = one["xz"] + bytes(4) + two["xz"]
    (tmp_path / "in.csv.xz").write_bytes(content)
    source, given = (["in.csv.xz"], None) if way == "file" else ([], content)
    done = subprocess.run(
        [*COMMAND, "--filter", "-e", "True", *source], cwd=tmp_path, capture_output=True,
        input=given, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ONE + TWO)


@pytest.mark.parametrize("codec", MAKERS)
def test_a_run_on_a_damaged_second_stream_publishes_nothing(tmp_path, codec):
    name = f"in.csv{compression.suffix_of(codec)}"
    (tmp_path / name).write_bytes(one[codec] + b"?" + two[codec][1:])
    (tmp_path / "out.csv").write_text("old\n")
    done = subprocess.run(
        [*COMMAND, "--filter", "-e", "True", name, "-o", "out.csv"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"parapply: error: {name}: cannot be decompressed: ")
    assert (tmp_path / "out.csv").read_text() == "old\n"
