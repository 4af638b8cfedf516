"""What is seen."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import MANY, Columns, Feature, Seen, sums
from clipmill_scoring.domain.spans import Spans
from clipmill_scoring.domain.timeline import Timeline

FEATURES: tuple[Feature, ...] = (
    Feature("face_share", "picture", "share", 1, 0, 1, "share of the clip with a face in the picture"),
    Feature("faces", "picture", "faces", 1, 0, MANY, "mean number of faces while there is one"),
    Feature("face_height", "picture", "share", 1, 0, 1, "mean height of the largest face, of the picture's"),
    Feature("facing", "picture", "share", 1, 0, 1,
            "share of the time with a face in which the largest one is turned to the camera, as far as that is known"),
    Feature("motion", "picture", "share", 1, 0, 1, "mean change of luma between sampled frames"),
    Feature("sharpness", "picture", "octaves", 1, -MANY, MANY, "sharpness (log2) over the whole video's mean"),
    Feature("still_share", "picture", "share", 2, 0, 1, "share of the clip in which the picture is black or frozen"),
    Feature("text_on_screen", "picture", "share", 1, 0, 1,
            "share of the clip in shots in whose keyframe something is written, of those that were looked at"),
)  # fmt: skip


def measure(seen: Seen) -> Columns:
    """The features of the picture."""
    timeline = seen.timeline
    columns: Columns = {feature.name: seen.unknown() for feature in FEATURES}
    if timeline.faces is not None:
        begin, end = seen.cells(timeline.faces)
        there = sums(timeline.faces.values > 0, begin, end)
        columns["face_share"] = there / np.maximum(end - begin, 1)
        columns["faces"] = sums(timeline.faces.values, begin, end) / np.where(there > 0, there, np.nan)
        if timeline.face_height is not None:
            columns["face_height"] = sums(timeline.face_height.values, begin, end) / np.where(there > 0, there, np.nan)
    if timeline.facing is not None:
        begin, end = seen.cells(timeline.facing)
        told = sums(~np.isnan(timeline.facing.values), begin, end)
        columns["facing"] = sums(np.nan_to_num(timeline.facing.values), begin, end) / np.where(told > 0, told, np.nan)
    if timeline.shots:
        columns["motion"] = np.clip(seen.over_shots([shot.motion for shot in timeline.shots]), 0, 1)
        octave = [float(np.log2(max(shot.sharpness, 1e-3))) for shot in timeline.shots]
        whole = np.average(octave, weights=[shot.duration_s for shot in timeline.shots])
        columns["sharpness"] = seen.over_shots(octave) - whole
        columns["still_share"] = seen.share(timeline.still)
        looked = seen.share(_shots(timeline, {True, False}))
        written = seen.share(_shots(timeline, {True}))
        columns["text_on_screen"] = np.clip(written / np.where(looked > 0, looked, np.nan), 0, 1)
    return columns


def _shots(timeline: Timeline, written: set[bool]) -> Spans:
    return tuple((shot.start_s, shot.end_s) for shot in timeline.shots if shot.is_written in written)
