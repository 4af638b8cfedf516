"""What one opening of a live source brings: packets of a picture and its sound, each with a time. Runs in the child."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from clipmill_ingest.live.picture import AnyPacket
from clipmill_ingest.live.sources import Opened

# A clock that jumps by more is another one.
JUMP_S = 10.0
BACK_S = 1.0
# Of a sound that is apart so much may come after the picture's end.
TAIL_S = 1.0


@dataclass(frozen=True)
class Tracks:
    picture: VideoStream
    sound: AudioStream | None


def packets_of(opened: Opened, tracks: Tracks) -> Iterator[AnyPacket]:
    """What can be read, as it comes. av.FFmpegError of a source that has broken off."""
    picture, sound = tracks.picture, tracks.sound
    if sound is None:
        yield from _of(opened.picture, picture)
    elif opened.sound is opened.picture:
        yield from _of(opened.picture, picture, sound)
    else:
        # Whichever is behind: nothing is read ahead of the other, and one that comes late is waited for.
        by_time = heapq.merge(_until_end(_of(opened.picture, picture)), _steady(_of(opened.sound, sound)), key=_TIME)
        for _, packet in by_time:
            if packet is None:
                return
            yield packet


_TIME = itemgetter(0)


def _steady(packets: Iterator[AnyPacket]) -> Iterator[tuple[float, AnyPacket | None]]:
    """Each with its time on a clock that goes on where the source's jumps: both tracks' jump at about one moment."""
    ahead_s, last_s = 0.0, None
    for packet in packets:
        at_s = float((packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base)
        if last_s is not None and not -BACK_S <= at_s - last_s <= JUMP_S:
            ahead_s += last_s - at_s
        last_s = at_s
        yield at_s + ahead_s, packet


def _until_end(packets: Iterator[AnyPacket]) -> Iterator[tuple[float, AnyPacket | None]]:
    """With None at the end, after which the sound may go on for ever."""
    at_s = 0.0
    for at_s, packet in _steady(packets):
        yield at_s, packet
    yield at_s + TAIL_S, None


def _of(container: InputContainer, *tracks: VideoStream | AudioStream) -> Iterator[AnyPacket]:
    packets = container.demux(list(tracks))
    has_begun, untimed, heard = False, None, None
    while True:
        try:
            packet: AnyPacket = next(packets)  # type: ignore[assignment]
        except StopIteration:
            return
        except av.error.InvalidDataError:
            # Damage; a source that has ended or broken off raises something else.
            continue
        if packet.size == 0:
            continue
        is_picture = packet.stream.type == "video"
        at = packet.dts if packet.dts is not None else packet.pts
        if at is None and not is_picture and heard is not None:
            # MPEG-TS times the first frame of several, and FFmpeg the others only once it knows how long one is.
            at = packet.pts = packet.dts = heard + _ticks(packet)
        if at is None:
            # FFmpeg gives the first picture that comes by RTSP no time; without it all is lost up to the next keyframe.
            untimed = packet if is_picture and packet.is_keyframe and not has_begun else None
            continue
        if is_picture:
            if untimed is not None:
                untimed.dts = at - round(frame_s(packet) / float(packet.time_base))
                yield untimed
            has_begun, untimed = True, None
        else:
            heard = at
        yield packet


def _ticks(packet: AnyPacket) -> int:
    """How long a frame of sound is heard."""
    codec: Any = packet.stream.codec_context
    return round(codec.frame_size / codec.sample_rate / float(packet.time_base)) if codec.sample_rate else 0


def frame_s(packet: AnyPacket) -> float:
    """How long a picture is shown, as far as is known."""
    picture: Any = packet.stream
    return (packet.duration or 0) * float(packet.time_base) or 1 / float(picture.average_rate or 25)
