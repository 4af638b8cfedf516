"""The child processes of these tests import the models of `harness.tiny_models`."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[3] / "tests"


@pytest.fixture(autouse=True)
def children_find_the_models(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
