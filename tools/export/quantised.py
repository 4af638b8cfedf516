"""Gives an ONNX network's convolutions 8-bit numbers: quantised.py FILE INPUTS.npy RESULT, in the export environment.

Scales come of the inputs, those of weights by channel. In 32 bits stay the first convolution, whose input is a picture,
and all that is no convolution: with it in 8 bits a tenth of the lines were lost (43 of 50 found instead of 48).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

# The first in which weights have a scale a channel.
OPSET = 13


class Inputs(CalibrationDataReader):
    def __init__(self, name: str, rows: np.ndarray) -> None:
        self._rows: Iterator[dict[str, np.ndarray]] = iter([{name: row[None]} for row in rows])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._rows, None)


def main() -> None:
    source, inputs, result = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        plain, simple = Path(folder) / "plain.onnx", Path(folder) / "simple.onnx"
        onnx.save(onnx.version_converter.convert_version(onnx.load(source), OPSET), plain)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(simple)
        onnxruntime.InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(simple).graph
        first = next(node.name for node in nodes.node if node.op_type == "Conv")
        quantize_static(
            simple,
            result,
            Inputs(nodes.input[0].name, np.load(inputs)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[first],
        )


main()
