"""`clipmill models import mlflow`: a folder as MLflow writes it is a version, if it is data and says what it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from registry_world import RegistryWorld, field, onnx_of_sum, value
from test_commands import clipmill

from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.inference.messages import tensors_of, values_of

WEIGHTS = np.array([3, 4], "<f4").tobytes()


def onnx_with_weights_beside(location: str = "0a1b.data") -> bytes:
    """y = x + w, of rows of two numbers; w lies in another file, after 8 bytes, as onnx.save_model puts it there."""

    def entry(key: bytes, said: bytes) -> bytes:
        return field(13, field(1, key) + field(2, said))

    place = entry(b"location", location.encode()) + entry(b"offset", b"8") + entry(b"length", b"8")
    weights = field(1, 2) + field(2, 1) + field(8, b"w") + place + field(14, 1)
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Add")
    graph = field(1, node) + field(2, b"shift") + field(5, weights) + field(11, value(b"x")) + field(12, value(b"y"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def tensor(shape: list[int], dtype: str = "float32", **name: str) -> dict[str, object]:
    return {**name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}


def said_of(**changes: object) -> dict[str, object]:
    """MLmodel, as mlflow.onnx.save_model of MLflow 2.16 writes it."""
    onnx = {"code": None, "data": "model.onnx", "onnx_version": "1.16.2", "providers": ["CPUExecutionProvider"]}
    signature = {
        "inputs": json.dumps([tensor([-1, 2], name="x")]),
        "outputs": json.dumps([tensor([-1, 2])]),
        "params": None,
    }
    python = {"data": "model.onnx", "loader_module": "mlflow.onnx", "python_version": "3.11.9"}
    said = {
        "flavors": {"onnx": onnx, "python_function": python},
        "mlflow_version": "2.16.0",
        "run_id": "5c2d7b",
        "signature": signature,
        "utc_time_created": "2026-10-01 12:00:00.000000",
    }
    return said | changes


def folder_of(world: RegistryWorld, said: dict[str, object], **files: bytes) -> Path:
    folder = world.folder / "files" / "kept"
    folder.mkdir()
    (folder / "MLmodel").write_text(yaml.safe_dump(said))
    for name, content in {"model.onnx": onnx_of_sum(), **files}.items():
        (folder / name).write_bytes(content)
    return folder


async def imported(world: RegistryWorld, folder: Path, *more: str) -> tuple[int, str]:
    return await clipmill(world, "import", "mlflow", str(folder), "kept", "1", *more)


async def answer(world: RegistryWorld) -> list[list[float]]:
    inputs = values_of({"x": np.array([[1, 2]], np.float32)})
    answered = await world.call("Predict", pb.PredictRequest(model="kept", version="1", inputs=inputs))
    return tensors_of(answered.outputs)["y"].tolist()


async def test_an_onnx_model_is_a_validated_version_that_says_where_it_comes_from(world: RegistryWorld):
    folder = folder_of(world, said_of())
    assert await imported(world, folder, "--licence", "MIT") == (0, "kept 1: validated\n")
    version = (await world.call("GetVersion", pb.GetVersionRequest(model="kept", version="1"))).version
    assert (version.metadata.source, version.metadata.licence) == ("MLflow 2.16.0, run 5c2d7b", "MIT")
    assert [(t.name, t.dtype, list(t.shape)) for t in version.signature.outputs] == [("y", "FP32", [2])]
    assert await answer(world) == [[2, 4]]


async def test_weights_in_a_file_beside_it_come_along(world: RegistryWorld):
    files = {"model.onnx": onnx_with_weights_beside(), "0a1b.data": bytes(8) + WEIGHTS}
    folder = folder_of(world, said_of(signature=None), **files)
    assert await imported(world, folder) == (0, "kept 1: validated\n")
    assert await answer(world) == [[4, 6]]
    assert sorted(path.name for path in folder.iterdir()) == ["0a1b.data", "MLmodel", "model.onnx"]


async def test_a_folder_where_model_and_weights_cannot_be_made_one_file_is_said(world: RegistryWorld):
    """Root may write everywhere; so a file's name finds no room, behind a path as long as paths may be."""
    files = {"model.onnx": onnx_with_weights_beside(), "0a1b.data": bytes(8) + WEIGHTS}
    folder = folder_of(world, said_of(signature=None), **files)
    deep, longest = folder.parent, os.pathconf("/", "PC_PATH_MAX") - 16
    while (left := longest - len(str(deep))) > 1:
        deep /= "d" * min(200, left - 1)
    deep.mkdir(parents=True)
    for path in folder.iterdir():
        path.rename(deep / path.name)
    exit_code, text = await imported(world, deep, "--json")
    assert exit_code == 5 and '"MLFLOW_FOLDER_UNWRITABLE"' in text and "name too long" in text


SKLEARN = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
PYTHON = {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"}
DOUBLE = json.dumps([{"name": "x", "type": "double"}])


@pytest.mark.parametrize(
    ("said", "files", "code", "names"),
    [
        (said_of(flavors={"sklearn": SKLEARN, "python_function": PYTHON}), {}, "FLAVOUR_REFUSED", "mlflow.sklearn"),
        (said_of(flavors={}), {}, "FLAVOUR_REFUSED", "nothing"),
        ({}, {}, "MODEL_INVALID", "flavors"),
        (said_of(flavors={"onnx": {"data": "../MLmodel"}}), {}, "MODEL_INVALID", "no file ../MLmodel"),
        (said_of(signature={"inputs": DOUBLE, "outputs": DOUBLE}), {}, "MODEL_INVALID", "x is no named tensor"),
        (said_of(), {"model.onnx": b"nonsense"}, "MODEL_INVALID", "no ONNX file"),
        (
            said_of(signature=None),
            {"model.onnx": onnx_with_weights_beside("../../secret")},
            "MODEL_INVALID",
            "no file ../../secret",
        ),
        (
            said_of(signature=None),
            {"model.onnx": onnx_with_weights_beside(), "0a1b.data": bytes(8)},
            "MODEL_INVALID",
            "ends too early",
        ),
    ],
    ids=["pickled", "nothing", "no MLmodel's", "outside", "columns", "damaged", "weights outside", "weights cut off"],
)
async def test_what_is_no_data_or_does_not_hold_together_is_refused_by_name(
    world: RegistryWorld, said: dict[str, object], files: dict[str, bytes], code: str, names: str
):
    (world.folder / "secret").write_bytes(bytes(16))
    exit_code, text = await imported(world, folder_of(world, said, **files), "--json")
    assert exit_code == 5 and f'"MLFLOW_{code}"' in text and names in text
    listed = await world.call("ListVersions", pb.ListVersionsRequest(model="kept"))
    assert not listed.versions


async def test_a_signature_that_the_file_does_not_have_is_found_out(world: RegistryWorld):
    wide = {"inputs": json.dumps([tensor([-1, 3], name="x")]), "outputs": json.dumps([tensor([-1, 3])])}
    exit_code, text = await imported(world, folder_of(world, said_of(signature=wide)), "--json")
    assert exit_code == 5 and '"SIGNATURE_DIFFERS"' in text


async def test_safetensors_need_a_definition_that_takes_them(world: RegistryWorld):
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    content = len(header).to_bytes(8, "little") + header + WEIGHTS
    said = said_of(flavors={"safetensors": {"data": "w.safetensors"}}, signature=None)
    folder = folder_of(world, said, **{"w.safetensors": content})
    exit_code, text = await imported(world, folder, "--json")
    assert exit_code == 2 and '"INVALID_DEFINITION"' in text
