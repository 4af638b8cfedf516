"""Says what a video is, for callers who come without ingest's word. Runs in the child."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from clipmill_vision.exchange import Shown, Video
from clipmill_vision.frames import LIMITS, unreadable

# Packets that may fail before a first frame comes.
FIRST_FRAME_PACKETS = 300


def what_it_is(path: Path) -> Video:
    """By every packet's own time, not by what the header says. Error: INPUT_UNREADABLE."""
    try:
        with av.open(str(path), options=LIMITS, metadata_errors="replace") as container:
            stream = _stream(container, path)
            index = stream.index
            begin_s, end_s = _extent(container, stream, path)
        with av.open(str(path), options=LIMITS, metadata_errors="replace") as container:
            return Video(index, begin_s, end_s - begin_s, _shown(container, index, path))
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        raise unreadable(path, str(error)) from None


def _stream(container: InputContainer, path: Path) -> VideoStream:
    """The default one, else the largest: of several programmes one is looked at. Cover pictures do not count."""
    tracks = [
        track
        for track in container.streams.video
        if track.codec_context is not None and not track.disposition & Disposition.attached_pic
    ]
    if not tracks:
        raise unreadable(path, "it has no picture that this build knows")
    return max(
        tracks,
        key=lambda t: (bool(t.disposition & Disposition.default), t.codec_context.width * t.codec_context.height),
    )


def _extent(container: InputContainer, stream: VideoStream, path: Path) -> tuple[float, float]:
    """Of the first picture and of the last one's end, in the container's seconds."""
    base = float(stream.time_base or 0)
    begin, end, last, step = None, None, None, 0
    try:
        for packet in container.demux(stream):
            at = packet.pts if packet.pts is not None else packet.dts
            if at is None or packet.size == 0 or packet.is_discard:
                continue
            begin = at if begin is None else min(begin, at)
            if last is None or at >= last:
                step = packet.duration or (0 if last is None else at - last)
                last, end = at, at + step
    except av.FFmpegError:
        # What comes before the fault can be looked at.
        pass
    if begin is None or end is None:
        raise unreadable(path, "it has no pictures")
    # A single picture without a duration is shown for a moment.
    return begin * base, max(end * base, begin * base + 0.04)


def _shown(container: InputContainer, stream_index: int, path: Path) -> Shown:
    stream = container.streams[stream_index]
    assert isinstance(stream, VideoStream)
    stream.codec_context.thread_count = 1
    for count, packet in enumerate(container.demux(stream)):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            frames = []
        if frames:
            # FFmpeg counts a display matrix's angle anticlockwise.
            rotation = round(-frames[0].rotation / 90) * 90 % 360
            pixel = float(stream.sample_aspect_ratio or 1)
            width, height = round(frames[0].width * pixel), frames[0].height
            return Shown(*((width, height) if rotation % 180 == 0 else (height, width)), rotation)
        if count > FIRST_FRAME_PACKETS:
            break
    raise unreadable(path, "its first pictures are damaged")
