"""The clip as an edit of its source, so that an editor can go on: OpenTimelineIO, CMX 3600 EDL and FCPXML.

Times are whole frames at the source's own rate, a fraction; nothing is rounded twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from urllib.parse import unquote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from clipmill_render.domain.timeline import Span

# What Finish.exports may name.
FORMATS = ("otio", "edl", "fcpxml")
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
    # Pixels as shown.
    width: int = 1920
    height: int = 1080

    @property
    def name(self) -> str:
        """Of the media, as people read it."""
        name = " ".join(unquote(self.url.rpartition("/")[2]).split())
        return "".join(letter for letter in name if letter.isprintable())[:MAX_NAME]

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
    channels = "AA/V" if edit.has_sound else "V"
    lines, at = [f"TITLE: {' '.join(edit.title.split())[:MAX_NAME]}", "FCM: NON-DROP FRAME", ""], 0
    for number, (first, end) in enumerate(edit.cuts, 1):
        times = " ".join(_timecode(frame, edit.rate) for frame in (first, end, at, at + end - first))
        lines += [f"{number:03}  AX       {channels:<5} C        {times}", f"* FROM CLIP NAME: {edit.name}", ""]
        at += end - first
    return "\n".join(lines)


def fcpxml_of(edit: Edit) -> str:
    """An FCPXML 1.8 file (later ones name files in a way that others do not read): an asset-clip a piece, whole frames.

    https://developer.apple.com/documentation/professional-video-applications/fcpxml-reference
    """
    title = "".join(letter for letter in edit.title if letter.isprintable())
    root = Element("fcpxml", version="1.8")
    resources = SubElement(root, "resources")
    size = {"width": str(edit.width), "height": str(edit.height)}
    SubElement(resources, "format", {"id": "r1", "frameDuration": _rational(1, edit.rate), **size})
    streams = {"hasVideo": "1", "format": "r1"} | ({"hasAudio": "1", "audioSources": "1"} if edit.has_sound else {})
    whole = {"start": "0s", "duration": _rational(edit.frames, edit.rate)}
    SubElement(resources, "asset", {"id": "r2", "name": edit.name, "src": edit.url, **whole, **streams})
    project = SubElement(SubElement(SubElement(root, "library"), "event", name="Clipmill"), "project", name=title)
    length = sum(end - first for first, end in edit.cuts)
    sequence = SubElement(
        project, "sequence", format="r1", duration=_rational(length, edit.rate), tcStart="0s", tcFormat="NDF"
    )
    spine, at = SubElement(sequence, "spine"), 0
    for number, (first, end) in enumerate(edit.cuts, 1):
        place = {"offset": at, "start": first, "duration": end - first}
        times = {name: _rational(frames, edit.rate) for name, frames in place.items()}
        named = {"ref": "r2", "name": f"{title} {number}", "format": "r1", "tcFormat": "NDF"}
        SubElement(spine, "asset-clip", named | times)
        at += end - first
    indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
    return head + tostring(root, encoding="unicode") + "\n"


def _rational(frames: int, rate: Fraction) -> str:
    """Seconds as FCPXML writes them: "1001/30000s"."""
    time_s = frames / rate
    return f"{time_s.numerator}s" if time_s.denominator == 1 else f"{time_s.numerator}/{time_s.denominator}s"


def _timecode(frame: int, rate: Fraction) -> str:
    seconds, frames = divmod(frame, round(rate))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"
