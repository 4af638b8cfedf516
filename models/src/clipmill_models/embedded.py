"""Runs ONNX files by ONNX Runtime, one thread. It lets go of Python's lock while it infers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipmill_shared.inference.definition import Weights

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def session(weights: Weights) -> InferenceSession:
    """The network in weights that are an ONNX file, on the CPU."""
    content = weights.read()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
