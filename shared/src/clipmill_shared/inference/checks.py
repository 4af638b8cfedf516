"""Whether tensors are what a signature says; errors name the tensor, what it is and what it should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import NUMPY, Definition, Tensor, Tensors

MANY = 8192


def rows_of(definition: Definition, inputs: Tensors) -> int:
    """How many rows `inputs` have. INVALID_TENSOR when the model cannot take them."""
    wrong = _difference(definition.signature.inputs, inputs)
    rows = 0 if wrong else len(inputs[definition.signature.inputs[0].name])
    if not wrong and not 1 <= rows <= definition.batching.max_rows:
        wrong = f"there are {rows} rows, and it takes 1 to {definition.batching.max_rows}"
    if wrong:
        raise ClipmillError(
            "INVALID_TENSOR",
            f"The model {definition.name} cannot take this: {wrong}.",
            "Send what its signature says.",
        )
    return rows


def check_outputs(definition: Definition, outputs: Tensors, rows: int) -> None:
    """MODEL_OUTPUT_INVALID when outputs differ from the signature, have another number of rows, or are not finite."""
    wrong = _difference(definition.signature.outputs, outputs)
    if not wrong and len(outputs[definition.signature.outputs[0].name]) != rows:
        wrong = f"it has other than {rows} rows"
    for tensor in () if wrong else definition.signature.outputs:
        if tensor.dtype == "FP32" and not _is_finite(outputs[tensor.name]):
            wrong = f"{tensor.name} is not finite"
    if wrong:
        raise ClipmillError(
            "MODEL_OUTPUT_INVALID",
            f"What the model {definition.name} {definition.version} answered is unusable: {wrong}.",
            "Go back to a version that worked; the input itself was fine.",
        )


def _is_finite(array: NDArray[Any]) -> bool:
    """The sum of their squares says so at once; it may overflow where none of them is infinite."""
    flat = array.ravel()
    # Of few numbers this is quicker than a sum, of many BLAS would make threads.
    total = flat.dot(flat) if flat.size < MANY else np.add.reduce(flat)
    return math.isfinite(total) or bool(np.isfinite(array).all())


def _difference(expected: Sequence[Tensor], given: Tensors) -> str:
    """What is wrong, in words; "" for nothing."""
    rows = -1
    for tensor in expected:
        array = given.get(tensor.name)
        if array is None:
            rows = -1
            break
        if array.dtype != NUMPY[tensor.dtype]:
            return f"{tensor.name} is of {array.dtype}, not {tensor.dtype}"
        row = array.shape[1:]
        if row != tensor.shape and (
            len(row) != len(tensor.shape) or any(a not in (-1, b) for a, b in zip(tensor.shape, row, strict=True))
        ):
            return f"{tensor.name} has the shape {list(array.shape)}, not [rows, {str(list(tensor.shape))[1:]}"
        if rows not in (-1, len(array)):
            return f"{tensor.name} has {len(array)} rows, not {rows}"
        rows = len(array)
    if len(given) != len(expected) or rows < 0:
        names = sorted(tensor.name for tensor in expected)
        return f"the tensors are {', '.join(sorted(given)) or 'none'}, not {', '.join(names)}"
    return ""
