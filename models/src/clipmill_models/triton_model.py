"""Runs a definition on Triton's Python backend. A copy of this file is the `model.py` of each model in a repository.

Triton imports it in a process of its own, with the packages of that environment.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from clipmill_shared.inference.batches import split, stack
from clipmill_shared.inference.definition import NUMPY, Tensors, definition_at


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"])["parameters"]
        reference = parameters["reference"]["string_value"]
        if "weights" in parameters:
            # A registered version: its artefact came with the request to load it.
            folder = Path(args["model_repository"]) / args["model_version"]
            reference += f"@{folder / parameters['weights']['string_value']}"
        self._definition = definition_at(reference)
        self._infer = self._definition.load()

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        given: list[Tensors] = [
            {
                tensor.name: pb_utils.get_input_tensor_by_name(request, tensor.name).as_numpy()
                for tensor in self._definition.signature.inputs
            }
            for request in requests
        ]
        try:
            return self._responses(given)
        except Exception as error:
            if len(given) == 1:
                return [_failed(error)]
            # None fails for another's sake.
            return [self._alone(inputs) for inputs in given]

    def _alone(self, inputs: Tensors) -> Any:
        try:
            return self._responses([inputs])[0]
        except Exception as error:
            return _failed(error)

    def _responses(self, given: Sequence[Tensors]) -> list[Any]:
        rows = [len(next(iter(inputs.values()))) for inputs in given]
        outputs = self._infer(stack(given))
        if len(given) > 1 and not all(
            np.isfinite(array).all() for array in outputs.values() if array.dtype.kind == "f"
        ):
            raise ValueError("the outputs of a batch are not finite")
        return [
            pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(tensor.name, np.ascontiguousarray(share[tensor.name], NUMPY[tensor.dtype]))
                    for tensor in self._definition.signature.outputs
                ]
            )
            for share in split(outputs, rows)
        ]


def _failed(error: Exception) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(f"{type(error).__name__}: {error}"[:500]))
