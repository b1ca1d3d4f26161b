"""Functions for the tables in this folder, one of each kind that parapply runs.

A row is given as a mapping from column names to Python values; a missing value is None.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Every worker imports this file. pandas takes longer to import than most of these functions take
# for a whole table, and parapply needs only the text of the annotation "pandas.DataFrame" to know
# that a function wants frames. A function that uses pandas itself imports it in its body.
if TYPE_CHECKING:
    import pandas

    import parapply

EARTH_RADIUS_KM = 6371.0088
JFK = (40.63975111, -73.77892556)
HUBS = ("ATL", "DEN", "DFW", "JFK", "LAX", "ORD")
LONG_FORMS = {"AFB": "Air Force Base", "Co": "County", "Intl": "International", "Muni": "Municipal"}
KINDS = re.compile(r"\b(International|Regional|Municipal|County|Air Force Base)\b")
# Mean and standard deviation over the whole table. A chunk is only a part of it: with the mean of
# each chunk instead, the results would depend on where the table was cut.
MEASURED = {
    "bill_length_mm": (43.9219, 5.4596),
    "bill_depth_mm": (17.1512, 1.9748),
    "flipper_length_mm": (200.9152, 14.0617),
    "body_mass_g": (4201.7544, 801.9545),
}


def haversine_km(latitude: float, longitude: float, place: tuple[float, float]) -> float:
    """Return the distance on the globe between two places given in degrees."""
    north, other_north = math.radians(latitude), math.radians(place[0])
    east = math.radians(longitude - place[1])
    half = math.sin((north - other_north) / 2) ** 2
    half += math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


def distance(row: Mapping[str, Any], latitude: float = JFK[0], longitude: float = JFK[1]) -> float:
    """Row -> one number: the kilometres from JFK, or from a place given with --arg."""
    return round(haversine_km(row["latitude"], row["longitude"], (latitude, longitude)), 1)


def tidy(value: str | None) -> str | None:
    """Value -> text: single spaces, and the usual abbreviations written out."""
    if value is None:
        return None
    return re.sub(r"\w+", lambda word: LONG_FORMS.get(word[0], word[0]), " ".join(value.split()))


def parse(row: Mapping[str, Any]) -> dict[str, Any]:
    """Row -> several columns: what kind of airport it is, and the two halves of "metro/town"."""
    kind = KINDS.search(tidy(row["name"]) or "")
    metro, _, town = (row["city"] or "").partition("/")
    return {"kind": kind and kind[0].lower(), "metro": metro or None, "town": town or None}


def measured(row: Mapping[str, Any]) -> bool:
    """Row -> keep it? (--filter): only penguins of which everything was measured."""
    return all(row[name] is not None for name in MEASURED)


def places(row: Mapping[str, Any]) -> list[str]:
    """Row -> rows (--explode): one for each place that an airport serves, none for no city."""
    return [place.strip() for place in (row["city"] or "").split("/") if place.strip()]


def standardize(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Chunk -> chunk: each measurement as standard deviations from the mean."""
    for name, (mean, deviation) in MEASURED.items():
        frame[name] = ((frame[name] - mean) / deviation).round(3)
    return frame


def heaviest(group: parapply.Group) -> dict[str, Any]:
    """A group of rows -> a dict: the sex and the mass of the heaviest of them."""
    masses = [mass or 0 for mass in group["body_mass_g"]]
    place = masses.index(max(masses))
    return {"heaviest": group["sex"][place], "grams": masses[place]}


class NearestHub:
    """Row -> two columns, by a table that is read once a worker and not once a row."""

    def __init__(self, hubs: str = ",".join(HUBS)) -> None:
        wanted = hubs.split(",")
        with open(Path(__file__).with_name("airports.csv"), newline="", encoding="utf-8") as file:
            self.hubs = [
                (row["iata"], (float(row["latitude"]), float(row["longitude"])))
                for row in csv.DictReader(file)
                if row["iata"] in wanted
            ]

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        latitude, longitude = row["latitude"], row["longitude"]
        km, hub = min((haversine_km(latitude, longitude, place), hub) for hub, place in self.hubs)
        return {"hub": hub, "hub_km": round(km, 1)}
