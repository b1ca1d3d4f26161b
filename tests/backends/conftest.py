"""No test of a backend leaves a worker behind."""

from __future__ import annotations

import pytest

from tests.backends.sessions import children


@pytest.fixture(autouse=True)
def no_worker_is_left():
    yield
    assert not children()
