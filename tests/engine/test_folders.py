"""Folders in and out, and some rows instead of all: through the command, on real files."""

from types import SimpleNamespace

import pandas as pd
import pandas.testing as pdt
import pytest

from parapply import Job, run
from parapply.engine.sinks import FolderSink
from parapply.formats.jsonl import head
from parapply.model.errors import InputError, UsageError
from parapply.model.outcome import PartFile
from parapply.storage.atomic.output import Output


@pytest.fixture
def frame():
    return pd.DataFrame({"n": range(1000), "text": [f"t{i % 7}" for i in range(1000)]})


@pytest.fixture
def table(tmp_path, frame):
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def doubled(frame):
    return frame.assign(result=frame["n"] * 2.5)


def test_types_that_change_late_are_those_of_every_part_file(tmp_path, table):
    out = tmp_path / "out"
    run(Job(expression="n if n < 900 else 0.5", inputs=table, output=f"{out}/", chunk_size=100))
    first = (out / "part-00000.csv").read_text().splitlines()
    assert first[1] == "0,t0,0.0"


class Plain:
    """A format whose files say which columns they were begun with."""

    suffix = ".txt"

    def joiner(self):
        return self

    def begin(self, file, arrangement, types):
        file.write(" ".join(types).encode())

    def append(self, part):
        pass

    def finish(self):
        pass


def test_what_a_worker_still_writes_with_types_of_before_is_none_of_the_output(tmp_path):
    asked, target = [], Plain()
    with Output(f"{tmp_path}/out/") as output:
        sink = FolderSink(output, target, asked.append)
        for types in (["int"], ["float"]):
            sink.begin((), types)
            sink.append(SimpleNamespace(number=(0,), part=PartFile("a part")), drop=False)
        late, last = asked
        sink.done(late)
        assert sink.waiting
        last.run(target)
        late.run(target)
        sink.done(last)
        assert not sink.waiting
        output.prepare()
        output.publish()
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["float"]


def test_an_old_folder_of_parts_is_replaced_as_a_whole(tmp_path, table):
    out = tmp_path / "out"
    run(Job(expression="n", inputs=table, output=f"{out}/", chunk_size=10))
    run(Job(expression="n", inputs=table, output=f"{out}/", chunk_size=500))
    assert len(list(out.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_with_anything_else_in_it_is_not_touched(tmp_path, table):
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious.txt").write_text("keep me")
    with pytest.raises(UsageError, match=r"precious\.txt"):
        run(Job(expression="n", inputs=table, output=f"{out}/"))
    assert (out / "precious.txt").read_text() == "keep me"


def test_a_failure_leaves_the_old_folder_and_no_litter(tmp_path, table):
    out = tmp_path / "out"
    run(Job(expression="n", inputs=table, output=f"{out}/", chunk_size=500))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(Exception, match="division"):
        run(Job(expression="1 / (n - 700)", inputs=table, output=f"{out}/"))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "table.csv"]


def test_no_rows_are_one_file_with_a_header(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n")
    run(Job(expression="a", inputs=str(tmp_path / "table.csv"), output=f"{tmp_path}/out/"))
    assert (tmp_path / "out" / "part-00000.csv").read_text() == "a,b,result\n"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_files_of_a_folder_are_one_table(tmp_path, frame, suffix):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, start in enumerate(range(0, 1000, 400)):
        part = frame.iloc[start : start + 400]
        path = folder / f"part-{number}.{suffix}"
        part.to_csv(path, index=False) if suffix == "csv" else part.to_parquet(path, index=False)
    (folder / "_SUCCESS").write_text("")
    run(Job(expression="n * 2.5", inputs=str(folder), output=str(tmp_path / "out.csv")))
    pdt.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), doubled(frame), check_dtype=False)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_names_of_hive_folders_are_columns(tmp_path, frame, suffix):
    rows = []
    for year in (2023, 2024):
        for place in ("a b", "c"):
            folder = tmp_path / "in" / f"year={year}" / f"place={place.replace(' ', '%20')}"
            folder.mkdir(parents=True)
            part = frame.iloc[:3]
            path = folder / f"x.{suffix}"
            part.to_csv(path, index=False) if suffix == "csv" else part.to_parquet(path)
            rows.append(part.assign(year=year, place=place, result=year + part["n"]))
    run(Job(expression="year + n", inputs=str(tmp_path / "in"), output=str(tmp_path / "o.parquet")))
    found = pd.read_parquet(tmp_path / "o.parquet").reset_index(drop=True)
    pdt.assert_frame_equal(found, pd.concat(rows, ignore_index=True), check_dtype=False)


def hive(root, **columns):
    """Make a folder for each value of some columns, with one file of one row; return the root."""
    for values in zip(*columns.values(), strict=True):
        folders = [f"{name}={value}" for name, value in zip(columns, values, strict=True)]
        folder = root.joinpath(*folders)
        folder.mkdir(parents=True)
        (folder / "x.csv").write_text("n\n1\n")
    return root


MISSING = "__HIVE_DEFAULT_PARTITION__"


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        (["False", "true"], [False, True]),
        (["1.50", "2"], [1.5, 2.0]),
        (["007", "8"], ["007", "8"]),
        (["9223372036854775807", MISSING], [2**63 - 1, None]),
        (["1", "9223372036854775808"], [1, 2**63]),
        (["-1", "9223372036854775808"], ["-1", "9223372036854775808"]),
        (["DE", "NA"], ["DE", "NA"]),
        (["a%20%2F", "b"], ["a /", "b"]),
        (["%ff", "x"], ["%ff", "x"]),
        ([" 1", "true"], [" 1", "true"]),
    ],
    ids=str,
)
def test_the_names_of_folders_have_types_like_columns(tmp_path, values, seen):
    folder = hive(tmp_path / "in", k=values)
    run(Job(expression="repr(k)", only=True, inputs=folder, output=tmp_path / "o.csv"))
    found = pd.read_csv(tmp_path / "o.csv", dtype=str, na_filter=False)
    assert found["result"].tolist() == [repr(value) for value in seen]


def test_the_names_of_folders_go_into_text_as_they_stand(tmp_path):
    folder = hive(tmp_path / "in", b=["false", "true"], x=["1.50", "2"])
    run(Job(expression="b", filter=True, inputs=folder, output=tmp_path / "o.csv"))
    assert (tmp_path / "o.csv").read_text() == "n,b,x\n1,true,2\n"


def test_the_names_of_folders_have_the_types_that_are_asked_for(tmp_path):
    folder = hive(tmp_path / "in", b=["no", "yes"], k=["007", "8"])
    settings = {"expression": "repr([b, k])", "only": True, "inputs": folder}
    run(Job(**settings, dtypes={"b": "bool", "k": "int"}, output=tmp_path / "o.csv"))
    assert pd.read_csv(tmp_path / "o.csv")["result"].tolist() == ["[False, 7]", "[True, 8]"]
    with pytest.raises(InputError, match=r"b=no.*, column 'b': 'no'.* --dtype asks for"):
        run(Job(**settings, dtypes={"b": "int"}, output=tmp_path / "o.csv"))


def keyed(root, key, frame, suffix):
    """Write a file into a folder of a key's name."""
    path = root / f"k={key}" / f"x.{suffix}"
    path.parent.mkdir(parents=True)
    if suffix.startswith("csv"):
        frame.to_csv(path, index=False)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path, index=False)
    return path


FORMATS = ["csv", "csv.gz", "jsonl", "parquet"]
HOWS = {
    "rows": {"expression": "n", "into": ("r",)},
    "chunks": {"expression": "df.n", "into": ("r",)},
    "a filter": {"expression": "n > 0", "filter": True},
    "tolerant": {"expression": "n", "into": ("r",), "on_error": "skip"},
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_that_a_folder_is_named_otherwise_is_an_error(tmp_path, suffix, how):
    keyed(tmp_path / "in", 2024, pd.DataFrame({"n": [1, 2, 3], "k": [2024, 2024, 2023]}), suffix)
    said = rf"k=2024/x.{suffix}: row 3, column 'k': '2023' in the file, but '2024' in its folder"
    job = {"inputs": tmp_path / "in", "output": tmp_path / f"o.{suffix}", "chunk_size": 2}
    with pytest.raises(InputError, match=said + ".*--drop k .*name the files"):
        run(Job(**job, **HOWS[how]))
    assert not (tmp_path / f"o.{suffix}").exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_ways_out_are_to_drop_it_and_to_name_the_files(tmp_path, suffix):
    frame = pd.DataFrame({"n": [1, 2], "k": [5, 6]})
    path = keyed(tmp_path / "in", 7, frame, suffix)
    job = {"expression": "n", "into": ("r",), "output": tmp_path / "o.parquet"}
    run(Job(**job, inputs=tmp_path / "in", drop=("k",)))
    assert pd.read_parquet(tmp_path / "o.parquet").columns.tolist() == ["n", "r"]
    run(Job(**job, inputs=path))
    assert pd.read_parquet(tmp_path / "o.parquet")["k"].tolist() == [5, 6]
    with pytest.raises(InputError, match="in its folder's name"):
        run(Job(**{**job, "expression": "k"}, inputs=tmp_path / "in", drop=("k",)))


@pytest.mark.parametrize(
    ("key", "values"),
    [("02", [2]), ("1.50", [1.5]), ("a%20b", ["a b"]), (MISSING, [None]), ("x", ["x"])],
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_that_is_as_the_folder_says_goes_through(tmp_path, suffix, key, values):
    path = keyed(tmp_path / "in", key, pd.DataFrame({"k": values, "n": [1]}), suffix)
    out = tmp_path / f"o.{suffix}"
    run(Job(expression="n > 0", filter=True, inputs=tmp_path / "in", output=out))
    if suffix in ("csv", "jsonl"):
        assert out.read_bytes() == path.read_bytes()
    else:
        read = pd.read_parquet if suffix == "parquet" else pd.read_csv
        pdt.assert_frame_equal(read(out), read(path))


@pytest.mark.parametrize("headers", [True, False])
def test_rows_of_csv_keep_their_bytes_before_what_their_folders_say(tmp_path, headers):
    texts = {"k=a%3Bb": 'x;y\n1.10;"a"\r\n', "k=2": 'x;y\n007;"b"'}
    for folder, text in texts.items():
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "1.csv").write_bytes(text.encode())
    job = {"expression": "1", "inputs": tmp_path / "in", "output": tmp_path / "o.csv"}
    run(Job(**job, delimiter=";", no_headers=not headers))
    rows = b'007;"b";2;1\n', b'1.10;"a";"a;b";1\r\n'
    wanted = [b"x;y;k;result\n", *rows]
    if not headers:
        wanted = [b"x;y;2;1\n", rows[0], b'x;y;"a;b";1\n', rows[1]]
    assert (tmp_path / "o.csv").read_bytes() == b"".join(wanted)


def test_rows_that_cannot_be_read_do_not_keep_folders_from_being_compared(tmp_path):
    path = keyed(tmp_path / "in", 7, pd.DataFrame({"k": [7], "n": [1]}), "csv")
    path.write_text("k,n\n7,1\n7\n7,3\n")
    job = {"expression": "n", "on_error": "skip", "output": tmp_path / "o.csv"}
    assert run(Job(**job, inputs=tmp_path / "in")).failed == 1
    path.write_text("k,n\n7,1\n7\n8,3\n")
    with pytest.raises(InputError, match="row 3, column 'k'"):
        run(Job(**job, inputs=tmp_path / "in"))


def test_a_key_that_lines_have_late_is_compared_with_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(head, "HEAD_BYTES", 10)
    path = keyed(tmp_path / "in", 7, pd.DataFrame({"n": [1]}), "jsonl")
    for line, fits in (('{"n":2,"k":8}', False), ('{"n":2}', True)):
        path.write_text(f'{{"n":1}}\n{line}\n')
        job = Job(expression="n", inputs=tmp_path / "in", output=tmp_path / "o.jsonl")
        if fits:
            run(job)
        else:
            with pytest.raises(InputError, match="row 1, column 'k': nothing in the file"):
                run(job)


def test_an_empty_folder_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match="without a file"):
        run(Job(expression="n", inputs=str(tmp_path / "in"), output=str(tmp_path / "out.csv")))


@pytest.mark.parametrize("rows", [0, 1, 7, 1000, 5000])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_head_is_the_first_rows_of_the_input(tmp_path, table, frame, rows, suffix):
    source = table
    if suffix == "parquet":
        source = tmp_path / "table.parquet"
        frame.to_parquet(source, index=False, row_group_size=64)
    out = tmp_path / "out.csv"
    report = run(Job(expression="n * 2.5", inputs=str(source), output=str(out), head=rows))
    pdt.assert_frame_equal(pd.read_csv(out), doubled(frame).head(rows), check_dtype=False)
    assert report.rows_in == min(rows, 1000)


def test_head_of_a_pipe_does_not_read_it_to_its_end(succeed, frame):
    text = frame.to_csv(index=False)
    lines = succeed("-e", "n", "--head", "3", stdin=text.encode()).splitlines()
    assert lines == [b"n,text,result", b"0,t0,0", b"1,t1,1", b"2,t2,2"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_sample_does_not_depend_on_chunks_or_workers(tmp_path, table, frame, suffix):
    source = table
    if suffix == "parquet":
        source = tmp_path / "table.parquet"
        frame.to_parquet(source, index=False)
    found = set()
    for size in (None, 1, 33):
        out = tmp_path / "out.csv"
        job = Job(expression="n", inputs=str(source), output=str(out), sample=50, chunk_size=size)
        run(job)
        found.add(out.read_bytes())
    rows = pd.read_csv(out)
    assert len(found) == 1
    assert len(rows) == 50
    assert rows["n"].is_monotonic_increasing
    assert rows["n"].is_unique
    assert (rows["result"] == rows["n"]).all()


def test_another_seed_is_another_sample(tmp_path, table):
    out, samples = tmp_path / "out.csv", set()
    for seed in range(3):
        run(Job(expression="n", inputs=str(table), output=str(out), sample=20, seed=seed))
        samples.add(out.read_text())
    assert len(samples) == 3


def test_an_error_in_a_sample_names_the_row_of_the_input(tmp_path, table):
    job = Job(
        expression="1 / 0 if n > 500 else n", inputs=str(table), output=str(tmp_path / "o.csv"),
        sample=100,
    )  # fmt: skip
    with pytest.raises(Exception, match=r"row \d+") as raised:
        run(job)
    row = int(str(raised.value).split("row ")[1].split(":")[0])
    assert f"n={row - 1}]" in str(raised.value)


def test_a_sample_of_a_pipe_is_refused(fail, frame):
    assert "all rows" in fail(2, "-e", "n", "--sample", "3", stdin=frame.to_csv().encode())
