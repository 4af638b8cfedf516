"""Opens a video and says what it is. Runs in the child process: what it opens comes from strangers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream as AvAudio
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream as AvVideo

from clipmill.media.v1.media_pb2 import AudioStream, MediaInfo, VideoStream
from clipmill_ingest import faults
from clipmill_ingest.domain import mp4
from clipmill_ingest.domain.timing import Timing, timing_of
from clipmill_ingest.fields import unflagged_fields

# No demuxer in this list follows references to other files or addresses: playlists, manifests, concatenations,
# image sequences and devices are not in it, and MP4's external data references stay off.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,ogg,asf,mxf"
OPTIONS = {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "file",
    "enable_drefs": "0",
    "use_absolute_path": "0",
}
# Packets that may fail before a first frame comes.
FIRST_FRAME_PACKETS = 300
# A stream may end so much earlier than its container says.
EARLY_S = 0.5
EARLY_SHARE = 0.01


@dataclass(frozen=True)
class Packets:
    """What reading every packet once told: of the picture its timing, of each stream where it ends, in seconds."""

    timing: Timing
    ends_s: dict[int, float]
    # False when the demuxer met something that it could not read.
    is_readable: bool


@contextmanager
def opened(path: Path, name: str) -> Iterator[InputContainer]:
    """The container at `path`. INPUT_NOT_VIDEO or INPUT_TRUNCATED when it is none."""
    try:
        container = av.open(str(path), options=OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        _raise_if_cut_off(path, name)
        raise faults.not_video(name) from None
    with container:
        yield container


def _raise_if_cut_off(path: Path, name: str) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        wanted = mp4.bytes_wanted(file, size)
    if wanted is None:
        return
    if wanted == size + 1:
        raise faults.truncated(name, "its index (moov) is missing after", f"{size} bytes")
    raise faults.truncated(name, f"{size} bytes", f"{wanted}")


def picture_of(container: InputContainer, name: str) -> AvVideo:
    """The video track to use: a default one before others, then the largest; cover pictures do not count."""
    tracks = pictures(container)
    if not tracks:
        raise faults.no_picture(name) if container.streams.audio else faults.not_video(name)
    return max(tracks, key=lambda track: (bool(track.disposition & Disposition.default), _pixels(track)))


def _pixels(track: AvVideo) -> int:
    codec = track.codec_context
    return codec.width * codec.height if codec is not None else 0


def pictures(container: InputContainer) -> list[AvVideo]:
    return [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]


def sound_of(container: InputContainer, picture: AvVideo) -> AvAudio | None:
    """The audio track to use: the default one that can be decoded, else the first that can."""
    tracks = [track for track in container.streams.audio if track.codec_context is not None]
    if len(pictures(container)) > 1:
        # A transport stream may carry several programmes: the sound is that of the picture's own.
        own = container.streams.best("audio", related=picture)
        tracks = [track for track in tracks if track is own] or tracks
    return next((t for t in tracks if t.disposition & Disposition.default), tracks[0] if tracks else None)


def read_packets(container: InputContainer, picture: AvVideo, name: str) -> Packets:
    """Read the whole file once, without decoding. INPUT_CODEC, INPUT_ZERO_LENGTH."""
    if picture.codec_context is None:
        raise faults.codec(name, "its codec is unknown")
    pts, dts, keys = array("q"), array("q"), array("b")
    last_pts, last_duration = -(1 << 62), 0
    ends: dict[int, int] = {}
    is_readable = True
    try:
        for packet in container.demux():
            at = packet.pts if packet.pts is not None else packet.dts
            if at is None or packet.size == 0:
                continue
            index = packet.stream_index
            ends[index] = max(ends.get(index, at), at + (packet.duration or 0))
            if index != picture.index or packet.is_discard:
                continue
            pts.append(at)
            dts.append(packet.dts if packet.dts is not None else at)
            keys.append(packet.is_keyframe)
            if at > last_pts:
                last_pts, last_duration = at, packet.duration or 0
    except av.FFmpegError:
        is_readable = False
    timing = timing_of(
        np.frombuffer(pts, np.int64),
        np.frombuffer(dts, np.int64),
        np.frombuffer(keys, np.int8).astype(np.bool_),
        last_duration,
        float(picture.time_base or 0),
    )
    if timing is None or timing.end_s <= timing.start_s:
        raise faults.zero_length(name)
    bases = {stream.index: float(stream.time_base or 0) for stream in container.streams}
    return Packets(timing, {index: end * bases[index] for index, end in ends.items()}, is_readable)


def check_whole(container: InputContainer, packets: Packets, name: str) -> None:
    """INPUT_TRUNCATED when the tracks end well before the file says that they do."""
    if container.duration is None or not packets.ends_s:
        return
    stated_s = container.duration / av.time_base
    if container.format.name == "avi":
        # FFmpeg takes the duration of an AVI without its index from what is there; its header counts the frames.
        stated_s = max(stated_s, *(float(track.frames * (track.time_base or 0)) for track in pictures(container)))
    # Some containers count their duration from 0, some from where they start: in doubt the file is whole.
    there_s = max(packets.ends_s.values())
    if there_s < stated_s - max(EARLY_S, EARLY_SHARE * stated_s):
        raise faults.truncated(name, f"{max(there_s, 0):.1f} s can be read", f"{stated_s:.1f} s")


def describe(
    container: InputContainer, picture: AvVideo, sound: AvAudio | None, timing: Timing, name: str
) -> MediaInfo:
    """What later stages have to know. Decodes a frame: INPUT_CODEC when that cannot be done."""
    frame = _first_frame(container, picture, name)
    # FFmpeg counts a display matrix's angle anticlockwise.
    rotation = round(-frame.rotation / 90) * 90 % 360
    width, height = picture.codec_context.width, picture.codec_context.height
    pixel = picture.sample_aspect_ratio
    shown_width = width * float(pixel) if pixel else float(width)
    shown = (shown_width, float(height)) if rotation % 180 == 0 else (float(height), shown_width)
    info = MediaInfo(
        duration_s=timing.end_s - timing.start_s,
        start_s=timing.start_s,
        container=container.format.name.partition(",")[0],
        video=VideoStream(
            codec=picture.codec_context.name,
            width=width,
            height=height,
            display_width=_even(shown[0]),
            display_height=_even(shown[1]),
            rotation_deg=rotation,
            fps=timing.fps,
            variable_frame_rate=timing.is_variable,
            interlaced=frame.interlaced_frame,
            index=picture.index,
        ),
        audio_tracks=len(container.streams.audio),
        video_tracks=len(pictures(container)),
    )
    if not frame.interlaced_frame:
        info.video.unflagged_fields = unflagged_fields(
            container, picture, timing.fps, timing.start_s, timing.end_s - timing.start_s
        )
    if sound is not None:
        info.audio.CopyFrom(
            AudioStream(
                codec=sound.codec_context.name,
                sample_rate_hz=sound.codec_context.sample_rate,
                channels=sound.codec_context.channels,
                index=sound.index,
                language=sound.language if sound.language and sound.language != "und" else "",
            )
        )
    return info


def _first_frame(container: InputContainer, picture: AvVideo, name: str) -> av.VideoFrame:
    picture.codec_context.thread_count = 1
    what = picture.codec_context.name
    try:
        for count, packet in enumerate(container.demux(picture)):
            for frame in _decoded(packet):
                return frame
            if count > FIRST_FRAME_PACKETS:
                break
    except av.FFmpegError as error:
        raise faults.codec(name, f"{what}: {error.strerror}") from None
    raise faults.codec(name, what)


def _decoded(packet: av.Packet[AvVideo]) -> list[av.VideoFrame]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
    except av.error.InvalidDataError:
        return []


def _even(pixels: float) -> int:
    return max(2, int(pixels / 2 + 1e-6) * 2)
