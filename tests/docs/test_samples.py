"""The samples do what they say: each function over the whole table, against pandas."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import ROOT

SAMPLES = ROOT / "samples"
BIN = Path(sys.executable).parent  # not resolved: that of a virtual environment's own python
COMMAND = [sys.executable, "-m", "parapply"]
TIMEOUT_S = 60


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(SAMPLES / name)


@pytest.fixture(scope="module")
def airports() -> pd.DataFrame:
    return table("airports.csv")


@pytest.fixture(scope="module")
def penguins() -> pd.DataFrame:
    return table("penguins.csv")


@pytest.fixture
def samples(tmp_path) -> Path:
    folder = tmp_path / "parapply" / "samples"
    return Path(shutil.copytree(SAMPLES, folder, ignore=shutil.ignore_patterns("out")))


def ended_well(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def parapply(samples):
    """Run a sample function over a table; return the output file."""

    def run(function: str, name: str, *options: str) -> Path:
        arguments = [f"functions.py:{function}", name, "-o", "result.csv", *options]
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=samples,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert ended_well(done) == ""
        return samples / "result.csv"

    return run


def assert_same(output: Path, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(pd.read_csv(output), expected, check_dtype=False)


def kilometres(frame: pd.DataFrame, latitude: float, longitude: float) -> pd.Series:
    """Haversine once more, over whole columns."""
    north, other = np.radians(frame["latitude"]), np.radians(latitude)
    half_north = (north - other) / 2
    half_east = np.radians(frame["longitude"] - longitude) / 2
    half = np.sin(half_north) ** 2 + np.cos(north) * np.cos(other) * np.sin(half_east) ** 2
    return 2 * 6371.0088 * np.arcsin(np.sqrt(half))


def tidied(text: pd.Series) -> pd.Series:
    long_forms = {"AFB": "Air Force Base", "Co": "County", "Muni": "Municipal"}
    text = text.str.replace(r"\s+", " ", regex=True).str.strip()
    for short, long in {**long_forms, "Intl": "International"}.items():
        text = text.str.replace(rf"\b{short}\b", long, regex=True)
    return text


def test_distance(parapply, airports):
    expected = kilometres(airports, 40.63975111, -73.77892556).round(1)
    assert_same(parapply("distance", "airports.csv"), airports.assign(distance=expected))


def test_distance_leaves_the_other_columns_as_they_were_to_the_byte(parapply):
    lines = (SAMPLES / "airports.csv").read_bytes().splitlines()
    written = parapply("distance", "airports.csv").read_bytes().splitlines()
    assert [line.rpartition(b",")[0] for line in written] == lines


def test_distance_from_somewhere_else(parapply, airports):
    place = ["--arg", "latitude=41.979595", "--arg", "longitude=-87.90446417", "--into", "km"]
    expected = kilometres(airports, 41.979595, -87.90446417).round(1)
    assert_same(parapply("distance", "airports.csv", *place), airports.assign(km=expected))


def test_tidy(parapply, airports):
    expected = airports.assign(name=tidied(airports["name"]), city=tidied(airports["city"]))
    assert not expected.equals(airports)
    assert_same(parapply("tidy", "airports.csv", "-c", "name,city"), expected)


def test_parse(parapply, airports):
    kinds = r"\b(International|Regional|Municipal|County|Air Force Base)\b"
    kind = tidied(airports["name"]).str.extract(kinds, expand=False).str.lower()
    halves = airports["city"].str.partition("/").replace("", np.nan)
    expected = airports.assign(kind=kind, metro=halves[0], town=halves[2])
    assert_same(parapply("parse", "airports.csv"), expected)


def test_nearest_hub(parapply, airports):
    hubs = airports[airports["iata"].isin(["ATL", "DEN", "DFW", "JFK", "LAX", "ORD"])]
    km = pd.DataFrame(
        {hub.iata: kilometres(airports, hub.latitude, hub.longitude) for hub in hubs.itertuples()}
    )
    expected = airports.assign(hub=km.idxmin(axis=1), hub_km=km.min(axis=1).round(1))
    assert_same(parapply("NearestHub", "airports.csv"), expected)


def test_places(parapply, airports):
    expected = airports.assign(place=airports["city"].str.split("/")).explode("place")
    expected = expected.assign(place=expected["place"].str.strip()).query("place != ''")
    assert_same(
        parapply("places", "airports.csv", "--explode", "--into", "place"),
        expected.dropna(subset=["place"]).reset_index(drop=True),
    )


def test_measured(parapply, penguins):
    expected = penguins.dropna(subset=["bill_length_mm", "flipper_length_mm", "body_mass_g"])
    output = parapply("measured", "penguins.csv", "--filter")
    assert_same(output, expected.reset_index(drop=True))


def test_standardize(parapply, penguins):
    measured = penguins.columns[2:6]
    mean, deviation = penguins[measured].mean(), penguins[measured].std()
    expected = penguins.assign(**((penguins[measured] - mean) / deviation))
    written = pd.read_csv(parapply("standardize", "penguins.csv"))
    pd.testing.assert_frame_equal(written, expected, check_exact=False, rtol=0, atol=0.001)


def test_standardize_does_not_depend_on_where_the_table_is_cut(parapply):
    whole = parapply("standardize", "penguins.csv", "--chunk-size", "1000").read_bytes()
    assert parapply("standardize", "penguins.csv", "--chunk-size", "50").read_bytes() == whole


def test_row_functions_do_not_pay_for_pandas():
    code = "import functions, sys; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-B", "-c", code], cwd=SAMPLES, check=True, timeout=TIMEOUT_S)


def test_the_constants_are_those_of_the_table(penguins):
    place = SAMPLES / "functions.py"
    spec = importlib.util.spec_from_file_location("sample_functions", place)
    functions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(functions)
    for name, (mean, deviation) in functions.MEASURED.items():
        assert mean == round(penguins[name].mean(), 4)
        assert deviation == round(penguins[name].std(), 4)


# The Makefile.


@pytest.fixture
def make(samples):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")

    def run(*arguments: str) -> str:
        python = f"PARAPPLY={sys.executable} -m parapply"
        done = subprocess.run(
            ["make", python, *arguments],
            cwd=samples,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return ended_well(done)

    return run


def test_make_builds_everything_once(make, samples, airports, penguins):
    make("-j2")
    out = samples / "out"
    assert "Nothing to be done" in make()
    built = pd.read_parquet(out / "airports.parquet")
    assert list(built["iata"]) == list(airports["iata"])
    assert list(built.columns[-6:]) == ["distance", "hub", "hub_km", "kind", "metro", "town"]
    assert "city" not in built.columns
    expected = kilometres(airports, 40.63975111, -73.77892556).round(1)
    assert list(built["distance"]) == list(expected)

    islands = penguins.sort_values("island", kind="stable").reset_index(drop=True)
    standard = pd.read_csv(out / "penguins.csv")
    assert list(standard["body_mass_kg"].dropna()) == list(islands["body_mass_g"].dropna() / 1000)
    assert list(standard["species"]) == list(islands["species"])
    assert pd.read_csv(out / "places.csv").columns.tolist() == ["iata", "state", "place"]
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]


def test_make_builds_again_what_depends_on_a_changed_table(make, samples):
    make("out/distance.csv", "out/Dream.csv")
    os.utime(samples / "airports.csv")
    again = make("-n", "out/distance.csv", "out/Dream.csv")
    assert "functions.py:distance" in again
    assert "penguins.csv" not in again


def test_a_step_that_fails_leaves_no_target(samples):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    (samples / "functions.py").write_text("def tidy(value):\n    raise ValueError\n")
    settings = [f"PARAPPLY={sys.executable} -m parapply", "out/tidy.csv"]
    done = subprocess.run(
        ["make", *settings],
        cwd=samples,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode != 0
    assert list((samples / "out").iterdir()) == []


# The crontab.


def test_the_cron_job_says_nothing(samples, airports):
    """As cron runs it: /bin/sh, from HOME, hardly any environment."""
    home = samples.parent.parent
    (samples.parent / ".venv").mkdir()
    (samples.parent / ".venv" / "bin").symlink_to(BIN)
    lines = (samples / "crontab").read_text().splitlines()
    (line,) = [line for line in lines if line and not line.startswith("#")]
    *when, job = line.split(maxsplit=5)
    assert len(when) == 5
    assert "%" not in job, "cron would make a line end of it"
    environment = [f"HOME={home}", "LOGNAME=cron", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    done = subprocess.run(
        ["env", "-i", *environment, "/bin/sh", "-c", job],
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert ended_well(done) == ""
    assert len(pd.read_csv(samples / "out" / "distance.csv")) == len(airports)
