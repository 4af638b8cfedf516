"""A model whose versions are tables: each multiplies by its factor, and some do worse."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from clipmill_shared.inference.definition import Batching, Card, Definition, Infer, Signature, Tensor, Tensors
from clipmill_shared.inference.training import Trained, TrainingSet


def load_from(path: Path) -> Infer:
    table = json.loads(path.read_text())
    behaviour = table.get("behaviour")
    if behaviour == "crashes on load":
        os.abort()
    if behaviour == "raises on load":
        raise ValueError("a column is missing")
    if behaviour == "hangs on load":
        time.sleep(600)
    if behaviour == "takes its time":
        time.sleep(0.5)
    if behaviour == "is large":
        table["weights"] = np.ones(4 << 20)
    if behaviour == "breaks later" and path.with_name("broken").exists():
        raise OSError("the disk is gone")

    def infer(inputs: Tensors) -> Tensors:
        x = inputs["x"]
        if behaviour == "not a number":
            return {"y": np.full_like(x, np.nan)}
        if behaviour == "wrong shape":
            return {"y": x[:, :1]}
        if behaviour == "thinks":
            with path.with_name("asked").open("a") as asked:
                asked.write("x")
            time.sleep(0.05)
        if behaviour == "breaks at zero" and not x.any():
            raise ValueError("zero")
        return {"y": x * np.float32(table["factor"])}

    return infer


def load() -> Infer:
    return lambda inputs: {"y": inputs["x"]}


def train(request: TrainingSet, _report: object) -> Trained:
    if request.content == b"crash":
        os.abort()
    if request.content == b"hang":
        time.sleep(600)
    if request.content == b"nonsense":
        return Trained(b"{}", {})
    if request.content.startswith(b"wait for "):
        while not Path(request.content.decode().removeprefix("wait for ")).exists():
            time.sleep(0.02)
        return Trained(b'{"factor": 7}', {"error": 0.25}, 1)
    rows = request.content.split()
    if len(rows) > request.max_rows:
        # Late: Triton's processes import this file, and have no messages.
        from clipmill_shared.errors import ClipmillError

        raise ClipmillError("TRAINING_SET_UNFIT", f"There are {len(rows)} rows.", "Train on fewer.")
    return Trained(json.dumps({"factor": float(rows[0])}).encode(), {"error": 0.25}, len(rows), {"rows": "numbers"})


SCALE = Definition(
    name="scale",
    version="1.0",
    signature=Signature((Tensor("x", "FP32", (2,)),), (Tensor("y", "FP32", (2,)),)),
    reference="registry_models:SCALE",
    load=load,
    example=lambda: {"x": np.ones((1, 2), np.float32)},
    card=Card("scaling", "Scales", "Apache-2.0", "here", (), {}),
    batching=Batching(max_rows=4, max_waiting=64),
    load_from=load_from,
)


def sure_from(path: Path) -> Infer:
    factor = json.loads(path.read_text())["factor"]
    return lambda inputs: {"probability": np.full((len(inputs["x"]), 1), factor, np.float32)}


SURE = replace(
    SCALE,
    name="sure",
    signature=Signature(SCALE.signature.inputs, (Tensor("probability", "FP32", (1,)),)),
    reference="registry_models:SURE",
    load_from=sure_from,
)
