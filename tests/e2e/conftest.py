"""What end-to-end tests stand on."""

import json
from pathlib import Path

import pytest
from e2e.support import SAMPLE, Clipmill


@pytest.fixture
def clipmill(tmp_path) -> Clipmill:
    return Clipmill(tmp_path)


@pytest.fixture(scope="session")
def sample() -> Path:
    path = SAMPLE / "sample.mp4"
    assert path.exists(), "the sample is made by `make sample`"
    return path


@pytest.fixture(scope="session")
def truth() -> dict:
    return json.loads((SAMPLE / "sample.truth.json").read_text())
