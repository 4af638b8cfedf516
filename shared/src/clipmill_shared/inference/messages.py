"""Signatures and tensors as messages, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import NUMPY, Dtype, Signature, Tensor, Tensors


def signature_message(signature: Signature) -> pb.Signature:
    return pb.Signature(inputs=map(_tensor_message, signature.inputs), outputs=map(_tensor_message, signature.outputs))


def signature_of(message: pb.Signature) -> Signature:
    """INVALID_SIGNATURE for a type or a shape that there is not."""
    return Signature(tuple(map(_tensor, message.inputs)), tuple(map(_tensor, message.outputs)))


def values_of(tensors: Tensors) -> list[pb.Values]:
    return [_values(name, array) for name, array in tensors.items()]


def tensors_of(values: Iterable[pb.Values]) -> Tensors:
    """Arrays, by name. INVALID_TENSOR for content that is not of its type and shape."""
    return {each.name: _array(each) for each in values}


def _tensor_message(tensor: Tensor) -> pb.Tensor:
    return pb.Tensor(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape)


def _tensor(message: pb.Tensor) -> Tensor:
    if message.dtype not in NUMPY or not message.name or any(side < -1 or side == 0 for side in message.shape):
        raise ClipmillError(
            "INVALID_SIGNATURE",
            f"There can be no tensor {message.name!r} of {message.dtype!r} and the shape {list(message.shape)}.",
            f"Types are {', '.join(NUMPY)}; a side is a number from 1 on, or -1 for any.",
        )
    return Tensor(message.name, cast(Dtype, message.dtype), tuple(message.shape))


def _values(name: str, array: NDArray[Any]) -> pb.Values:
    dtype = next(dtype for dtype, kind in NUMPY.items() if kind == array.dtype)
    if dtype == "BYTES":
        return pb.Values(name=name, dtype=dtype, shape=array.shape, texts=[bytes(text) for text in array.ravel()])
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return pb.Values(name=name, dtype=dtype, shape=array.shape, content=little.tobytes())


def _array(values: pb.Values) -> NDArray[Any]:
    shape = tuple(values.shape)
    count = int(np.prod(shape, dtype=np.int64)) if shape and all(side > 0 for side in shape) else -1
    if values.dtype == "BYTES" and count == len(values.texts):
        texts = np.empty(count, object)
        texts[:] = list(values.texts)
        return texts.reshape(shape)
    kind = NUMPY.get(cast(Dtype, values.dtype))
    if kind is None or kind.hasobject or count * kind.itemsize != len(values.content):
        raise ClipmillError(
            "INVALID_TENSOR",
            f"The content of {values.name!r} is not {values.dtype!r} of the shape {list(shape)}.",
            "Send rows first, little-endian; texts one by one.",
        )
    return np.frombuffer(values.content, kind.newbyteorder("<")).astype(kind, copy=False).reshape(shape)
