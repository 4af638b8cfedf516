"""What BlazeFace's output means: anchors, decoding, suppression.

After V. Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs (CVPR workshop 2019), with
the anchor options that MediaPipe publishes for the back camera (face_detection_back_desktop_live.pbtxt): input
256 x 256, strides 16, 32, 32, 32, two anchors a cell and layer, offset .5, fixed anchor size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.faces import Box, iou

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


def detections(
    raw_boxes: Floats, raw_scores: Floats, centres: Floats, min_confidence: float
) -> list[tuple[Box, float]]:
    """Boxes as fractions of the model's input with their confidences, the surest first.

    `raw_boxes`: 896 x 16 (centre x, y, width, height in pixels relative to the anchor, then six points, not used here);
    `raw_scores`: 896 logits.
    """
    # Clipped so that exp stays finite.
    confidences = 1 / (1 + np.exp(-np.clip(raw_scores, -80, 80)))
    sure = np.flatnonzero(confidences >= min_confidence)
    xy = raw_boxes[sure, :2] / SIZE + centres[sure]
    half = raw_boxes[sure, 2:4] / SIZE / 2
    found = [
        (Box(float(x - w), float(y - h), float(x + w), float(y + h)), float(c))
        for (x, y), (w, h), c in zip(xy, half, confidences[sure], strict=True)
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


def suppress(found: Sequence[tuple[Box, float]]) -> list[tuple[Box, float]]:
    """Blend what overlaps: each surest box becomes the mean of its overlapping ones, weighted by confidence.

    The boxes that come out are the surest first, with the confidence of the surest of each group.
    """
    rest = sorted(found, key=lambda item: -item[1])
    kept = []
    while rest:
        best = rest[0]
        group = [item for item in rest if item is best or iou(item[0], best[0]) > SUPPRESS_IOU]
        rest = [item for item in rest if not any(item is member for member in group)]
        weight = sum(confidence for _, confidence in group)
        x0, y0, x1, y1 = (
            sum(getattr(box, side) * confidence for box, confidence in group) / weight
            for side in ("x0", "y0", "x1", "y1")
        )
        kept.append((Box(x0, y0, x1, y1), best[1]))
    return kept
