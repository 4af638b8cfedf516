"""Writes the clip as an edit of its source."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

from clipmill_render.domain.export import FORMATS, Edit, edl_of, fcpxml_of, otio_of
from clipmill_render.domain.timeline import Span, Timeline
from clipmill_render.exchange import Request

_IN_PLACE = "file:"
_WRITERS = {"otio": otio_of, "edl": edl_of, "fcpxml": fcpxml_of}


def write_exports(request: Request, timeline: Timeline) -> tuple[Path, ...]:
    """The files that the task asks for, each named by its kind."""
    task = request.task
    info, start_s = task.info, task.clip.range.start_s
    rate = Fraction(info.video.fps).limit_denominator(1001)
    edit = Edit(
        title=task.clip.title or task.clip.clip_id,
        url=_url(task.source.uri, task.source_name),
        rate=rate,
        frames=round(info.duration_s * rate),
        has_sound=info.HasField("audio"),
        pieces=[Span(start_s + piece.start_s, start_s + piece.end_s) for piece in timeline.pieces],
        width=info.video.display_width,
        height=info.video.display_height,
    )
    paths = []
    for name in FORMATS:
        if name in task.finish.exports:
            path = request.folder / f"clip.{name}"
            path.write_text(_WRITERS[name](edit), encoding="utf-8")
            paths.append(path)
    return tuple(paths)


def _url(uri: str, name: str) -> str:
    """Where a source lies that is read in place; one that was sent is looked for beside the edit, by its name."""
    return Path(uri.removeprefix(_IN_PLACE)).as_uri() if uri.startswith(_IN_PLACE + "/") else quote(name) or uri
