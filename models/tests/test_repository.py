"""The Triton repository that `make models` writes, and that what is generated is up to date."""

import re
from pathlib import Path

import pytest

import clipmill_models
from clipmill_models import NAMES, definition_of
from clipmill_models.repository import config, write

HERE = Path(clipmill_models.__file__).parent
ROOT = HERE.parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_in_the_folder_is_the_generated_one(name):
    assert (HERE / name / "config.pbtxt").read_text() == config(definition_of(name)), "run make models"


def test_a_repository_is_written_anew(tmp_path):
    (tmp_path / "old" / "1").mkdir(parents=True)
    write(tmp_path, map(definition_of, NAMES))
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {
        f"{name}/{file}" for name in NAMES for file in ("config.pbtxt", "1/model.py")
    }


def test_tritons_environment_has_the_weights_that_the_services_have():
    locked = {file: dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements" / file).read_text(), re.M))
              for file in ("run.txt", "triton.txt")}  # fmt: skip
    packages = {weights.package for name in NAMES for weights in definition_of(name).card.weights} | {"ai-edge-litert"}
    assert {name: locked["run.txt"][name] for name in packages} == {
        name: locked["triton.txt"][name] for name in packages
    }
