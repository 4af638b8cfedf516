"""What BlazeFace's output means: anchors, decoding, suppression.

After V. Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs (CVPR workshop 2019), with
the anchor options that MediaPipe publishes for the back camera (face_detection_back_desktop_live.pbtxt): input
256 x 256, strides 16, 32, 32, 32, two anchors a cell and layer, offset .5, fixed anchor size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.faces import Box, Eyes, Found, iou
from clipmill_vision.domain.facing import is_facing

SIZE = 256
# (stride in pixels, anchors a cell): the three layers of stride 32 share their cells.
LAYERS = ((16, 2), (32, 6))
# Overlapping detections of one face are blended (MediaPipe's min_suppression_threshold).
SUPPRESS_IOU = 0.3

Floats = NDArray[np.float32]


def anchors() -> Floats:
    """Centres of the 896 anchors, (x, y) as fractions of the input, in the order of the model's outputs."""
    grids = []
    for stride, repeats in LAYERS:
        cells = SIZE // stride
        centre = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(grids)


def detections(raw_boxes: Floats, raw_scores: Floats, centres: Floats, min_confidence: float) -> list[Found]:
    """Faces as fractions of the model's input with their confidences, the surest first.

    `raw_boxes`: 896 x 16 (centre x, y, width, height in pixels relative to the anchor, then six points x, y, of which
    the first two are the eyes); `raw_scores`: 896 logits.
    """
    # Clipped so that exp stays finite.
    confidences = 1 / (1 + np.exp(-np.clip(raw_scores, -80, 80)))
    sure = np.flatnonzero(confidences >= min_confidence)
    xy = raw_boxes[sure, :2] / SIZE + centres[sure]
    half = raw_boxes[sure, 2:4] / SIZE / 2
    eyes = raw_boxes[sure, 4:8] / SIZE + np.tile(centres[sure], 2)
    points = raw_boxes[sure, 4:16].reshape(-1, 6, 2) / SIZE + centres[sure, None]
    found = [
        Found(Box(float(x - w), float(y - h), float(x + w), float(y + h)), float(c), Eyes(*map(float, e)), is_facing(p))
        for (x, y), (w, h), e, c, p in zip(xy, half, eyes, confidences[sure], points.tolist(), strict=True)
        if w > 0 and h > 0
    ]
    return suppress(found)


def tiles(width: int, height: int) -> list[tuple[int, int]]:
    """Upper left corners (x, y) of overlapping squares of SIZE that cover a picture whose shorter side is SIZE.

    At most eight: a picture that is longer is no video that people watch.
    """
    rest = max(width, height) - SIZE
    count = min(-(-rest // (SIZE // 2)) + 1, 8)
    places = [round(rest * number / max(count - 1, 1)) for number in range(count)]
    return [(place, 0) if width >= height else (0, place) for place in places]


def suppress(found: Sequence[Found]) -> list[Found]:
    """Blend what overlaps: each surest face becomes the mean of its overlapping ones, weighted by confidence.

    The faces that come out are the surest first, with the confidence of the surest of each group.
    """
    rest = sorted(found, key=lambda face: -face.confidence)
    kept = []
    while rest:
        best = rest[0]
        group = [face for face in rest if face is best or iou(face.box, best.box) > SUPPRESS_IOU]
        rest = [face for face in rest if not any(face is member for member in group)]
        weights = [face.confidence for face in group]
        box = np.average([astuple(face.box) for face in group], axis=0, weights=weights)
        eyes = np.average([astuple(face.eyes) for face in group], axis=0, weights=weights)
        kept.append(Found(Box(*map(float, box)), best.confidence, Eyes(*map(float, eyes)), best.facing))
    return kept
