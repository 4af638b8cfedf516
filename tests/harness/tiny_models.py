"""Small models whose answers are known: they double a number, and fail, hang or lie when a number says so.

For tests of what runs models, here, in child processes and on Triton.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from clipmill_shared.inference.definition import (
    Batching,
    Card,
    Definition,
    Infer,
    Placement,
    Signature,
    Tensor,
    Tensors,
)

RAISES, LIES, DIES, HANGS = 13.0, 17.0, 19.0, 23.0


class Gate:
    """Holds a model's calls until it is opened, and remembers the rows of each call."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.rows: list[int] = []
        self.loads = 0
        self._open = threading.Event()
        if is_open:
            self._open.set()

    def open(self) -> None:
        self._open.set()

    def infer(self, inputs: Tensors) -> Tensors:
        self.rows.append(len(inputs["x"]))
        assert self._open.wait(20)
        return double(inputs)

    def load(self) -> Infer:
        self.loads += 1
        return self.infer


def double(inputs: Tensors) -> Tensors:
    numbers = inputs["x"]
    if (numbers == RAISES).any():
        raise ValueError("thirteen")
    if (numbers == DIES).any():
        os._exit(3)
    if (numbers == HANGS).any():
        time.sleep(1.5)
    if (numbers == LIES).any():
        return {"y": np.full_like(numbers, np.nan)}
    return {"y": numbers * np.float32(2)}


def total(inputs: Tensors) -> Tensors:
    return {"y": inputs["x"].sum(axis=1, keepdims=True)}


def sleep(inputs: Tensors) -> Tensors:
    time.sleep(float(inputs["x"].max()))
    return double(inputs)


def model(load: Callable[[], Infer] = lambda: double, name: str = "double", reference: str = "") -> Definition:
    return Definition(
        name=name,
        version="1",
        signature=Signature((Tensor("x", "FP32", (-1,)),), (Tensor("y", "FP32", (-1,)),)),
        reference=reference,
        load=load,
        example=lambda: {"x": np.ones((1, 2), np.float32)},
        card=Card("doubling", "Doubles", "Apache-2.0", "here", (), {}),
        batching=Batching(max_rows=4, max_waiting=8),
    )


def numbers(*values: float, rows: int = 1) -> Tensors:
    return {"x": np.tile(np.array(values, np.float32), (rows, 1))}


def _in_process(load: Callable[[], Infer], reference: str) -> Definition:
    return replace(model(load, reference, f"harness.tiny_models:{reference}"), placement=Placement("processes"))


DOUBLE_APART = _in_process(lambda: double, "DOUBLE_APART")
SLEEP_APART = _in_process(lambda: sleep, "SLEEP_APART")


def refuse() -> Infer:
    raise OSError("no such weights")


def short_of_memory(_inputs: Tensors) -> Tensors:
    raise MemoryError


def times(path: Path) -> Infer:
    """Multiplies by the number in the table, or does what the word in it says."""
    said = json.loads(path.read_text())["by"]
    if said == "raises on load":
        raise OSError("half of the weights are missing")
    if said == "crashes on load":
        os.abort()
    if said == "out of memory":
        return short_of_memory
    answers = {"raises": RAISES, "lies": LIES, "dies": DIES}
    if said in answers:
        return lambda inputs: double({"x": np.full_like(inputs["x"], answers[said])})
    if said == "wrong shape":
        return lambda inputs: {"y": inputs["x"][None]}
    return lambda inputs: {"y": inputs["x"] * np.float32(said)}


TIMES = replace(model(name="faces", reference="harness.tiny_models:TIMES"), load_from=times)
LARGE = replace(
    model(lambda: short_of_memory, "faces", "harness.tiny_models:LARGE"),
    load_from=times,
)
ON_TRITON = replace(
    model(name="double", reference="harness.tiny_models:ON_TRITON"), batching=Batching(max_rows=4, max_waiting=80)
)
TOTAL = replace(
    model(lambda: total, "total", "harness.tiny_models:TOTAL"),
    signature=Signature((Tensor("x", "FP32", (-1,)),), (Tensor("y", "FP32", (1,)),)),
)
# The names by which the server has them differ; what they are differs from what is said of them.
OTHER_VERSION = replace(ON_TRITON, name="other_version", reference="harness.tiny_models:OTHER_VERSION")
OTHER_SIGNATURE = replace(ON_TRITON, name="other_signature", reference="harness.tiny_models:OTHER_SIGNATURE")


def crash() -> Infer:
    os.abort()


def transposed(inputs: Tensors) -> Tensors:
    return {"y": np.repeat(inputs["x"], 2, axis=1)[:, :, None]}


CRASHES = replace(model(crash, "crashes"), reference="harness.tiny_models:CRASHES")
# Of another shape than it is configured with, which Triton lets pass as far as it may be any.
WRONG_SHAPE = replace(model(lambda: transposed, "wrong_shape"), reference="harness.tiny_models:WRONG_SHAPE")
BROKEN = replace(model(refuse, "broken"), reference="harness.tiny_models:BROKEN")
