"""dlib's face recognition network in numpy: 128 numbers of a face that lie near each other for one person.

Trained by D. King (dlib-models, CC0). Only the weights are used: dlib's own code takes eight times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

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

SIDE = 150
CARD = Card.read(Path(__file__).with_name("model.toml"))
# Channels, blocks of two convolutions, and whether the first block halves the picture.
STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
NUMBERS = 128
# What the network was trained with, per channel.
MEANS = np.array([122.782, 117.001, 104.298], np.float32)

Floats = NDArray[np.float32]


def load() -> Infer:
    network = _Network(CARD.weights[0].read())

    def infer(inputs: Tensors) -> Tensors:
        return {"looks": np.stack([network.numbers_of(image) for image in inputs["image"]])}

    return infer


class _Network:
    def __init__(self, content: bytes) -> None:
        tensors = _Tensors(content)
        self._first = _convolution(tensors, 32, 3, 7)
        self._blocks: list[tuple[bool, _Convolution, _Convolution]] = []
        before = 32
        for channels, count, halves in STAGES:
            for number in range(count):
                two = (_convolution(tensors, channels, before, 3), _convolution(tensors, channels, channels, 3))
                self._blocks.append((halves and number == 0, *two))
                before = channels
        self._out = tensors.take(before, NUMBERS).reshape(before, NUMBERS)

    def numbers_of(self, picture: NDArray[np.uint8]) -> Floats:
        x = np.maximum(self._first((picture - MEANS) / np.float32(256), step=2), 0)
        x = sliding_window_view(x, (3, 3), (0, 1))[::2, ::2].max(axis=(-2, -1))
        for halves, first, second in self._blocks:
            y = np.maximum(first(x, step=2) if halves else first(_edged(x)), 0)
            x = np.maximum(_sum(_halved(x) if halves else x, second(_edged(y))), 0)
        numbers: Floats = x.mean(axis=(0, 1)) @ self._out
        return numbers


@dataclass(frozen=True)
class _Convolution:
    """`weights`: (size * size * channels in) x channels out."""

    size: int
    weights: Floats
    bias: Floats

    def __call__(self, x: Floats, step: int = 1) -> Floats:
        """`x`: height x width x channels; no padding."""
        windows = sliding_window_view(x, (self.size, self.size), (0, 1))[::step, ::step].transpose(0, 1, 3, 4, 2)
        height, width = windows.shape[:2]
        out: Floats = windows.reshape(height * width, -1) @ self.weights + self.bias
        return out.reshape(height, width, -1)


class _Tensors:
    """Reads dlib's archive: little-endian floats after a version, 2, and four dimensions, in the network's order."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, samples: int, rows: int = 1) -> Floats:
        head = b"\1\2" + b"".join(_packed(n) for n in (samples, rows, 1, 1))
        # A ValueError here is a file of another network, which the package's hash rules out.
        self._at = self._content.index(head, self._at) + len(head)
        found = np.frombuffer(self._content, "<f4", samples * rows, self._at)
        self._at += found.nbytes
        return found


def _packed(number: int) -> bytes:
    """dlib's integers: how many bytes, then those, the lowest first."""
    size = (number.bit_length() + 7) // 8
    return bytes([size]) + number.to_bytes(size, "little")


def _convolution(tensors: _Tensors, out: int, into: int, size: int) -> _Convolution:
    """A convolution with the scaling that follows it."""
    count = out * into * size * size
    numbers = tensors.take(count + out)
    gamma, beta = tensors.take(2 * out).reshape(2, out)
    weights = numbers[:count].reshape(out, into, size, size) * gamma[:, None, None, None]
    columns = np.ascontiguousarray(weights.transpose(2, 3, 1, 0).reshape(-1, out))
    return _Convolution(size, columns, numbers[count:] * gamma + beta)


def _edged(x: Floats) -> Floats:
    edged: Floats = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return edged


def _halved(x: Floats) -> Floats:
    height, width = (side // 2 * 2 for side in x.shape[:2])
    x = x[:height, :width]
    quarter: Floats = (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) * np.float32(0.25)
    return quarter


def _sum(a: Floats, b: Floats) -> Floats:
    """As dlib adds what differs in size: what one lacks is 0."""
    whole: Floats = np.zeros(tuple(map(max, a.shape, b.shape)), dtype=np.float32)
    for x in (a, b):
        whole[: x.shape[0], : x.shape[1], : x.shape[2]] += x
    return whole


MODEL = Definition(
    name="face_looks",
    version="dlib-face-recognition-resnet-v1",
    signature=Signature(
        # RGB, upright, the eyes where dlib's mean face has them, with a border of a quarter.
        inputs=(Tensor("image", "UINT8", (SIDE, SIDE, 3)),),
        # One person's are at most .6 apart, says dlib.
        outputs=(Tensor("looks", "FP32", (NUMBERS,)),),
    ),
    reference="clipmill_models.face_looks.definition:MODEL",
    load=load,
    example=lambda: {"image": np.zeros((1, SIDE, SIDE, 3), np.uint8)},
    card=CARD,
    batching=Batching(max_rows=8, max_waiting=256),
    placement=Placement(instances=2, memory_bytes=48 << 20),
)
