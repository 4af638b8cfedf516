"""What one opening of a live source brings: packets of a picture and its sound, each with a time. Runs in the child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from clipmill_ingest.live.picture import AnyPacket


@dataclass(frozen=True)
class Tracks:
    picture: VideoStream
    sound: AudioStream | None


def packets_of(container: InputContainer, tracks: Tracks) -> Iterator[AnyPacket]:
    """What can be read, as it comes. av.FFmpegError of a source that has broken off."""
    packets = container.demux([track for track in (tracks.picture, tracks.sound) if track is not None])
    has_begun, untimed = False, None
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
        is_picture = packet.stream_index == tracks.picture.index
        at = packet.dts if packet.dts is not None else packet.pts
        if at is None:
            # FFmpeg gives the first picture that comes by RTSP no time; without it all is lost up to the next keyframe.
            untimed = packet if is_picture and packet.is_keyframe and not has_begun else None
            continue
        if is_picture:
            if untimed is not None:
                untimed.dts = at - round(frame_s(packet) / float(packet.time_base))
                yield untimed
            has_begun, untimed = True, None
        yield packet


def frame_s(packet: AnyPacket) -> float:
    """How long a picture is shown, as far as is known."""
    picture: Any = packet.stream
    return (packet.duration or 0) * float(packet.time_base) or 1 / float(picture.average_rate or 25)
