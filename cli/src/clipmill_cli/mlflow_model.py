"""A model's folder as MLflow keeps it: what of it can be registered. Nothing in it is run, no Python taken along.

https://mlflow.org/docs/latest/ml/model/ (storage format; signatures as tensor specifications)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmill.models.v1 import models_pb2 as pb
from clipmill_cli.onnx_parts import NotOnnxError, Parts
from clipmill_shared.errors import ClipmillError

MAX_MLMODEL_BYTES = 1 << 20
FLAVOURS = {"onnx": pb.FORMAT_ONNX, "safetensors": pb.FORMAT_SAFETENSORS}
# MLflow's own runtime casts 64-bit floats to what an ONNX model takes.
TYPES = {"float32": "FP32", "float64": "FP32", "int64": "INT64", "uint8": "UINT8"}


@dataclass(frozen=True)
class MlflowModel:
    """`signature` is None where the folder says none: then the file's own counts."""

    data: Path
    kind: pb.Format.ValueType
    signature: pb.Signature | None
    source: str


def read(folder: Path) -> MlflowModel:
    """MLFLOW_MODEL_INVALID, MLFLOW_FLAVOUR_REFUSED."""
    import yaml

    try:
        with (folder / "MLmodel").open("rb") as file:
            table = yaml.safe_load(file.read(MAX_MLMODEL_BYTES))
        flavours: dict[str, Any] = {str(name): dict(said or {}) for name, said in table["flavors"].items()}
    except (OSError, UnicodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _invalid(folder, f"its MLmodel cannot be read ({type(error).__name__}: {error})") from None
    flavour = next((name for name in FLAVOURS if name in flavours), None)
    if flavour is None:
        kept = ", ".join(map(_told, flavours.items()))[:300] or "nothing"
        raise ClipmillError(
            "MLFLOW_FLAVOUR_REFUSED",
            f"{folder} is kept as {kept}, which is run as Python or read as a pickle.",
            "Log the model as ONNX (mlflow.onnx.log_model): models come as data here, never as code.",
        )
    data = _inside(folder, flavours[flavour].get("data"))
    run = table.get("run_id") or table.get("model_uuid") or "unknown"
    source = f"MLflow {table.get('mlflow_version', '')}, run {run}"[:200]
    said = table.get("signature")
    try:
        signature = _signature(data, flavour, said) if said else None
    except (KeyError, TypeError, ValueError, AttributeError, NotOnnxError) as error:
        raise _invalid(folder, f"its signature cannot be taken over: {error}") from None
    return MlflowModel(data, FLAVOURS[flavour], signature, source)


@contextmanager
def artefact_of(model: MlflowModel) -> Iterator[Path]:
    """The model as one file, for as long as this lasts: MLflow keeps the weights of ONNX in a file beside it."""
    whole = b""
    if model.kind == pb.FORMAT_ONNX:
        try:
            parts = Parts.read(model.data)
            whole = parts.whole() if parts.has_more else b""
        except (NotOnnxError, OSError) as error:
            raise _invalid(model.data.parent, str(error)) from None
    if not whole:
        yield model.data
        return
    # Beside it, where the registry may read what lies under an import root.
    folder = model.data.parent
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix=".clipmill-", suffix=".onnx"))
            file.write(whole)
            file.flush()
        except OSError as error:
            raise ClipmillError(
                "MLFLOW_FOLDER_UNWRITABLE",
                f"Model and weights are two files, and cannot be made one where they lie: {error.strerror}. ({folder})",
                "Copy the folder to where you may write, under an import root, and import that.",
            ) from None
        yield Path(file.name)


def _signature(data: Path, flavour: str, said: dict[str, Any]) -> pb.Signature:
    """Tensors by name; where MLflow names none, in the order in which the file has them."""
    parts = Parts.read(data) if flavour == "onnx" else None
    return pb.Signature(
        inputs=_tensors(said["inputs"], parts.inputs if parts else ()),
        outputs=_tensors(said["outputs"], parts.outputs if parts else ()),
    )


def _tensors(said: str, names: Sequence[str]) -> Iterator[pb.Tensor]:
    for place, each in enumerate(json.loads(said)):
        spec = each.get("tensor-spec")
        name = each.get("name") or (names[place] if place < len(names) else "")
        if not spec or not name:
            raise ValueError(f"{name or 'column ' + str(place)} is no named tensor but {each.get('type')}")
        shape = [int(side) for side in spec["shape"]]
        if spec["dtype"] not in TYPES or shape[:1] != [-1]:
            raise ValueError(f"{name} is {spec['dtype']} {shape}, not {', '.join(TYPES)} with a first side of -1")
        yield pb.Tensor(name=name, dtype=TYPES[spec["dtype"]], shape=shape[1:])


def _inside(folder: Path, name: object) -> Path:
    path = (folder / str(name or "")).resolve()
    if not name or not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise _invalid(folder, f"it has no file {name}")
    return path


def _told(flavour: tuple[str, dict[str, Any]]) -> str:
    name, said = flavour
    loader = said.get("loader_module")
    return f"{name} ({loader})" if loader else name


def _invalid(folder: Path, why: str) -> ClipmillError:
    return ClipmillError(
        "MLFLOW_MODEL_INVALID",
        f"{folder} is no MLflow model that can be registered: {why[:300]}.",
        "See that it is the folder with MLmodel; log it with a signature of tensors, or without one.",
    )
