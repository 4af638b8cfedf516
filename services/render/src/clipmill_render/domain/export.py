"""The clip as an edit of its source, so that an editor can go on: OpenTimelineIO and CMX 3600 EDL.

Times are whole frames at the source's own rate, a fraction; nothing is rounded twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from clipmill_render.domain.timeline import Span

# What Finish.exports may name.
FORMATS = ("otio", "edl")
# What a line of an EDL's comment may have.
MAX_NAME = 120


@dataclass(frozen=True)
class Edit:
    """`pieces` of the media at `url` in seconds on its own clock, in order; it has `frames` frames at `rate`."""

    title: str
    url: str
    rate: Fraction
    frames: int
    has_sound: bool
    pieces: Sequence[Span]

    @property
    def cuts(self) -> list[tuple[int, int]]:
        """First frame and end of each piece in the media: the frames that the clip shows, as many as it has."""
        edges_s = [0.0, *accumulate(piece.length_s for piece in self.pieces)]
        edges = [round(edge_s * self.rate) for edge_s in edges_s]
        cuts = []
        for piece, starts_s, (begins, ends) in zip(self.pieces, edges_s, pairwise(edges), strict=False):
            # A piece rarely begins with a frame: its first one is that of the clip's first frame in it.
            first = round((piece.start_s - starts_s) * self.rate + begins)
            cuts.append((first, first + max(1, ends - begins)))
        return cuts


def otio_of(edit: Edit) -> str:
    """An OpenTimelineIO file (JSON, schema Timeline.1): a track for the picture, and one for the sound."""

    def time(frames: int) -> dict[str, object]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(edit.rate), "value": float(frames)}

    def span(first: int, end: int) -> dict[str, object]:
        return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(first), "duration": time(end - first)}

    media = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": edit.url, "available_range": span(0, edit.frames)}
    clips = [
        {
            "OTIO_SCHEMA": "Clip.2",
            "name": f"{edit.title} {number}",
            "source_range": span(first, end),
            "media_references": {"DEFAULT_MEDIA": media},
            "active_media_reference_key": "DEFAULT_MEDIA",
        }
        for number, (first, end) in enumerate(edit.cuts, 1)
    ]
    kinds = ["Video", *(["Audio"] if edit.has_sound else [])]
    tracks = [{"OTIO_SCHEMA": "Track.1", "name": kind, "kind": kind, "children": clips} for kind in kinds]
    rate = {"rate": f"{edit.rate.numerator}/{edit.rate.denominator}"}
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": edit.title,
        # The schema's own rate is a float.
        "metadata": {"clipmill": rate},
        "tracks": {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": tracks},
    }
    return json.dumps(timeline, indent=2, ensure_ascii=False) + "\n"


def edl_of(edit: Edit) -> str:
    """A CMX 3600 EDL: an event a piece, timecodes that count every frame."""
    name = " ".join(edit.url.rpartition("/")[2].split())[:MAX_NAME]
    channels = "AA/V" if edit.has_sound else "V"
    lines, at = [f"TITLE: {' '.join(edit.title.split())[:MAX_NAME]}", "FCM: NON-DROP FRAME", ""], 0
    for number, (first, end) in enumerate(edit.cuts, 1):
        times = " ".join(_timecode(frame, edit.rate) for frame in (first, end, at, at + end - first))
        lines += [f"{number:03}  AX       {channels:<5} C        {times}", f"* FROM CLIP NAME: {name}", ""]
        at += end - first
    return "\n".join(lines)


def _timecode(frame: int, rate: Fraction) -> str:
    seconds, frames = divmod(frame, round(rate))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"
