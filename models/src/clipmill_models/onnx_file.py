"""A model that is nothing but an ONNX file: its signature is what the file says, each side's first dimension rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clipmill_models.lite import Network
from clipmill_shared.inference.definition import (
    NUMPY,
    Batching,
    Card,
    Definition,
    Dtype,
    Infer,
    Signature,
    Tensor,
    Tensors,
)

MAX_ROWS = 32
_TYPES: dict[str, Dtype] = {"tensor(float)": "FP32", "tensor(int64)": "INT64", "tensor(uint8)": "UINT8"}


def opened(path: Path) -> Definition:
    """The model in .../model/version/file. ValueError for types that are none of ours, or without rows."""
    session = _session(path)
    signature = Signature(_tensors(session.get_inputs()), _tensors(session.get_outputs()))
    return Definition(
        name=path.parent.parent.name,
        version=path.parent.name,
        signature=signature,
        reference=f"clipmill_models.onnx_file:opened@{path}",
        load=lambda: loaded(path, signature),
        example=lambda: _example(signature),
        card=Card("any", path.parent.parent.name, "", "", (), {}),
        batching=Batching(max_rows=MAX_ROWS),
    )


def loaded(path: Path, signature: Signature) -> Infer:
    """What infers by the file, on one thread."""
    session = _session(path)
    names = [tensor.name for tensor in signature.outputs]

    def infer(inputs: Tensors) -> Tensors:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return infer


def network(path: Path, outputs: int) -> Network:
    """As of a .tflite file (lite.network), of the ONNX file that it was converted to."""
    session = _session(path)
    source = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs()[:outputs]]
    return lambda row: list(session.run(names, {source: row}))


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _tensors(values: Sequence[Any]) -> tuple[Tensor, ...]:
    return tuple(_tensor(value) for value in values)


def _tensor(value: Any) -> Tensor:
    if value.type not in _TYPES:
        raise ValueError(f"{value.name} is of {value.type}, not of {', '.join(_TYPES)}")
    if not value.shape or isinstance(value.shape[0], int):
        raise ValueError(f"{value.name} has the shape {value.shape}: its first side must be open, for rows")
    return Tensor(value.name, _TYPES[value.type], tuple(s if isinstance(s, int) else -1 for s in value.shape[1:]))


def _example(signature: Signature) -> Tensors:
    return {
        tensor.name: np.zeros((1, *(1 if side < 0 else side for side in tensor.shape)), NUMPY[tensor.dtype])
        for tensor in signature.inputs
    }
