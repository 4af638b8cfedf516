"""Joins the parts of a recording into one file, in the child process, without decoding."""

from __future__ import annotations

import errno

import av

from clipmill_ingest import probe
from clipmill_ingest.live.exchange import Joined, JoinRequest
from clipmill_ingest.live.picture import START_S, Format
from clipmill_shared.compute import Report

# Less than a tick of any track.
TICK_S = 1e-6
SAME_S = 0.002


def join(request: JoinRequest, report: Report) -> Joined:
    """ClipmillError with an INPUT_ code when no picture is in it; OSError when the disk is at fault."""
    try:
        media_type = _write(request, report)
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, str(error)) from None
    name = request.name
    with probe.opened(request.target, name) as container:
        timing = probe.read_packets(container, probe.picture_of(container, name), name).timing
    with probe.opened(request.target, name) as container:
        picture = probe.picture_of(container, name)
        sound = probe.sound_of(container, picture)
        info = probe.describe(container, picture, sound, timing, name)
    info.start_s, info.duration_s = START_S, timing.end_s - START_S
    if not request.has_sound:
        info.ClearField("audio")
    return Joined(info, media_type)


def _write(request: JoinRequest, report: Report) -> str:
    whole, media_type = None, ""
    # Of each kind of track the decoding time that was written last.
    last_s: dict[str, float] = {}
    for number, segment in enumerate(request.segments):
        with probe.opened(segment.path, request.name) as container:
            picture = probe.picture_of(container, request.name)
            sound = probe.sound_of(container, picture)
            if whole is None:
                form = Format(picture, sound)
                whole, media_type = form.create(request.target), form.media_type
            is_beyond = False
            for packet in container.demux([track for track in (picture, sound) if track is not None]):
                if packet.dts is None or packet.pts is None:
                    continue
                kind, base = packet.stream.type, float(packet.time_base)
                if kind == "video":
                    # It goes on into the next one's beginning, which is that one's.
                    is_beyond = is_beyond or packet.pts * base >= START_S + segment.end_s - SAME_S
                if (kind == "video" and is_beyond) or packet.dts * base <= last_s.get(kind, 0.0) + TICK_S:
                    continue
                last_s[kind] = packet.dts * base
                whole.write(packet)  # type: ignore[arg-type]
        report((number + 1) / len(request.segments))
    if whole is not None:
        whole.close()
    return media_type
