"""What libraries wrap, as plain Python values. Runs in the worker."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

import numpy as np

PLAIN = {type(None), bool, int, float, str, bytes, list, dict, tuple, dt.datetime, dt.date}


def plain(value: Any) -> Any:
    """Turn what libraries wrap (numpy scalars, NaT, NA, enums) into the plain value inside."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, (np.datetime64, np.timedelta64)):
        unit = "D" if value.dtype.name.endswith("[D]") else "us"
        return value.astype(f"{value.dtype.kind}8[{unit}]").item()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value
