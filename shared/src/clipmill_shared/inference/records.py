"""What is recorded of a call of a model: shapes and times, nothing of what was given or answered."""

from __future__ import annotations

import time

from clipmill_shared.inference.configured import Call
from clipmill_shared.inference.definition import Definition, Tensors
from clipmill_shared.inference.executor import Inferred

# Outputs that say how sure a model is, 0 to 1.
CONFIDENCES = ("confidence", "probability", "probabilities", "presence")


def call_of(definition: Definition, inputs: Tensors, inferred: Inferred) -> Call:
    """The record of a call that was answered just now."""
    return Call(
        model=definition.name,
        version=inferred.version,
        executor=inferred.executor,
        at_s=time.time(),
        queue_s=inferred.queue_s,
        compute_s=inferred.compute_s,
        rows=len(next(iter(inputs.values()))),
        batch_rows=inferred.batch_rows,
        confidence=confidence(inferred.outputs),
        inputs=tuple(
            f"{tensor.name} {tensor.dtype} {'x'.join(map(str, inputs[tensor.name].shape))}"
            for tensor in definition.signature.inputs
        ),
        fallback=inferred.fallback.partition(":")[0],
    )


def confidence(outputs: Tensors) -> float | None:
    """The surest of what an output says that is meant so; None where there is none."""
    for name in CONFIDENCES:
        array = outputs.get(name)
        if array is not None and array.size and array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:
            return float(array.max())
    return None
