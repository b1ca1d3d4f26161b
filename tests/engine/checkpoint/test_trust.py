"""A checkpoint that others could write to is refused; one that was altered does no harm."""

from __future__ import annotations

import os
import random
import shutil
import stat
from pathlib import Path

import pytest

from parapply import Job, run
from parapply.engine.checkpoint.journal import checked, read
from parapply.model.errors import ParapplyError, RowError, UsageError
from tests import damage

FUNCTIONS = """
from pathlib import Path


def scalar(row):
    if row.n == 45 and not Path("mended").exists():
        raise ValueError("not yet")
    return row.n * 2 if row.n < 50 else row.n / 2


def fields(row):
    made = scalar(row)
    return {"twice": made, **({"late": "x"} if row.n > 54 else {})}


def some(row):
    if row.n % 10 == 7 and not Path("mended").exists():
        raise ValueError(row.n)
    return [row.n]


def few(row):
    if row.n % 10 == 7:
        raise ValueError(row.n)
    return row.n
"""
JOBS = {
    "csv": {"function": "f.py:scalar", "output": "out.csv"},
    "parquet": {"function": "f.py:fields", "output": "out.parquet"},
    "jsonl": {"function": "f.py:fields", "output": "out.jsonl"},
    "folder": {"function": "f.py:scalar", "output": "out/"},
    "retried": {"function": "f.py:some", "output": "out.csv", "on_error": "skip",
                "errors_to": "out.bad.csv", "retry_failed": True},
    "filled": {"function": "f.py:some", "output": "out.parquet", "on_error": "null",
               "retry_failed": True},
    "exploded": {"function": "f.py:some", "output": "out.arrow", "explode": True,
                 "on_error": "skip", "retry_failed": True},
    "failures": {"function": "f.py:few", "output": "out.csv", "errors_to": "out.bad.csv",
                 "max_errors": 4},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("f.py").write_text(FUNCTIONS)
    Path("in.csv").write_text("n,t\n" + "".join(f"{n},t{n}\n" for n in range(60)))
    Path("outside").mkdir()
    Path("outside/file.csv").write_text("secret,1\n")
    Path("outside/other").write_text("other")
    return tmp_path


def first_run(**settings):
    """Run a job that ends with an error, or with rows that failed."""
    settings.pop("retry_failed", None)
    try:
        return run(Job(**fixed(settings)))
    except RowError:
        return None


def fixed(settings):
    known = {"inputs": "in.csv", "backend": "serial", "chunk_size": 6, "checkpoint": "kept"}
    return {**known, **settings}


def second_run(**settings):
    """Go on, the function being mended."""
    Path("mended").touch()
    wish = {"resume": "retry_failed" not in settings, **settings}
    return run(Job(**fixed(wish | ({"max_errors": 99} if "max_errors" in settings else {}))))


def outputs():
    return {
        str(path): path.read_bytes()
        for path in sorted(Path().rglob("*"))
        if path.is_file() and path.parts[0].startswith("out") and path.parts[0] != "outside"
    }


def outside():
    return {path.name: path.read_bytes() for path in Path("outside").iterdir()}


def undisturbed(**settings):
    """The outputs of a job that nobody disturbed, which are removed again."""
    first_run(**settings)
    second_run(**settings)
    found = outputs()
    forget()
    return found


def forget():
    for path in Path().glob("out*"):
        if path.name != "outside":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree("kept", ignore_errors=True)
    Path("mended").unlink(missing_ok=True)


def altered_often(name, rounds, seed):
    """Alter the checkpoint of a job in many ways, and go on with each; return what came of it."""
    settings, before, came = JOBS[name], outside(), {"same": 0, "refused": 0}
    want = undisturbed(**settings)
    first_run(**settings)
    for path in want:
        Path(path).unlink(missing_ok=True)
    shutil.copytree("kept", "template")
    for number in range(rounds):
        chance = random.Random(f"{name} {seed} {number}")
        forget()
        shutil.copytree("template", "kept")
        alter = chance.choice(damage.ALTERATIONS)
        alter(Path("kept"), chance)
        try:
            second_run(**settings)
        except ParapplyError as error:
            came["refused"] += 1
            assert "\n" not in str(error) and outputs() == {}, (number, alter, error)
        else:
            came["same"] += 1
            forged = alter is damage.alter_part  # rows of somebody's, who may as well alter inputs
            assert outputs() == want or forged, (number, alter)
            assert b"secret" not in b"".join(outputs().values()), (number, alter)
        assert outside() == before, (number, alter)
    return came


@pytest.mark.parametrize("name", JOBS)
def test_an_altered_checkpoint_gives_the_same_bytes_or_is_refused_in_one_line(folder, name):
    assert altered_often(name, 8, "same")["same"]


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_checkpoints_altered_a_thousand_times(folder, name):
    altered_often(name, int(os.environ.get("ALTERATIONS", "1000")), "more")


# The folder.


def begun():
    assert first_run(**JOBS["csv"]) is None
    return Path("kept")


def refused(match, **settings):
    with pytest.raises(UsageError, match=match) as caught:
        second_run(**{**JOBS["csv"], **settings})
    assert "\n" not in str(caught.value)


def test_nobody_else_can_read_what_is_kept(folder):
    old = os.umask(0)
    try:
        kept = begun()
    finally:
        os.umask(old)
    modes = {
        path: oct(stat.S_IMODE(path.stat().st_mode))
        for path in [kept, *kept.rglob("*")]
        if path.name != "lock"
    }
    folders = {kept, kept / "parts"}
    assert {mode for path, mode in modes.items() if path in folders} == {"0o700"}
    assert {mode for path, mode in modes.items() if path not in folders} == {"0o600"}


@pytest.mark.parametrize("place", [".", "parts"])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o702])
def test_a_folder_that_others_can_write_to_is_refused(folder, place, mode):
    (begun() / place).chmod(mode)
    refused("others can write to kept.*: chmod go-w kept")


def test_so_is_an_empty_one_and_a_link_to_it(folder):
    Path("kept").mkdir()
    Path("kept").chmod(0o777)
    Path("link").symlink_to("kept")
    for name in ("kept", "link"):
        refused(f"others can write to {name}", checkpoint=name)


def test_a_link_of_this_users_to_a_folder_of_this_users_is_followed(folder):
    begun()
    Path("link").symlink_to("kept")
    second_run(**JOBS["csv"], checkpoint="link/")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
@pytest.mark.parametrize("place", [".", "parts"])
def test_another_users_folder_is_refused(folder, place):
    os.chown(begun() / place, 65534, 65534)
    refused("belongs to another user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_link_is_refused(folder):
    begun()
    Path("link").symlink_to("kept")
    os.chown("link", 65534, 65534, follow_symlinks=False)
    refused("another user's link", checkpoint="link")


@pytest.mark.parametrize("name", ["parts", "lock", "job.json", "journal.jsonl"])
def test_nothing_in_it_may_be_a_link(folder, name):
    path = begun() / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(folder / "outside" / ("file.csv" if "j" in name else ""))
    before = outside()
    with pytest.raises(ParapplyError, match=name):
        second_run(**JOBS["csv"])
    assert outside() == before


@pytest.mark.parametrize("kind", [os.symlink, os.link])
def test_a_part_that_is_a_link_is_run_again_and_what_it_leads_to_stays(folder, kind):
    want = undisturbed(**JOBS["csv"])
    path = next(one for one in sorted((begun() / "parts").iterdir()) if one.suffix != ".made")
    shutil.move(path, "outside/part")
    before = outside()
    kind(folder / "outside" / "part", path)
    second_run(**JOBS["csv"])
    assert outputs() == want
    assert outside() == before


@pytest.mark.parametrize("name", ["../../outside/file.csv", "/etc/hostname", "..", "", "."])
@pytest.mark.parametrize("field", ["path", "aside", "files"])
def test_no_entry_names_a_file_elsewhere(folder, name, field):
    want, before = undisturbed(**JOBS["csv"]), outside()
    journal = begun() / "journal.jsonl"
    found = damage.entries(journal)
    found[2]["done"][field] = [[name, 9, "0" * 32]] if field == "files" else name
    damage.write(journal, found)
    second_run(**JOBS["csv"])
    assert outputs() == want
    assert outside() == before


def test_a_part_of_another_chunk_is_not_taken(folder):
    want = undisturbed(**JOBS["csv"])
    journal = begun() / "journal.jsonl"
    found = damage.entries(journal)
    for field in ("path", "files"):
        found[1]["done"][field] = found[2]["done"][field]
    damage.write(journal, found)
    second_run(**JOBS["csv"])
    assert outputs() == want


@pytest.mark.parametrize(
    ("field", "value"),
    [("columns", []), ("rows_out", 5), ("shape", "none"), ("causes", [["x", 1, "x", "x"]])],
)
def test_what_is_said_of_a_part_goes_with_it_alone(folder, field, value):
    want = undisturbed(**JOBS["csv"])
    journal = begun() / "journal.jsonl"
    found = damage.entries(journal)
    for entry in found:
        entry["done"][field] = value
    damage.write(journal, found)
    second_run(**JOBS["csv"])
    assert outputs() == want


def test_what_was_done_of_a_chunk_that_is_cut_meanwhile_is_taken(folder):
    number, path = (4, 0, 0), "00000004-0.77"
    entry = {"done": {"number": number, "place": (0, 24), "rows_in": 3, "rows_out": 3,
                      "columns": [], "path": path, "shape": "none", "failed": 0, "causes": [],
                      "aside": None, "files": [(path, 1, "0" * 32)]}}  # fmt: skip
    damage.write(folder / "journal", [entry])
    assert list(read(str(folder / "journal"), "x").done) == [number]
    damage.write(folder / "journal", [{"done": {**entry["done"], "number": (4, 1, 0)}}])
    assert not read(str(folder / "journal"), "x").done


def test_a_pickle_that_a_part_names_as_a_type_is_not_loaded(folder):
    """What is kept of a part, to write it anew, tells its columns' types."""
    settings = JOBS["parquet"]
    want = undisturbed(**settings)
    first_run(**settings)
    text = "pickle:Y3Bvc2l4CnN5c3RlbQooVnRvdWNoIHJhbgp0Ui4="  # touch ran
    found = damage.entries(Path("kept/journal.jsonl"))
    for entry in found:
        made = next(file for file in entry["done"]["files"] if file[0].endswith(".made"))
        content = b'{"take":null,"columns":{"twice":["%b",[1,2,3,4,5,6]]}}' % text.encode()
        Path("kept/parts", made[0]).write_bytes(content)
        damage.sign(entry["done"], made, content)
    damage.write(Path("kept/journal.jsonl"), found)
    with pytest.raises(ParapplyError, match="not what a run keeps there"):
        second_run(**settings)
    assert not Path("ran").exists()
    second_run(**settings, force=True, resume=False)
    assert outputs() == want


def test_a_checkpoint_that_cannot_be_removed_holds_up_no_other_run(folder, monkeypatch):
    """The output is there by then."""
    begun()
    remove = os.rmdir

    def refuses(path, **more):
        if str(path).endswith("parts"):
            raise PermissionError(1, "not permitted", path)
        remove(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", refuses)
        assert second_run(**JOBS["csv"]).rows_out == 60
    run(Job(**fixed(JOBS["csv"])))  # which what is left of it does not hold up
    assert not Path("kept").exists()


def test_a_huge_number_of_workers_is_no_jobs(folder):
    path = begun() / "job.json"
    text = path.read_text().partition(" ")[2]
    path.write_text(checked(text.replace('"workers": 33', '"workers": 1' + "0" * 400)))
    refused("its job.json cannot be read; --force starts afresh")
