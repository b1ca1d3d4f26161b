"""Large parts are copied into the output by workers, each to its place."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pandas as pd
import pytest

import parapply
from parapply import Job
from parapply.engine import sinks
from parapply.engine.sinks import FileSink
from parapply.execute import rewrites
from parapply.execute.rewrites import Copy
from parapply.formats.csv.dialect import Dialect
from parapply.formats.csv.target import CsvTarget
from parapply.formats.nouns import New, Writing
from parapply.model.errors import OutputError
from parapply.model.outcome import Outcome
from parapply.storage.atomic.output import Output

ROWS = 30_000


@pytest.fixture
def source(tmp_path):
    frame = pd.DataFrame({"n": range(ROWS), "text": [f"value {n} " * 3 for n in range(ROWS)]})
    frame.to_csv(tmp_path / "in.csv", index=False)
    return tmp_path / "in.csv"


def run(source, expression="n * 2", **job):
    output = source.with_name("out.csv")
    job = {"into": "made", "workers": 3, "chunk_size": 7000, "start_method": "fork", **job}
    parapply.run(Job(expression=expression, inputs=source, output=output, **job))
    return output


def expected(source, made):
    return pd.read_csv(source).assign(made=made).to_csv(index=False).encode()


@pytest.fixture
def copies(monkeypatch, tmp_path):
    """What is copied by workers: the sizes, in any order."""
    known = rewrites.copy

    def noting(part, start, size, file):
        with open(tmp_path / "copies", "a") as notes:
            notes.write(f"{size}\n")
        known(part, start, size, file)

    monkeypatch.setattr(rewrites, "copy", noting)
    return lambda: sorted(map(int, (tmp_path / "copies").read_text().split()))


@pytest.mark.parametrize("backend", ["processes", "threads", "serial"])
def test_workers_copy_what_is_large(source, copies, backend):
    output = run(source, backend=backend)
    data = output.read_bytes()
    assert data == expected(source, [n * 2 for n in range(ROWS)])
    assert len(copies()) == 4  # the last part is small
    assert min(copies()) >= sinks._LARGE
    assert sum(copies()) < len(data)
    assert os.listdir(source.parent).count("out.csv") == 1


def test_an_output_that_is_begun_anew_has_nothing_of_the_one_before(source):
    output = run(source, "n if n < 25_000 else n / 4", chunk_size=5000)
    assert output.read_bytes() == expected(
        source, [float(n) if n < 25_000 else n / 4 for n in range(ROWS)]
    )


def test_a_worker_that_dies_of_copying_is_replaced_and_the_part_copied(
    source, monkeypatch, tmp_path
):
    known = rewrites.copy

    def deadly(part, start, size, file):
        known(part, start, size // 2, file)
        try:
            os.close(os.open(tmp_path / "died", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            known(part, start + size // 2, size - size // 2, file)
            return
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(rewrites, "copy", deadly)
    output = run(source)
    assert (tmp_path / "died").exists()
    assert output.read_bytes() == expected(source, [n * 2 for n in range(ROWS)])


def test_a_disk_that_is_full_as_a_part_is_copied_ends_the_run(source, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source.with_name("out.csv").write_text("old\n")
    monkeypatch.setattr(rewrites, "copy", full)
    with pytest.raises(OutputError, match=r"out\.csv: cannot write in .*: No space left on device"):
        run(source)
    assert source.with_name("out.csv").read_text() == "old\n"
    assert sorted(os.listdir(source.parent)) == ["in.csv", "out.csv"]


@pytest.fixture
def sink(tmp_path, monkeypatch):
    """A sink for a file, what it asks workers for, and how parts for it are made."""
    monkeypatch.setattr(sinks, "_LARGE", 10)
    asked = []

    def part(number, data):
        path = tmp_path / f"part{number}"
        path.write_bytes(data)
        return Outcome((number,), 1, 1, (), str(path), "scalar")

    with Output(str(tmp_path / "out.csv")) as output:
        target = CsvTarget(Dialect(ord(",")), (), writing=Writing())
        yield FileSink(output, target, asked.append), asked, part, output, target


def test_a_copy_for_an_output_that_was_begun_before_does_no_harm(sink):
    sink, asked, part, output, target = sink
    sink.begin((New("made"),), ())
    sink.append(part(0, b"x" * 20), drop=False)
    sink.append(part(1, b"short"), drop=True)
    assert sink.waiting
    sink.begin((New("made"),), ())
    assert not sink.waiting
    sink.append(part(0, b"y" * 20), drop=True)
    old, new = asked
    old.run(target)
    sink.done(old)
    assert sink.waiting
    new.run(target)
    sink.done(new)
    assert not sink.waiting
    assert not os.path.exists(new.source)
    sink.close()
    output.file.flush()
    assert Path(output.parts).read_bytes() == b"made\n" + b"y" * 20


def test_parts_stand_in_their_order_whoever_copies_first(sink):
    sink, asked, part, output, target = sink
    sink.begin((New("made"),), ())
    for number, data in enumerate([b"a" * 30, b"b", b"c" * 40, b"d" * 11, b"e"]):
        sink.append(part(number, data), drop=True)
    for copy in reversed(asked):
        copy.run(target)
        copy.run(target)  # a worker may die right after it
        sink.done(copy)
    sink.close()
    output.file.flush()
    whole = b"made\n" + b"a" * 30 + b"b" + b"c" * 40 + b"d" * 11 + b"e"
    assert Path(output.parts).read_bytes() == whole


def test_a_part_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(FileNotFoundError):
        Copy((0,), str(tmp_path / "part"), str(tmp_path / "out"), 0, 5, True).run(None)


def test_a_copy_for_an_output_that_was_begun_before_may_miss_its_part(sink):
    sink, asked, part, _output, target = sink
    sink.begin((New("made"),), ())
    sink.append(part(0, b"x" * 20), drop=True)
    (copy,) = asked
    os.unlink(copy.source)
    with pytest.raises(FileNotFoundError):  # the output is there: its part has to be
        copy.run(target)
    sink.begin((New("made"),), ())
    copy.run(target)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSOCK, errno.EOPNOTSUPP])
@pytest.mark.parametrize("before", [0, 1000])
def test_what_the_kernel_does_not_copy_is_copied_all_the_same(source, monkeypatch, number, before):
    known, said = os.sendfile, []

    def refuse(out, into, start, size):
        if before and not said:
            said.append(out)
            return known(out, into, start, min(size, before))
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "sendfile", refuse)
    output = run(source, backend="serial")
    assert output.read_bytes() == expected(source, [n * 2 for n in range(ROWS)])
    assert bool(said) == bool(before)


def test_without_a_kernel_that_copies(source, monkeypatch):
    monkeypatch.delattr(os, "sendfile")
    assert run(source).read_bytes() == expected(source, [n * 2 for n in range(ROWS)])


def test_an_output_whose_columns_change_all_the_time_is_begun_a_few_times(tmp_path, monkeypatch):
    begun, known = [], Output.open

    def noting(output):
        begun.append(output.parts)
        return known(output)

    monkeypatch.setattr(Output, "open", noting)
    source = tmp_path / "in.csv"
    pd.DataFrame({"n": range(120)}).to_csv(source, index=False)
    output = run(source, '{f"k{n}": 1}', into=(), only=True, chunk_size=1, backend="serial")
    assert len(begun) <= 9
    table = pd.read_csv(output)
    assert list(table.columns) == [f"k{n}" for n in range(120)]
    assert table.notna().sum().sum() == 120
    assert all(table.loc[n, f"k{n}"] == 1 for n in range(120))
